package frame_test

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/ringwalk/ringwalk/internal/frame"
)

func rewriter(t testing.TB, maps ...string) *frame.Rewriter {
	t.Helper()
	var list []frame.PrefixMap
	for _, s := range maps {
		m, err := frame.ParsePrefixMap(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	r, err := frame.NewRewriter(nil, nil, list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// built is the layers as one frame, with right lengths and checksums.
func built(t *testing.T, l ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, l...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buf.Bytes())
}

// Frames of every kind, rewritten, are those that gopacket builds with the new
// addresses: all lengths and checksums are what a sender would have put there.
func TestRewriteIsAsIfBuiltSo(t *testing.T) {
	mac := func(n byte) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 0, n} }
	type addrs struct{ src, dst string }
	kinds := map[string]func(a addrs) []gopacket.SerializableLayer{}
	ip4 := func(a addrs, p layers.IPProtocol) *layers.IPv4 {
		return &layers.IPv4{Version: 4, TTL: 9, Protocol: p, SrcIP: net.ParseIP(a.src), DstIP: net.ParseIP(a.dst)}
	}
	ip6 := func(a addrs, p layers.IPProtocol) *layers.IPv6 {
		return &layers.IPv6{Version: 6, HopLimit: 9, NextHeader: p, SrcIP: net.ParseIP(a.src), DstIP: net.ParseIP(a.dst)}
	}
	eth := func(kind layers.EthernetType) *layers.Ethernet {
		return &layers.Ethernet{SrcMAC: mac(1), DstMAC: mac(2), EthernetType: kind}
	}
	payload := gopacket.Payload(strings.Repeat("odd sized", 7))
	kinds["udp4"] = func(a addrs) []gopacket.SerializableLayer {
		ip, udp := ip4(a, layers.IPProtocolUDP), &layers.UDP{SrcPort: 5, DstPort: 6}
		udp.SetNetworkLayerForChecksum(ip)
		return []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv4), ip, udp, payload}
	}
	kinds["tcp4 in QinQ, with options"] = func(a addrs) []gopacket.SerializableLayer {
		ip, tcp := ip4(a, layers.IPProtocolTCP), &layers.TCP{SrcPort: 5, DstPort: 6, SYN: true}
		ip.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
		tcp.SetNetworkLayerForChecksum(ip)
		return []gopacket.SerializableLayer{eth(layers.EthernetTypeQinQ), &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeDot1Q},
			&layers.Dot1Q{VLANIdentifier: 8, Type: layers.EthernetTypeIPv4}, ip, tcp, payload}
	}
	kinds["icmp4"] = func(a addrs) []gopacket.SerializableLayer {
		return []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv4), ip4(a, layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: 8 << 8}, payload}
	}
	kinds["arp"] = func(a addrs) []gopacket.SerializableLayer {
		return []gopacket.SerializableLayer{eth(layers.EthernetTypeARP), &layers.ARP{
			AddrType: 1, Protocol: 0x0800, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1,
			SourceHwAddress: mac(1), SourceProtAddress: net.ParseIP(a.src).To4(), DstHwAddress: mac(0), DstProtAddress: net.ParseIP(a.dst).To4(),
		}}
	}
	kinds["udp6"] = func(a addrs) []gopacket.SerializableLayer {
		ip, udp := ip6(a, layers.IPProtocolUDP), &layers.UDP{SrcPort: 5, DstPort: 6}
		udp.SetNetworkLayerForChecksum(ip)
		return []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv6), ip, udp, payload}
	}
	kinds["tcp6 in a VLAN"] = func(a addrs) []gopacket.SerializableLayer {
		ip, tcp := ip6(a, layers.IPProtocolTCP), &layers.TCP{SrcPort: 5, DstPort: 6}
		tcp.SetNetworkLayerForChecksum(ip)
		return []gopacket.SerializableLayer{eth(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeIPv6}, ip, tcp, payload}
	}
	kinds["icmp6"] = func(a addrs) []gopacket.SerializableLayer {
		ip, icmp := ip6(a, layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: 128 << 8}
		icmp.SetNetworkLayerForChecksum(ip)
		return []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv6), ip, icmp, payload}
	}
	r := rewriter(t, "10.1.2.3=192.0.2.255", "10.0.0.0/8=172.16.0.0/12", "0.0.0.0/0=198.51.100.0/24",
		"2001:db8::/32=fd00:1::/64", "fe80::/10=2001:db8:ffff::/48")
	for _, c := range []struct {
		v6        bool
		from, now addrs
	}{
		{false, addrs{"10.1.2.3", "10.1.2.4"}, addrs{"192.0.2.255", "172.17.2.4"}},
		{false, addrs{"11.1.2.3", "255.255.255.255"}, addrs{"198.51.100.3", "198.51.100.255"}},
		{false, addrs{"0.0.0.0", "10.1.2.3"}, addrs{"198.51.100.0", "192.0.2.255"}},
		{true, addrs{"2001:db8:5:6:7::8", "fe80:1:2::9"}, addrs{"fd00:1::7:0:0:8", "2001:db8:ffff::9"}},
		{true, addrs{"2001:db9::8", "ff02::1"}, addrs{"2001:db9::8", "ff02::1"}},
	} {
		for name, layersOf := range kinds {
			if strings.Contains(name, "6") != c.v6 {
				continue
			}
			b, want := built(t, layersOf(c.from)...), built(t, layersOf(c.now)...)
			r.Rewrite(b)
			if !bytes.Equal(b, want) {
				t.Errorf("%s from %v:\n%x, want\n%x", name, c.from, b, want)
			}
		}
	}
}

