package frame_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/ringwalk/ringwalk/internal/frame"
)

func TestTemplateEveryLength(t *testing.T) {
	pattern := bytes.Repeat([]byte("ringwalk "), 200)
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			for n := f.headers; n <= 1514; n++ {
				c := f.config
				c.Len = n
				tm := newTemplate(t, c)
				if len(tm.Bytes()) != n {
					t.Fatalf("asked for %d bytes, got %d", n, len(tm.Bytes()))
				}
				if err := verify(tm.Bytes()); err != nil {
					t.Fatalf("%d bytes: %v", n, err)
				}
				if p := tm.Bytes()[tm.PayloadOffset():]; !bytes.Equal(p, pattern[:len(p)]) {
					t.Fatalf("%d bytes: payload is %q", n, p)
				}
			}
		})
	}
}

// TestTemplateDecoded has gopacket say what is in a frame.
func TestTemplateDecoded(t *testing.T) {
	var (
		eth layers.Ethernet
		ip4 layers.IPv4
		ip6 layers.IPv6
		udp layers.UDP
		pay gopacket.Payload
	)
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &ip4, &ip6, &udp, &pay)
	for _, f := range families {
		for n := f.headers; n <= 1514; n++ {
			c := f.config
			c.Len = n
			c.SrcMAC = net.HardwareAddr{2, 1, 2, 3, 4, 5}
			c.DstMAC = net.HardwareAddr{2, 5, 4, 3, 2, 1}
			if f.name == "v4" {
				c.Src = netip.MustParseAddrPort("192.0.2.1:5")
				c.Dst = netip.MustParseAddrPort("198.51.100.2:65535")
			}
			tm := newTemplate(t, c)
			var got []gopacket.LayerType
			if err := parser.DecodeLayers(tm.Bytes(), &got); err != nil {
				t.Fatalf("%s, %d bytes: %v", f.name, n, err)
			}
			want := layers.LayerTypeIPv4
			srcIP, dstIP := ip4.SrcIP, ip4.DstIP
			if f.name == "v6" {
				want = layers.LayerTypeIPv6
				srcIP, dstIP = ip6.SrcIP, ip6.DstIP
			}
			if len(got) < 3 || got[1] != want || got[2] != layers.LayerTypeUDP {
				t.Fatalf("%s, %d bytes: layers are %v", f.name, n, got)
			}
			if parser.Truncated {
				t.Fatalf("%s, %d bytes: a length field says there is more", f.name, n)
			}
			if !bytes.Equal(eth.SrcMAC, c.SrcMAC) || !bytes.Equal(eth.DstMAC, c.DstMAC) {
				t.Fatalf("MAC addresses are %v to %v", eth.SrcMAC, eth.DstMAC)
			}
			if srcIP.String() != c.Src.Addr().String() || dstIP.String() != c.Dst.Addr().String() {
				t.Fatalf("addresses are %v to %v", srcIP, dstIP)
			}
			if uint16(udp.SrcPort) != c.Src.Port() || uint16(udp.DstPort) != c.Dst.Port() {
				t.Fatalf("ports are %v to %v", udp.SrcPort, udp.DstPort)
			}
			if len(udp.Payload) != n-f.headers {
				t.Fatalf("%s, %d bytes: payload of %d", f.name, n, len(udp.Payload))
			}
		}
	}
}

