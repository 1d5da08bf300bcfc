package frame_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// descriptions are every kind of header, and every field that can vary.
var descriptions = []string{
	"eth ip udp",
	"eth src=02:00:00:00:00:01-02:00:00:00:01:ff dst~02:00:00:00:00:00-02:00:00:ff:ff:ff ip udp",
	"eth ip src=10.0.0.0/24 dst=10.1.0.1-10.1.0.9 udp sport=1000-1003 dport=2000-2009",
	"eth ip src~ dst~10.0.0.0/8 ttl=64-1 dscp~ id=1-60000+7 udp sport~ dport=80,443,8000-8010",
	"eth ip ecn=0-3 ttl~1,64,255 udp",
	"eth ip6 udp",
	"eth ip6 src~fd00::/64 dst=fd00:1::/112 ttl=255-1 dscp=0-63 udp sport~",
	"eth ip6 src~2001:db8::/32 dst=fd00::1,2001:db8::5,fd01::1:2 flow~ udp dport=1-9",
	"eth vlan id=1-4094 ip src=10.0.0.1-10.0.0.7 udp",
	"eth vlan pcp~ ip6 udp sport=1-100",
	"eth qinq id~1-4094 vlan id=5-1 ip dst=10.0.0.0/29 udp",
	"eth ip src=10.0.0.0/29 tcp sport=1000-1002 seq~ ack=0-4000000000+999999999 flags=2,16,24 window~",
	"eth ip6 src=fd00::/125 tcp dport~",
	"eth ip ttl=1-9 icmp id=1-4 seq=0-65535",
	"eth vlan ip6 dst=fd00::/125 icmp6 id~ seq=0-9",
	"eth arp op=1-2 sha=02:00:00:00:00:01-02:00:00:00:00:09 spa=10.0.0.0/29 tha~ tpa~10.1.0.0/16",
	"eth ip udp sport~49152-65535 vxlan vni=1-1000 eth ip udp",
	"eth dst=02:00:00:00:00:01-02:00:00:00:00:04 ip src=192.0.2.0/30 ttl=9-1 udp vxlan vni~ eth src~ vlan id~ ip src~ dst=10.0.0.0/29 dscp~ udp sport~ dport=1-3",
	"eth ip6 src~fd00::/64 udp vxlan eth ip6 src~ dst~ ttl~ udp sport~",
	"eth ip udp vxlan eth src~ arp spa~ tpa~",
	"eth ip6 udp vxlan eth ip src~ tcp seq~ dport~",
	"eth ip dst=192.0.2.0/30 gre ip src=10.0.0.0/29 udp sport~",
	"eth ip gre key~ ip6 src~fd00::/64 icmp6 seq~",
	"eth ip6 src~ gre eth src~ ip dst~ tcp dport~",
	"eth ip gre ip src~ udp vxlan vni~ eth ip src~ ttl~ udp sport~",
	"eth ip src~ udp sport~ vxlan eth ip src~ dst~ ttl~ udp sport~ vxlan eth dst~ ip src~ dst~ ttl~ udp sport~",
}

// rebuilt is the frame f with its checksums and lengths as gopacket computes
// them from what else is in it.
func rebuilt(f []byte) ([]byte, error) {
	p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.DecodeOptions{})
	var list []gopacket.SerializableLayer
	var network gopacket.NetworkLayer
	off := 0
	for _, l := range p.Layers() {
		off += len(l.LayerContents())
		s, ok := l.(gopacket.SerializableLayer)
		if !ok {
			return nil, fmt.Errorf("a layer of type %v", l.LayerType())
		}
		switch l := l.(type) {
		case *layers.IPv4:
			l.Checksum, l.Length, network = 0, 0, l
		case *layers.IPv6:
			l.Length, network = 0, l
		case *layers.UDP:
			l.Checksum, l.Length = 0, 0
			l.SetNetworkLayerForChecksum(network)
		case *layers.TCP:
			l.Checksum = 0
			l.SetNetworkLayerForChecksum(network)
		case *layers.ICMPv4:
			l.Checksum = 0
		case *layers.ICMPv6:
			l.Checksum = 0
			l.SetNetworkLayerForChecksum(network)
		}
		list = append(list, s)
		u, isUDP := l.(*layers.UDP)
		_, isTCP := l.(*layers.TCP)
		_, isEcho := l.(*layers.ICMPv6Echo)
		if isEcho {
			off += 4 - len(l.LayerContents()) // gopacket forgets to say
		}
		if isTCP || isEcho || isUDP && u.DstPort != 4789 {
			// gopacket takes the ports for what they are registered for.
			list = append(list, gopacket.Payload(f[off:]))
			break
		}
	}
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, list...)
	if err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// TestWriterAsFromScratch has every description write frames of varied sizes
