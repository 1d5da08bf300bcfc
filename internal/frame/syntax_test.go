package frame_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// syntax checks an error's type and position.
func syntax(t *testing.T, text string, err error, pos int, says string) {
	t.Helper()
	e, ok := errors.AsType[*frame.SyntaxError](err)
	if !ok || e.Text != text || e.Pos != pos || !strings.Contains(e.Reason, says) {
		t.Errorf("%q: %v, want something at %d on %q", text, err, pos, says)
	}
}

func TestDescribeRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		pos  int
		says string
	}{
		{"", 0, "expected eth, not the end"},
		{"ip udp", 0, "expected eth, not ip"},
		{"eth", 3, "expected vlan or qinq or arp or ip or ip6, not the end"},
		{"eth ip", 6, "expected udp or tcp or icmp or gre, not the end"},
		{"eth ip icmp6", 7, "expected udp or tcp or icmp or gre, not icmp6"},
		{"eth arp udp", 8, "expected the end, not udp"},
		{"eth ip udp vxlan", 16, "expected eth, not the end"},
		{"eth vlan vlan vlan ip udp", 14, "at most 2 tags"},
		{"eth ip gre ip gre ip gre ip udp", 21, "2 tunnels"},
		{"eth ipx", 4, `"ipx" is no header`},
		{"sport=1", 0, "expected the name of a header"},
		{"eth ip tos=1 udp", 7, `ip has no field "tos": there are src, dst, dscp`},
		{"eth ip ttl=1 ttl=2 udp", 13, "ttl is given twice"},
		{"eth ip udp sport=", 17, "sport has no value"},
		{"eth ip udp sport=65536", 17, `sport is a number from 0 to 65535, not "65536"`},
		{"eth ip udp sport=1-", 19, "sport is a number"},
		{"eth ip udp sport=1,,2", 19, "sport is a number"},
		{"eth ip udp sport=1-9+0", 21, "a step is a whole number from 1"},
		{"eth ip dscp=64 udp", 12, "dscp is a number from 0 to 63"},
		{"eth vlan id=4096 ip udp", 12, "from 0 to 4095"},
		{"eth ip src=fd00::1 udp", 11, "is no IPv4 address"},
		{"eth ip src=10.0.0.0/33 udp", 20, "a prefix length is 0 to 32"},
		{"eth ip6 src=10.0.0.1 udp", 12, "is no IPv6 address"},
		{"eth ip6 src=fd00::1-fd00:0:0:1::1 udp", 20, "stays within one /64"},
		{"eth ip6 src=fe80::1%eth0 udp", 12, "is no IPv6 address"},
		{"eth src=02-00-00-00-00-01 ip udp", 8, "is no MAC address"},
		{"eth ip src=10.0.0.0/8,11.0.0.1 udp", 11, "at most 65536 values"},
	} {
		_, err := frame.Describe(c.text)
		syntax(t, c.text, err, c.pos, c.says)
	}
}

