package frame_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// plainText is a description without its fields, but for a GRE key, which makes
// the header longer.
func plainText(text string) string {
	var words []string
	for _, w := range strings.Fields(text) {
		if strings.HasPrefix(w, "key") {
			w = "key=5"
		} else if strings.ContainsAny(w, "=~") {
			continue
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// TestGivenFrameAlike takes each described frame as one that is given, and
// wants the same changes to make the same frames of it.
func TestGivenFrameAlike(t *testing.T) {
	for _, text := range descriptions {
		plain := shaped(plainText(text), t)
		plain.Len = 300
		given := bytes.Clone(newWriter(t, plain, 0, 1).Image())
		changes, err := frame.DescribeChanges(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, sizes := range []string{"300", "~200-300"} {
			c := shaped(text, t)
			c.Sizes, c.Seed = parseSizes(t, sizes), 3
			g := frame.Config{Shape: frame.Shape{Bytes: given, Changes: changes, Sizes: c.Sizes, Seed: 3}}
			a, b := newWriter(t, c, 0, 2), newWriter(t, g, 0, 2)
			if !strings.Contains(text, "arp") {
				if err := errorsOf(a.Probe(1), b.Probe(1)); err != "" {
					t.Fatalf("%s: %s", text, err)
				}
			}
			x, y := bytes.Clone(a.Image()), bytes.Clone(b.Image())
			for i := range 100 {
				n, m := a.Next(x), b.Next(y)
				if !bytes.Equal(x[:n], y[:m]) {
					t.Fatalf("%s, sizes %s, frame %d:\n%x described,\n%x given", text, sizes, i, x[:n], y[:m])
				}
			}
		}
	}
}

func errorsOf(errs ...error) string {
	for _, err := range errs {
		if err != nil {
			return err.Error()
		}
	}
	return ""
}

// TestReadFindsEveryProbe reads back what every description can carry, from
// frames that are whole and from ones cut right behind the probe.
func TestReadFindsEveryProbe(t *testing.T) {
	for _, text := range descriptions {
		c := shaped(text, t)
		c.Sizes = parseSizes(t, "~160-400")
		w := newWriter(t, c, 0, 1)
		if err := w.Probe(77); err != nil {
			if !strings.Contains(text, "arp") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		buf := bytes.Clone(w.Image())
		for seq := range uint64(100) {
			w.Batch(1000 + seq)
			n := w.Next(buf)
			want := frame.Probe{Stream: 77, Seq: seq, Time: 1000 + seq}
			if seq == 99 {
				n = w.End(buf, 100)
				want.Seq, want.End = 100, true
			}
			var p frame.Probe
			if !frame.Read(frame.Ethernet, buf[:n], &p) || p != want {
				t.Fatalf("%s: read %+v, want %+v, from %x", text, p, want, buf[:n])
			}
			from := -1
			for cut := range n {
				if frame.Read(frame.Ethernet, buf[:cut], &p) {
					from = cut
					break
				}
			}
			tail := bytes.Index(buf[:n], []byte{0xb5, 0x72, 0, 77}) + frame.ProbeLen
			if seq == 99 {
				tail = bytes.Index(buf[:n], []byte{0xb5, 0xe7, 0, 77}) + frame.ProbeLen
			}
			if from != tail {
				t.Fatalf("%s: the probe ends at %d and is read from %d bytes on", text, tail, from)
			}
		}
	}
}

// TestEveryCombinationOnce counts the frames of one cycle and of two.
func TestEveryCombinationOnce(t *testing.T) {
	for _, c := range []struct {
		text  string
		cycle int
	}{
		{"eth ip udp sport=1000-1099", 100},
		{"eth ip udp sport=1099-1000+11", 10},
		{"eth src=02:00:00:00:00:01-02:00:00:00:00:03 vlan id=1-4 ip6 dst=fd00::/126 ttl=64-60 udp dport=80,443,8000-8002", 3 * 4 * 4 * 5 * 5},
		{"eth ip src=10.0.0.0/29 dscp=0-63 tcp seq=0-4294967295+1000000000", 8 * 64 * 5},
		{"eth ip udp vxlan vni=16777215-16777206 eth ip src=1.2.3.4,5.6.7.8 icmp id=1-7", 10 * 2 * 7},
		{"eth ip6 src=fd00::1,fd01::2:3,fd00::1:0:0:0:9 udp", 3},
	} {
		for _, threads := range []int{1, 2, 5} {
			seen := map[string]int{}
			for i := range threads {
				w := newWriter(t, shaped(c.text, t), i, threads)
				buf := bytes.Clone(w.Image())
				for n := i; n < 2*c.cycle; n += threads {
					seen[string(buf[:w.Next(buf)])]++
				}
			}
			for f, n := range seen {
				if n != 2 {
					t.Fatalf("%s, %d threads: %x comes %d times in two cycles", c.text, threads, f, n)
				}
			}
			if len(seen) != c.cycle {
				t.Errorf("%s, %d threads: %d different frames, want %d", c.text, threads, len(seen), c.cycle)
			}
		}
	}
}

func TestFlows(t *testing.T) {
	for _, c := range []frame.Config{
		{Shape: frame.Shape{Flows: 1000}},
		{Shape: frame.Shape{Flows: 1000, IPv6: true}},
		{Shape: frame.Shape{Flows: 1000, RandomDst: true, SrcRange: parseRange(t, "10.9.9.250")}},
	} {
		w := newWriter(t, c, 0, 1)
		buf := bytes.Clone(w.Image())
		flows := map[string]int{}
		for range 3000 {
			w.Next(buf)
			flows[tupleOf(t, buf).src.String()]++
		}
		if len(flows) != 1000 {
			t.Errorf("%+v: %d flows", c, len(flows))
		}
	}
	for says, c := range map[string]frame.Config{
		"vary already":  {Shape: frame.Shape{Flows: 2, RandomSrc: true}},
		"are 6 address": {Shape: frame.Shape{Flows: 7, SrcRange: parseRange(t, "255.255.255.250")}},
		"end of its /6": {Shape: frame.Shape{Flows: 3, SrcRange: parseRange(t, "fd00::ffff:ffff:ffff:fffe")}},
		"without an IP": {Shape: frame.Shape{Flows: 2, Layers: describe(t, "eth arp")}},
	} {
		if _, err := frame.NewWriter(c, 0, 1); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want something on %q", err, says)
		}
	}
}

// Random values depend on the seed alone, and are spread evenly over what they
// are to be.
func TestRandomValues(t *testing.T) {
	c := shaped("eth ip src~10.0.0.0/30 dst~1.1.1.1,2.2.2.2,3.3.3.3 udp sport~1000-1009 dport~", t)
	seen := map[uint64]string{}
	for _, seed := range []uint64{1, 1, 2} {
		c.Seed = seed
		w := newWriter(t, c, 0, 1)
		buf := bytes.Clone(w.Image())
		counts := map[string]int{}
		var all strings.Builder
		const n = 60000
		for range n {
			w.Next(buf)
			p := tupleOf2(buf)
			counts["src "+p[0]]++
			counts["dst "+p[1]]++
			counts["sport "+p[2]]++
			all.WriteString(strings.Join(p, " "))
		}
		for v, got := range counts {
			want := map[string]float64{"src": n / 4, "dst": n / 3, "spo": n / 10}[v[:3]]
			if math.Abs(float64(got)-want) > 6*math.Sqrt(want) {
				t.Errorf("seed %d: %s comes %d times, want about %g", seed, v, got, want)
			}
		}
		if len(counts) != 4+3+10 {
			t.Errorf("seed %d: %d values", seed, len(counts))
		}
		if before, ok := seen[seed]; ok && before != all.String() {
			t.Error("the same seed gives other frames")
		}
		seen[seed] = all.String()
	}
	if seen[1] == seen[2] {
		t.Error("another seed gives the same frames")
	}
}

// tupleOf2 is addresses and ports of a plain UDP frame as text.
func tupleOf2(b []byte) []string {
	return []string{fmt.Sprint(b[26:30]), fmt.Sprint(b[30:34]), fmt.Sprint(b[34:36]), fmt.Sprint(b[36:38])}
}

// A random IPv6 address has random bits in all of its prefix's rest.
func TestRandomIPv6(t *testing.T) {
	w := newWriter(t, shaped("eth ip6 src~2001:db8::/36 dst~ udp", t), 0, 1)
	buf := bytes.Clone(w.Image())
	var ones, zeros [32]byte
	for range 200 {
		w.Next(buf)
		for i, v := range buf[22:54] {
			ones[i] |= v
			zeros[i] |= ^v
		}
	}
	want := bytes.Repeat([]byte{0xff}, 32)
	copy(want, []byte{0x20, 0x01, 0x0d, 0xb8, 0x0f})
	if !bytes.Equal(ones[:], want) {
		t.Errorf("bits that were one: %x, want %x", ones, want)
	}
	copy(want, []byte{0xdf, 0xfe, 0xf2, 0x47, 0xff})
	if !bytes.Equal(zeros[:], want) {
		t.Errorf("bits that were zero: %x, want %x", zeros, want)
	}
}

func TestSizes(t *testing.T) {
	count := func(s frame.Sizes, n int) map[int]int {
		c := frame.Config{Shape: frame.Shape{Sizes: s, Seed: 5}}
		w := newWriter(t, c, 0, 1)
		buf := bytes.Clone(w.Image())
		lengths := map[int]int{}
		for range n {
			lengths[w.Next(buf)]++
		}
		return lengths
	}
	for _, c := range []struct {
		text string
		n    int
		want string
		mean float64
	}{
		{"60", 5, "map[60:5]", 60},
		{"60-64", 10, "map[60:2 61:2 62:2 63:2 64:2]", 62},
		{"64-60+2", 6, "map[60:2 62:2 64:2]", 62},
		{"1514,60,60", 9, "map[60:6 1514:3]", 1634.0 / 3},
		{"imix", 24, "map[60:14 590:8 1514:2]", (7*60 + 4*590 + 1514) / 12.0},
		{"imix-csit", 48, "map[60:28 566:16 1514:4]", (28*60 + 16*566 + 4*1514) / 48.0},
		{"60:2,100-101:4", 5, "map[60:1 100:2 101:2]", (60 + 2*201) / 5.0},
	} {
		s := parseSizes(t, c.text)
		if got := fmt.Sprint(count(s, c.n)); got != c.want || math.Abs(s.Mean()-c.mean) > 1e-9 {
			t.Errorf("%s: %v of mean %g, want %v of %g", c.text, got, s.Mean(), c.want, c.mean)
		}
	}
	// Of a mix, any stretch has nearly its share.
	w := newWriter(t, frame.Config{Shape: frame.Shape{Sizes: parseSizes(t, "imix")}}, 0, 1)
	buf := bytes.Clone(w.Image())
	for range 20 {
		long := 0
		for range 3 {
			if w.Next(buf) == 590 {
				long++
			}
		}
		if long > 2 || long == 0 {
			t.Errorf("%d of three frames have 590 bytes", long)
		}
	}
	// pkt-gen's second -l: the first is not among them, unless they are equal.
	if got := count(frame.RandomSizes(100, 110), 5000); len(got) != 10 || got[110] > 0 || got[100] < 400 {
		t.Errorf("from 100 up to 110: %v", got)
	}
	if got := count(frame.RandomSizes(100, 100), 10); got[100] != 10 {
		t.Errorf("from 100 up to 100: %v", got)
	}
	if got := count(parseSizes(t, "~imix"), 12000); len(got) != 3 || got[60] < 6700 || got[1514] < 900 {
		t.Errorf("a random mix: %v", got)
	}
}

// A frame with more checksums than can be kept is still sent as it is.
func TestManyTunnels(t *testing.T) {
	// Two tunnels at a time: the inner frame of one becomes that of the next.
	c := shaped("eth ip udp vxlan eth ip udp vxlan eth ip udp", t)
	c.Len = 300
	inner := bytes.Clone(newWriter(t, c, 0, 1).Image())
	c.Len, c.Layers = 350, describe(t, "eth ip udp")
	c.DstRange, c.Fill = parseRange(t, "10.1.0.1:4789"), append([]byte{8, 0, 0, 0, 0, 0, 1, 0}, inner...)
	given := frame.Config{Shape: frame.Shape{Bytes: newWriter(t, c, 0, 1).Image()}}
	if w := newWriter(t, given, 0, 1); !w.Static() {
		t.Error("not static")
	}
	given.Changes = mustChange("eth ip udp vxlan eth ip udp vxlan eth ip udp vxlan eth ip src~ udp sport~")
	w, err := frame.NewWriter(given, 0, 1)
	if err == nil {
		buf := bytes.Clone(w.Image())
		sound(t, buf[:w.Next(buf)])
	}
	given.Sizes = parseSizes(t, "349,350")
	if w, err := frame.NewWriter(given, 0, 1); err == nil || w != nil || !strings.Contains(err.Error(), "8 checksums that vary") {
		t.Errorf("got %v", err)
	}
}

func TestWriterAllocatesNothing(t *testing.T) {
	for _, text := range descriptions {
		c := shaped(text, t)
		c.Sizes = parseSizes(t, "~200-900")
		w := newWriter(t, c, 0, 3)
		w.Probe(1)
		buf := bytes.Clone(w.Image())
		if n := testing.AllocsPerRun(200, func() {
			w.Batch(1)
			w.Next(buf)
			w.End(buf, 7)
		}); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