func TestTemplateDefaults(t *testing.T) {
	for _, c := range []struct {
		name                          string
		config                        frame.Config
		len, payload, csum, probeFrom int
	}{
		{"v4", frame.Config{}, 60, 42, 40, 60},
		{"v6", frame.Config{Src: src6, Dst: dst6}, 80, 62, 60, 80},
		{"payload", frame.Config{Link: frame.Payload}, 60, 0, -1, 18},
	} {
		tm := newTemplate(t, c.config)
		if len(tm.Bytes()) != c.len || tm.PayloadOffset() != c.payload || tm.ChecksumOffset() != c.csum || tm.MinProbeLen() != c.probeFrom {
			t.Errorf("%s: %d bytes, payload at %d, checksum at %d, probe from %d bytes", c.name,
				len(tm.Bytes()), tm.PayloadOffset(), tm.ChecksumOffset(), tm.MinProbeLen())
		}
		if tm.Link() != c.config.Link {
			t.Errorf("%s: link is %v", c.name, tm.Link())
		}
	}
	// What pkt-gen sends, but for the payload and the checksum over it.
	want := "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x00" +
		"\x45\x10\x00\x2e\x00\x00\x40\x00\x40\x11\x26\xad\x0a\x00\x00\x01\x0a\x01\x00\x01" +
		"\x04\xd2\x04\xd2\x00\x1a"
	if got := newTemplate(t, frame.Config{}).Bytes()[:40]; string(got) != want {
		t.Errorf("headers are\n%x, want\n%x", got, want)
	}
}

func TestTemplatePayloadOnly(t *testing.T) {
	for n := 1; n <= 100; n++ {
		tm := newTemplate(t, frame.Config{Link: frame.Payload, Len: n})
		if want := bytes.Repeat([]byte("ringwalk "), 12)[:n]; !bytes.Equal(tm.Bytes(), want) {
			t.Fatalf("%d bytes: %q", n, tm.Bytes())
		}
	}
}

func TestTemplateLongest(t *testing.T) {
	for _, f := range families {
		c := f.config
		c.Len = 65535
		if err := verify(newTemplate(t, c).Bytes()); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

// A source port that makes the UDP checksum come out as zero must give 0xffff.
func TestTemplateZeroChecksum(t *testing.T) {
	for _, f := range families {
		c := f.config
		tm := newTemplate(t, c)
		sum := binary.BigEndian.Uint16(tm.Bytes()[tm.ChecksumOffset():])
		port := uint16((1234 + uint32(sum)) % 0xffff)
		c.Src = netip.AddrPortFrom(frame.DefaultSrc.Addr(), port)
		if f.name == "v6" {
			c.Src = netip.AddrPortFrom(src6.Addr(), port)
		}
		tm = newTemplate(t, c)
		if sum := binary.BigEndian.Uint16(tm.Bytes()[tm.ChecksumOffset():]); sum != 0xffff {
			t.Errorf("%s: checksum is %#x", f.name, sum)
		}
		if err := verify(tm.Bytes()); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

func TestTemplateMappedAddress(t *testing.T) {
	tm := newTemplate(t, frame.Config{Src: netip.MustParseAddrPort("[::ffff:10.0.0.1]:1234")})
	if !bytes.Equal(tm.Bytes(), newTemplate(t, frame.Config{}).Bytes()) {
		t.Error("an IPv4 address in IPv6 form gives another frame")
	}
}

func TestTemplateRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		config frame.Config
		want   string
	}{
		{"v4 short", frame.Config{Len: 41}, "cannot build a frame of 41 bytes: its headers take 42"},
		{"v6 short", frame.Config{Src: src6, Dst: dst6, Len: 61}, "cannot build a frame of 61 bytes: its headers take 62"},
		{"negative", frame.Config{Len: -1}, "a length cannot be negative"},
		{"long", frame.Config{Len: 65536}, "the longest has 65535"},
		{"payload negative", frame.Config{Link: frame.Payload, Len: -1}, "a length cannot be negative"},
		{"payload long", frame.Config{Link: frame.Payload, Len: 65528}, "the longest has 65527"},
		{"mixed", frame.Config{Dst: dst6}, "cannot build a frame from 10.0.0.1:1234 to [2001:db8:1::1]:4321: one is IPv4 and the other IPv6"},
		{"no address", frame.Config{Src: netip.AddrPortFrom(netip.Addr{}, 80)}, "an IP address is missing"},
		{"source MAC", frame.Config{SrcMAC: net.HardwareAddr{1, 2}}, `the source MAC address "01:02": it has 2 bytes, not 6`},
		{"destination MAC", frame.Config{DstMAC: make(net.HardwareAddr, 8)}, "the destination MAC address"},
		{"link", frame.Config{Link: 9}, "link kind 9"},
	} {
		tm, err := frame.New(c.config)
		if err == nil || tm != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}