// Only the first fragment has a checksum above IP, and an absent UDP checksum
// stays absent.
func TestRewriteLeavesAlone(t *testing.T) {
	r := rewriter(t, "10.0.0.0/8=192.168.0.0/16")
	b := newTemplate(t, frame.Config{Len: 100}).Bytes()
	for what, change := range map[string]func(b []byte){
		"a later fragment": func(b []byte) { b[20], b[21] = 0, 5 },
		"no UDP checksum":  func(b []byte) { b[40], b[41] = 0, 0 },
		"another protocol": func(b []byte) { b[23] = 132 },
	} {
		was := bytes.Clone(b)
		change(was)
		got := bytes.Clone(was)
		r.Rewrite(got)
		if got[26] != 192 || got[27] != 168 || got[30] != 192 || !bytes.Equal(got[34:], was[34:]) || !bytes.Equal(got[:24], was[:24]) {
			t.Errorf("%s:\n%x became\n%x", what, was, got)
		}
	}
	// The first fragment's is over all of them: it is mended by the same sums.
	first := bytes.Clone(b)
	first[20] = 0x20
	r.Rewrite(first)
	whole := bytes.Clone(b)
	r.Rewrite(whole)
	if !bytes.Equal(first[34:], whole[34:]) {
		t.Error("a first fragment's checksum is another than that of the whole")
	}
	if err := verify(whole); err != nil {
		t.Error(err)
	}
}

func TestRewriteMACs(t *testing.T) {
	src, dst := net.HardwareAddr{2, 1, 1, 1, 1, 1}, net.HardwareAddr{2, 2, 2, 2, 2, 2}
	r, err := frame.NewRewriter(src, dst, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := clone(newTemplate(t, frame.Config{}))
	was := bytes.Clone(b)
	r.Rewrite(b)
	if !bytes.Equal(b[:6], dst) || !bytes.Equal(b[6:12], src) || !bytes.Equal(b[12:], was[12:]) {
		t.Errorf("%x", b)
	}
	if r.Nothing() {
		t.Error("it says that it does nothing")
	}
	if r, _ := frame.NewRewriter(nil, nil, nil); !r.Nothing() {
		t.Error("it says that it does something")
	}
	if _, err := frame.NewRewriter(src[:5], nil, nil); err == nil {
		t.Error("a MAC address of 5 bytes is taken")
	}
}

func TestParsePrefixMap(t *testing.T) {
	m, err := frame.ParsePrefixMap("10.1.2.3/8=192.168.1.1")
	if err != nil || m.From != netip.MustParsePrefix("10.0.0.0/8") || m.To != netip.MustParsePrefix("192.168.1.1/32") {
		t.Errorf("%v, %v", m, err)
	}
	for s, says := range map[string]string{
		"": `""`, "10.0.0.0/8": `cannot read ""`, "10.0.0.0/33=10.0.0.0/8": `"10.0.0.0/33"`, "x=10.0.0.0/8": `"x"`,
		"10.0.0.0/8=fd00::/8": "one family", "10.0.0.0/8=1.2.3.4=5.6.7.8": `"1.2.3.4=5.6.7.8"`, "fe80::1%eth0=fd00::1": "%eth0",
	} {
		if _, err := frame.ParsePrefixMap(s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want an error on %s", s, err, says)
		}
	}
}

// FuzzRewrite holds that no bytes make it panic, that it changes no length, and
// that mapping there and back gives the same frame again.
func FuzzRewrite(f *testing.F) {
	for _, fam := range families {
		f.Add(newTemplate(f, fam.config).Bytes())
	}
	there := rewriter(f, "0.0.0.0/0=1.0.0.0/0", "::/0=::/0")
	out, back := rewriter(f, "10.0.0.0/8=11.0.0.0/8", "2001:db8::/32=2001:db9::/32"), rewriter(f, "11.0.0.0/8=10.0.0.0/8", "2001:db9::/32=2001:db8::/32")
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		if there.Rewrite(b); !bytes.Equal(b, was) {
			t.Fatalf("a map that keeps all bits changed\n%x to\n%x", was, b)
		}
		out.Rewrite(b)
		back.Rewrite(b)
		out.Rewrite(b)
		again := bytes.Clone(b)
		back.Rewrite(b)
		out.Rewrite(b)
		if !bytes.Equal(b, again) {
			t.Fatalf("there and back:\n%x became\n%x", again, b)
		}
	})
}

func BenchmarkRewrite(b *testing.B) {
	r := rewriter(b, "10.0.0.0/8=192.168.0.0/16")
	fr := clone(newTemplate(b, frame.Config{}))
	was := bytes.Clone(fr)
	for b.Loop() {
		copy(fr, was)
		r.Rewrite(fr)
	}
}
