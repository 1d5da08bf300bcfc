package frame

import (
	"fmt"
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// skeleton serializes the headers of a description, with pkt-gen's values
// where it has the header, and a payload that says nothing. Lengths and
// checksums are left for [Template].
func skeleton(stack []layer) ([]byte, []header, error) {
	var list []gopacket.SerializableLayer
	var headers []header
	off := 0
	for i, l := range stack {
		next := kind(255)
		if i+1 < len(stack) {
			next = stack[i+1].def.kind
		}
		end := off + l.def.length
		switch l.def.kind {
		case ethernet:
			e := &layers.Ethernet{SrcMAC: DefaultSrcMAC, DstMAC: Broadcast, EthernetType: etherType(next)}
			if next == vlan && stack[i+1].def.name == "qinq" {
				e.EthernetType = layers.EthernetTypeQinQ
			}
			list = append(list, e)
		case vlan:
			list = append(list, &layers.Dot1Q{VLANIdentifier: 1, Type: etherType(next)})
		case arp:
			list = append(list, &layers.ARP{
				AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
				Operation: layers.ARPRequest, SourceHwAddress: DefaultSrcMAC, SourceProtAddress: DefaultSrc.Addr().AsSlice(),
				DstHwAddress: make(net.HardwareAddr, 6), DstProtAddress: DefaultDst.Addr().AsSlice(),
			})
		case ipv4:
			list = append(list, &layers.IPv4{
				Version: 4, TOS: 0x10, Flags: layers.IPv4DontFragment, TTL: 64, Protocol: protocol(next),
				SrcIP: DefaultSrc.Addr().AsSlice(), DstIP: DefaultDst.Addr().AsSlice(),
			})
		case ipv6:
			list = append(list, &layers.IPv6{
				Version: 6, HopLimit: 64, NextHeader: protocol(next),
				SrcIP: DefaultSrc6.Addr().AsSlice(), DstIP: DefaultDst6.Addr().AsSlice(),
			})
		case udp:
			u := &layers.UDP{SrcPort: DefaultPort, DstPort: DefaultPort}
			if next == vxlan {
				u.SrcPort, u.DstPort = 0xc000, vxlanPort
			}
			list = append(list, u)
		case tcp:
			list = append(list, &layers.TCP{SrcPort: DefaultPort, DstPort: DefaultPort, PSH: true, ACK: true, Window: 0xffff})
		case icmp:
			list = append(list, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0)})
		case icmpv6:
			list = append(list, &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)}, &layers.ICMPv6Echo{})
		case vxlan:
			list = append(list, &layers.VXLAN{ValidIDFlag: true, VNI: 1})
		case gre:
			g := &layers.GRE{Protocol: etherType(next), KeyPresent: len(l.fields) > 0}
			if !g.KeyPresent {
				end -= 4
			}
			list = append(list, g)
		}
		headers = append(headers, header{l.def.kind, off, end})
		off = end
	}
	list = append(list, gopacket.Payload(make([]byte, minFrame)))
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, list...); err != nil {
		return nil, nil, fmt.Errorf("cannot build a frame: %w", err)
	}
	return buf.Bytes(), headers, nil
}

func etherType(k kind) layers.EthernetType {
	switch k {
	case vlan:
		return layers.EthernetTypeDot1Q
	case arp:
		return layers.EthernetTypeARP
	case ipv6:
		return layers.EthernetTypeIPv6
	case ethernet:
		return layers.EthernetTypeTransparentEthernetBridging
	}
	return layers.EthernetTypeIPv4
}

func protocol(k kind) layers.IPProtocol {
	switch k {
	case tcp:
		return layers.IPProtocolTCP
	case icmp:
		return layers.IPProtocolICMPv4
	case icmpv6:
		return layers.IPProtocolICMPv6
	case gre:
		return layers.IPProtocolGRE
	}
	return layers.IPProtocolUDP
}
