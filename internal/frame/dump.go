package frame

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Dump describes a frame header by header, with the bytes of each in
// hexadecimal, and the rest as bytes. b may be any bytes at all: only headers
// that are sound are decoded, and what ports are registered for is not asked,
// since it is hardly what is inside.
func Dump(link Link, b []byte) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d bytes\n", len(b))
	off := 0
	if link == Ethernet {
		for _, h := range locate(b) {
			l := decoder(h.kind)
			if !decode(l, b[h.off:len(b):len(b)]) {
				break
			}
			s.WriteString(gopacket.LayerDump(l))
			off = h.off + len(l.LayerContents())
		}
	}
	fmt.Fprintf(&s, "%d bytes of payload\n%s", len(b)-off, hex.Dump(b[off:]))
	return s.String()
}

// decode reports whether a header is sound. Some of gopacket's decoders take
// lengths in it on trust (ARP's of addresses), and panic; its own packets
// recover from that as this does.
func decode(l layerDecoder, b []byte) (sound bool) {
	defer func() {
		if recover() != nil {
			sound = false
		}
	}()
	return l.DecodeFromBytes(b, gopacket.NilDecodeFeedback) == nil
}

// A layerDecoder is a layer of gopacket that is taken from bytes.
type layerDecoder interface {
	gopacket.Layer
	DecodeFromBytes([]byte, gopacket.DecodeFeedback) error
}

func decoder(k kind) layerDecoder {
	switch k {
	case vlan:
		return &layers.Dot1Q{}
	case arp:
		return &layers.ARP{}
	case ipv4:
		return &layers.IPv4{}
	case ipv6:
		return &layers.IPv6{}
	case udp:
		return &layers.UDP{}
	case tcp:
		return &layers.TCP{}
	case icmp:
		return &layers.ICMPv4{}
	case icmpv6:
		return &layers.ICMPv6{}
	case vxlan:
		return &layers.VXLAN{}
	case gre:
		return &layers.GRE{}
	}
	return &layers.Ethernet{}
}