// over each other, and builds each of them again with gopacket.
func TestWriterAsFromScratch(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, text := range descriptions {
		for _, sizes := range []string{"", "imix", "~180-1514", "240-180", "1000,181,1001"} {
			for _, probe := range []bool{false, true} {
				c := shaped(text, t)
				c.Seed = r.Uint64()
				c.Fill = [][]byte{nil, {0}, []byte("a random pattern")}[r.IntN(3)]
				if sizes == "" {
					c.Len = 200 + r.IntN(100)
				} else if c.Sizes = parseSizes(t, sizes); sizes == "imix" {
					c.Sizes = parseSizes(t, "182:7,590:4,1514:1")
				}
				w := newWriter(t, c, r.IntN(3), 3)
				if probe {
					if err := w.Probe(9); strings.Contains(text, "arp") != (err != nil) {
						t.Fatalf("%s: %v", text, err)
					}
				}
				buf := slices.Clone(w.Image())
				for i := range 60 {
					w.Batch(number(r))
					n := w.Next(buf)
					if i == 59 {
						n = w.End(buf, 59)
					}
					got := buf[:n]
					want, err := rebuilt(got)
					if err != nil {
						t.Fatalf("%s, sizes %q, frame %d: %v\n%x", text, sizes, i, err, got)
					}
					for k := range want { // gopacket leaves a UDP checksum of 0 at 0
						if want[k] != got[k] && !(k > 0 && want[k-1]|want[k] == 0 && got[k-1]&got[k] == 0xff) {
							t.Fatalf("%s, sizes %q, probe %v, frame %d, byte %d:\n%x, want\n%x", text, sizes, probe, i, k, got, want)
						}
					}
					if len(want) != n {
						t.Fatalf("%s: %d bytes, want %d", text, n, len(want))
					}
				}
			}
		}
	}
}

func parseSizes(t testing.TB, text string) frame.Sizes {
	t.Helper()
	s, err := frame.ParseSizes(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A tuple is what pkt-gen's ranges vary.
type tuple struct {
	src, dst     netip.Addr
	sport, dport uint16
}

func tupleOf(t testing.TB, f []byte) tuple {
	t.Helper()
	p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
	src, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
	dst, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
	ports := p.TransportLayer().TransportFlow()
	port := func(e gopacket.Endpoint) uint16 { return uint16(e.Raw()[0])<<8 | uint16(e.Raw()[1]) }
	return tuple{src, dst, port(ports.Src()), port(ports.Dst())}
}

func parseRange(t testing.TB, text string) frame.Range {
	t.Helper()
	r, err := frame.ParseRange(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRangesInPktgensOrder wants the source port to turn fastest, then the
// source address, the destination port and the destination address; and every
// tuple once per cycle, however many threads share it.
func TestRangesInPktgensOrder(t *testing.T) {
	for _, c := range []struct{ src, dst string }{
		{"10.0.0.1:1000-10.0.0.3:1002", "10.1.0.1:80-10.1.0.2:84"},
		{"1@[fd00:5::1]:1000-[fd00:7::1]:1002", "fd00:1::1-fd00:1::a"},
	} {
		config := frame.Config{Shape: frame.Shape{SrcRange: parseRange(t, c.src), DstRange: parseRange(t, c.dst)}}
		var want []tuple
		for dst := config.DstRange.From.Addr(); dst.Compare(config.DstRange.To.Addr()) <= 0; dst = dst.Next() {
			for dport := config.DstRange.From.Port(); dport <= config.DstRange.To.Port(); dport++ {
				for i := range 3 {
					src := config.SrcRange.From.Addr()
					b := src.AsSlice()
					if src.Is4() {
						b[3] += byte(i)
					} else {
						b[3] += byte(i)
					}
					src, _ = netip.AddrFromSlice(b)
					for sport := uint16(1000); sport <= 1002; sport++ {
						want = append(want, tuple{src, dst, sport, dport})
					}
				}
			}
		}
		if len(want) != 90 {
			t.Fatalf("%d tuples", len(want))
		}
		for threads := 1; threads <= 7; threads++ {
			for i := range threads {
				w := newWriter(t, config, i, threads)
				buf := bytes.Clone(w.Image())
				for n := i; n < 200; n += threads {
					w.Next(buf)
					if got := tupleOf(t, buf); got != want[n%90] {
						t.Fatalf("%+v: frame %d, on thread %d of %d: %v, want %v", c, n, i, threads, got, want[n%90])
					}
				}
			}
		}
	}
}