func TestParseRange(t *testing.T) {
	for _, c := range []struct {
		text, from, to string
		port           bool
		group          int
	}{
		{"10.0.0.1", "10.0.0.1:1234", "10.0.0.1:1234", false, -1},
		{"10.0.0.1:80", "10.0.0.1:80", "10.0.0.1:80", true, -1},
		{"10.0.0.1:80-10.0.0.9:90", "10.0.0.1:80", "10.0.0.9:90", true, -1},
		{"10.0.0.1:80-10.0.0.9", "10.0.0.1:80", "10.0.0.9:80", true, -1},
		{"10.0.0.1-10.0.0.9:90", "10.0.0.1:90", "10.0.0.9:1234", true, -1},
		{"10.0.0.9:90-10.0.0.1:80", "10.0.0.1:80", "10.0.0.9:90", true, -1},
		{"10.0.0.9:80-10.0.0.1:90", "10.0.0.1:80", "10.0.0.9:90", true, -1},
		{"fd00::1-fd00::ff", "[fd00::1]:1234", "[fd00::ff]:1234", false, -1},
		{"[fd00::1]:7-[fd00::ff]:9", "[fd00::1]:7", "[fd00::ff]:9", true, -1},
		{"3@[fd00:0:0:1::1]:7-[fd00:0:0:9::1]", "[fd00:0:0:1::1]:7", "[fd00:0:0:9::1]:7", true, 3},
		{"7@fd00::1", "[fd00::1]:1234", "[fd00::1]:1234", false, 7},
	} {
		r, err := frame.ParseRange(c.text)
		if err != nil || r.From.String() != c.from || r.To.String() != c.to || r.Port != c.port || r.Group != c.group {
			t.Errorf("%q: %+v, %v", c.text, r, err)
		}
	}
	for _, c := range []struct {
		text string
		pos  int
		says string
	}{
		{"", 0, "is not ip[:port]"},
		{"10.0.0.1:80-", 12, "is not ip[:port]"},
		{"10.0.0.1:80-90", 12, `"90" is not ip[:port]`},
		{"10.0.0.1-fd00::1", 9, "of one family"},
		{"8@fd00::1", 0, "a group of an IPv6 address is 0 to 7"},
		{"1@10.0.0.1", 0, "have no groups"},
		{"1@fd00::1-2@fd00::2", 10, "both ends are about group 1"},
		{"fd00::1-fd01::2", 8, "within one /64"},
	} {
		_, err := frame.ParseRange(c.text)
		syntax(t, c.text, err, c.pos, c.says)
	}
}

func TestParseSizesRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		pos  int
		says string
	}{
		{"", 0, "a length is a number"},
		{"60,", 3, "a length is a number"},
		{"0-5", 0, "a length is at least 1"},
		{"65536", 0, "from 0 to 65535"},
		{"60:0", 3, "a weight is a whole number"},
		{"60:x", 3, "a weight is a whole number"},
		{"60:65536,61", 9, "repeat after at most 65536"},
		{"1-65535,1-2", 8, "repeat after at most 65536"},
		{"imax", 0, "a length is a number"},
	} {
		_, err := frame.ParseSizes(c.text)
		syntax(t, c.text, err, c.pos, c.says)
	}
}

func TestChangesRefused(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"tcp sport=1", "cannot change the tcp header of a frame that has no further one"},
		{"ip ttl=1 ip ttl=2", "cannot change the ip header"},
		{"ip dscp=0-3 ecn=0-3", "cannot vary both dscp and ecn"},
	} {
		d, err := frame.DescribeChanges(c.text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = frame.NewWriter(frame.Config{Shape: frame.Shape{Changes: d}}, 0, 1)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// FuzzDescribe holds that nothing panics, that a refusal points into the text,
// and that what is accepted makes sound frames.
func FuzzDescribe(f *testing.F) {
	for _, text := range descriptions {
		f.Add(text)
	}
	f.Add("eth ip6 src=fd00::/8 udp sport=9-1+3 dport~1,5-9,0x50")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := frame.Describe(text)
		if err != nil {
			e, ok := errors.AsType[*frame.SyntaxError](err)
			if !ok || e.Text != text || e.Pos < 0 || e.Pos > len(text) || e.Reason == "" || d != nil {
				t.Fatalf("Describe(%q) = %+v, %#v", text, d, err)
			}
			return
		}
		w, err := frame.NewWriter(frame.Config{Len: 300, Shape: frame.Shape{Layers: d}}, 1, 2)
		if err != nil {
			return // two fields of one word
		}
		buf := bytes.Clone(w.Image())
		for range 3 {
			sound(t, buf[:w.Next(buf)])
		}
	})
}

