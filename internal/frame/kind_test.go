package frame_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// outermost is what the words of a description say that its frame is.
func outermost(text string) (k frame.Kind) {
	for _, w := range strings.Fields(plainText(text)) {
		switch w {
		case "vlan", "qinq":
			k |= frame.KindTagged
		case "arp":
			return k | frame.KindARP
		case "ip":
			k += frame.KindIPv4
		case "ip6":
			k += frame.KindIPv6
		case "udp":
			return k + frame.InUDP
		case "tcp":
			return k + frame.InTCP
		case "icmp", "icmp6":
			return k + frame.InICMP
		case "gre":
			return k + frame.InOther
		}
	}
	return k
}

func TestKindOfAllThatCanBeSent(t *testing.T) {
	for _, text := range descriptions {
		c := shaped(text, t)
		c.Len = 200
		b := newWriter(t, c, 0, 1).Image()
		if got, want := frame.KindOf(frame.Ethernet, b, true), outermost(text); got != want || got.Malformed() {
			t.Errorf("%s: kind %d, want %d", text, got, want)
		}
	}
}

func TestKinds(t *testing.T) {
	v4 := func() []byte { return stampedFrame(t, frame.Config{Len: 100}) }
	v6 := func() []byte { return stampedFrame(t, frame.Config{Src: src6, Dst: dst6, Len: 100}) }
	udp4, udp6 := frame.KindIPv4+frame.InUDP, frame.KindIPv6+frame.InUDP
	vlan := []byte{0x81, 0, 0, 5}
	destOpts := []byte{17, 0, 0, 0, 0, 0, 0, 0}
	for _, c := range []struct {
		name  string
		b     []byte
		whole bool
		want  frame.Kind
	}{
		{"nothing", nil, true, frame.KindEmpty},
		{"one byte", []byte{1}, true, frame.KindShort},
		{"one byte of more", []byte{1}, false, frame.KindOther},
		{"13 bytes", v4()[:13], true, frame.KindShort},
		{"a header only", make([]byte, 14), true, frame.KindOther},
		{"another type", set(v4(), 12, 0x88, 0xcc), true, frame.KindOther},
		{"802.3", set(v4(), 12, 0, 46), true, frame.KindOther},
		{"v4", v4(), true, udp4},
		{"v4, tagged", grow(v4(), 12, vlan), true, udp4 | frame.KindTagged},
		{"v4, tagged twice", grow(grow(v4(), 12, vlan), 12, vlan), true, udp4 | frame.KindTagged},
		{"tagged three times", grow(grow(grow(v4(), 12, vlan), 12, vlan), 12, vlan), true, frame.KindOther | frame.KindTagged},
		{"cut in the tag", grow(v4(), 12, vlan)[:16], true, frame.KindShort | frame.KindTagged},
		{"cut in IPv4", v4()[:33], true, frame.KindShort},
		{"cut behind IPv4", v4()[:34], true, frame.KindBadLength},
		{"one byte less than it says", v4()[:99], true, frame.KindBadLength},
		{"the same, of more", v4()[:99], false, udp4},
		{"padding", append(v4(), make([]byte, 20)...), true, udp4},
		{"IPv4 that is 6", set(v4(), 14, 0x65), true, frame.KindBadIP},
		{"a header of 16", set(v4(), 14, 0x44), true, frame.KindBadIP},
		{"options beyond the end", set(set(v4(), 14, 0x4f), 16, 0, 59), true, frame.KindBadLength},
		{"IPv4 shorter than its header", set(v4(), 16, 0, 19), true, frame.KindBadLength},
		{"IPv4 of nothing but a header", set(v4(), 16, 0, 20), true, frame.KindBadL4},
		{"UDP longer than IP", set(v4(), 38, 0, 67), true, frame.KindBadL4},
		{"UDP shorter than itself", set(v4(), 38, 0, 7), true, frame.KindBadL4},
		{"UDP of length 0", set(v4(), 38, 0, 0), true, frame.KindBadL4},
		{"first fragment", set(v4(), 20, 0x20, 0), true, frame.KindIPv4 + frame.InFragment},
		{"last fragment", set(v4(), 20, 0, 5), true, frame.KindIPv4 + frame.InFragment},
		{"TCP with a header of 16", set(set(v4(), 23, 6), 46, 0x40), true, frame.KindBadL4},
		{"TCP with a header beyond the end", set(set(set(v4(), 23, 6), 46, 0xf0), 16, 0, 60), true, frame.KindBadL4},
		{"TCP", set(set(v4(), 23, 6), 46, 0x50), true, frame.KindIPv4 + frame.InTCP},
		{"ICMP", set(v4(), 23, 1), true, frame.KindIPv4 + frame.InICMP},
		{"ICMP, cut", set(set(v4(), 23, 1), 16, 0, 27), true, frame.KindBadL4},
		{"ICMPv6 in IPv4", set(v4(), 23, 58), true, frame.KindIPv4 + frame.InOther},
		{"OSPF", set(v4(), 23, 89), true, frame.KindIPv4 + frame.InOther},
		{"v6", v6(), true, udp6},
		{"v6 with options", set(grow(v6(), 54, destOpts, 18), 20, 60), true, udp6},
		{"v6 with options beyond the end", set(set(grow(v6(), 54, destOpts, 18), 20, 60), 55, 200), true, frame.KindBadLength},
		{"v6, a fragment", set(v6(), 20, 44), true, frame.KindIPv6 + frame.InFragment},
		{"v6, nothing more", set(v6(), 20, 59), true, frame.KindIPv6 + frame.InOther},
		{"IPv6 that is 4", set(v6(), 14, 0x45), true, frame.KindBadIP},
		{"cut in IPv6", v6()[:53], true, frame.KindShort},
		{"v6 longer than the frame", set(v6(), 18, 0, 47), true, frame.KindBadLength},
		{"v6 UDP longer than IP", set(v6(), 58, 0, 47), true, frame.KindBadL4},
		{"ICMPv6", set(v6(), 20, 58), true, frame.KindIPv6 + frame.InICMP},
		{"ARP", set(v4(), 12, 8, 6), true, frame.KindARP},
	} {
		got := frame.KindOf(frame.Ethernet, c.b, c.whole)
		if got != c.want || got >= frame.Kinds {
			t.Errorf("%s: kind %d, want %d", c.name, got, c.want)
		}
		bare := c.want &^ frame.KindTagged
		if want := bare >= frame.KindShort && bare <= frame.KindBadL4; got.Malformed() != want {
			t.Errorf("%s: malformed %t", c.name, !want)
		}
		// Padding behind a frame that is sound makes no difference.
		if more := frame.KindOf(frame.Ethernet, append(slices.Clone(c.b), make([]byte, 64)...), c.whole); !got.Malformed() && len(c.b) >= 34 && more != got {
			t.Errorf("%s: kind %d, and %d with padding", c.name, got, more)
		}
	}
	if k := frame.KindOf(frame.Payload, nil, true); k != frame.KindEmpty {
		t.Errorf("an empty payload: kind %d", k)
	}
	if k := frame.KindOf(frame.Payload, v4()[:3], true); k != frame.KindOther {
		t.Errorf("a payload: kind %d", k)
	}
}

