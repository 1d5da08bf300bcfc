package frame_test

import (
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

func TestDump(t *testing.T) {
	for _, text := range descriptions {
		c := shaped(text, t)
		c.Len = 200
		got := frame.Dump(frame.Ethernet, newWriter(t, c, 0, 1).Image())
		at := 0
		for _, w := range strings.Fields(plainText(text)) {
			want := map[string]string{
				"eth": "Ethernet", "vlan": "Dot1Q", "qinq": "Dot1Q", "arp": "ARP", "ip": "IPv4", "ip6": "IPv6", "udp": "UDP",
				"tcp": "TCP", "icmp": "ICMPv4", "icmp6": "ICMPv6", "vxlan": "VXLAN", "gre": "GRE",
			}[w]
			if want == "" {
				continue
			}
			i := strings.Index(got[at:], "\n"+want+"\t{Contents=")
			if i < 0 {
				t.Fatalf("%s: no %s after byte %d of\n%s", text, want, at, got)
			}
			at += i + 1
		}
		if !strings.HasPrefix(got, "200 bytes\n") || !strings.Contains(got[at:], " bytes of payload\n") {
			t.Errorf("%s:\n%s", text, got)
		}
	}
	if got := frame.Dump(frame.Payload, []byte("hello")); got != "5 bytes\n5 bytes of payload\n00000000  68 65 6c 6c 6f                                    |hello|\n" {
		t.Errorf("a payload:\n%s", got)
	}
}

// FuzzDump wants no panic and all bytes on any input.
func FuzzDump(f *testing.F) {
	for _, text := range descriptions {
		c := shaped(plainText(text), f)
		c.Len = 180
		f.Add(newWriter(f, c, 0, 1).Image())
	}
	// ARP with hardware addresses of 121 bytes.
	f.Add([]byte("000000000000\b\x060000y\x030000000000000000000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := frame.Dump(frame.Ethernet, b); len(got) < 3*len(b) {
			t.Fatalf("%d bytes give\n%s", len(b), got)
		}
	})
}