// FuzzParseRange holds the same of ranges.
func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"10.0.0.1:80-10.0.0.9:90", "3@[fd00:0:0:1::1]:7-[fd00:0:0:9::1]", "fd00::1-fd00::ff", "::ffff:1.2.3.4-1.2.3.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := frame.ParseRange(text)
		if err != nil {
			e, ok := errors.AsType[*frame.SyntaxError](err)
			if !ok || e.Text != text || e.Pos < 0 || e.Pos > len(text) || r != (frame.Range{}) {
				t.Fatalf("ParseRange(%q) = %+v, %#v", text, r, err)
			}
			return
		}
		if r.To.Addr().Less(r.From.Addr()) || r.To.Port() < r.From.Port() || r.Group > 7 {
			t.Fatalf("ParseRange(%q) = %+v", text, r)
		}
		w, err := frame.NewWriter(frame.Config{Shape: frame.Shape{DstRange: r}}, 0, 1)
		if err != nil {
			t.Fatalf("ParseRange(%q) = %+v: %v", text, r, err)
		}
		buf := bytes.Clone(w.Image())
		for range 3 {
			sound(t, buf[:w.Next(buf)])
		}
	})
}

// FuzzParseSizes holds that lengths are positive and that few make no large
// memory.
func FuzzParseSizes(f *testing.F) {
	for _, s := range []string{"imix", "~60-1514+2", "60:7,590:4,1514:1", "1-65535"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := frame.ParseSizes(text)
		if err != nil {
			e, ok := errors.AsType[*frame.SyntaxError](err)
			if !ok || e.Pos < 0 || e.Pos > len(text) {
				t.Fatalf("ParseSizes(%q): %#v", text, err)
			}
			return
		}
		if m := s.Mean(); m < 1 || m > 65535 {
			t.Fatalf("ParseSizes(%q) has the mean %g", text, m)
		}
	})
}

// FuzzGivenFrame takes any bytes for a captured frame, changes what can be
// changed, and wants the checksums that were found to be right.
func FuzzGivenFrame(f *testing.F) {
	for _, text := range descriptions {
		c := shaped(plainText(text), f)
		c.Len = 180
		f.Add(newWriter(f, c, 0, 1).Image())
	}
	changes := []*frame.Description{nil}
	for _, text := range []string{"ip src~ ttl=1-9", "ip6 dst~", "udp sport~", "tcp seq~ dport~", "vlan id~", "eth src~", "vxlan vni~ ip src~ udp sport~"} {
		d, err := frame.DescribeChanges(text)
		if err != nil {
			f.Fatal(err)
		}
		changes = append(changes, d)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		for i, d := range changes {
			w, err := frame.NewWriter(frame.Config{Shape: frame.Shape{Bytes: b, Changes: d}}, 0, 1)
			if err != nil {
				continue
			}
			buf := bytes.Clone(w.Image())
			if i == 0 && (!w.Static() || !bytes.Equal(buf, b)) {
				t.Fatalf("%x became %x", b, buf)
			}
			probing := w.Probe(5) == nil
			buf = bytes.Clone(w.Image())
			for seq := range uint64(3) {
				if n := w.Next(buf); n != len(b) {
					t.Fatalf("%d bytes became %d", len(b), n)
				}
				var p frame.Probe
				if probing && frame.Read(frame.Ethernet, buf, &p) && (p.Stream != 5 || p.Seq != seq) {
					t.Fatalf("read %+v", p)
				}
				if probing || i > 0 {
					sound(t, buf)
				}
			}
		}
	})
}

// sound builds a frame again if gopacket can, and compares.
func sound(t *testing.T, b []byte) {
	t.Helper()
	w, err := frame.NewWriter(frame.Config{Shape: frame.Shape{Bytes: b, Changes: mustChange("eth src=02:00:00:00:00:01")}}, 0, 1)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	// Nothing but the source address differs, and no checksum is corrected.
	again := bytes.Clone(w.Image())
	if len(again) >= 12 {
		copy(again[6:12], b[6:12])
	}
	if !bytes.Equal(again, b) {
		t.Fatalf("a checksum is wrong in\n%x, not\n%x", b, again)
	}
}

func mustChange(text string) *frame.Description {
	d, err := frame.DescribeChanges(text)
	if err != nil {
		panic(err)
	}
	return d
}