// FuzzKind wants no panic and no kind beyond the last on any input; the same
// probe that Read finds, and a frame with one never malformed; the same kind
// with a tag, whatever lies behind, and whole or not if it is sound.
func FuzzKind(f *testing.F) {
	v4, v6 := stampedFrame(f, frame.Config{}), stampedFrame(f, frame.Config{Src: src6, Dst: dst6})
	for _, b := range [][]byte{nil, v4, v6, v4[:40], set(bytes.Clone(v4), 23, 6), set(bytes.Clone(v6), 20, 0), grow(bytes.Clone(v4), 12, []byte{0x81, 0, 0, 1})} {
		f.Add(b)
	}
	for _, text := range descriptions {
		c := shaped(plainText(text), f)
		c.Len = 180
		f.Add(newWriter(f, c, 0, 1).Image())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, whole := range []bool{true, false} {
			var p, read frame.Probe
			k, ok := frame.Look(frame.Ethernet, slices.Clip(bytes.Clone(b)), whole, &p)
			if found := frame.Read(frame.Ethernet, b, &read); found != ok || p != read {
				t.Fatalf("Look finds %+v, Read %+v", p, read)
			}
			of := frame.KindOf(frame.Ethernet, b, whole)
			if k >= frame.Kinds || of >= frame.Kinds || !ok && of != k || ok && k.Malformed() || !whole && (of == frame.KindShort || of == frame.KindBadLength && len(b) < 14) {
				t.Fatalf("kinds %d and %d, whole %t, probe %t", k, of, whole, ok)
			}
			if !of.Malformed() && of != frame.KindEmpty && whole && frame.KindOf(frame.Ethernet, b, false) != of {
				t.Fatalf("kind %d whole, %d not", of, frame.KindOf(frame.Ethernet, b, false))
			}
			if len(b) >= 14 && of&frame.KindTagged == 0 {
				if tagged := frame.KindOf(frame.Ethernet, grow(bytes.Clone(b), 12, []byte{0x81, 0, 0, 5}), whole); tagged != of|frame.KindTagged {
					t.Fatalf("kind %d, and %d with a tag", of, tagged)
				}
			}
		}
	})
}

func BenchmarkLook(b *testing.B) {
	for _, c := range []struct {
		name  string
		frame []byte
	}{
		{"v4", stampedFrame(b, frame.Config{})},
		{"vlan", grow(stampedFrame(b, frame.Config{}), 12, []byte{0x81, 0, 0, 5})},
		{"v6", stampedFrame(b, frame.Config{Src: src6, Dst: dst6})},
		{"foreign", newTemplate(b, frame.Config{}).Bytes()},
	} {
		b.Run(c.name, func(b *testing.B) {
			bufs := ring(c.frame)
			var p frame.Probe
			var kinds [frame.Kinds]uint64
			var read uint64
			for b.Loop() {
				for _, buf := range bufs {
					k, _ := frame.Look(frame.Ethernet, buf, true, &p)
					kinds[k]++
					read++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/pkt")
		})
	}
}
