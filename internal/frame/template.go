package frame

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Link says what the first byte of a buffer is.
type Link uint8

const (
	Ethernet Link = iota // an Ethernet frame without its CRC
	Payload              // a UDP payload; the socket has dealt with the headers
)

// What an endpoint or address left out of a [Config] is: pkt-gen's defaults,
// and for the source MAC address a locally administered one, for ports that
// have none of their own. Not to be changed.
var (
	DefaultSrc    = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), DefaultPort)
	DefaultDst    = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, 1}), DefaultPort)
	DefaultSrcMAC = net.HardwareAddr{0x02, 0, 0, 0, 0, 0x01}
	Broadcast     = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

const (
	minFrame   = 60     // of Ethernet, without CRC
	maxFrame   = 0xffff // a netmap slot's length has 16 bits
	maxPayload = 0xffff - 8
	filling    = "ringwalk "
)

// Config describes a frame. Its zero value is pkt-gen's default frame: 60
// bytes of UDP from [DefaultSrc] to [DefaultDst].
type Config struct {
	Link Link // Payload: only Len is looked at

	SrcMAC, DstMAC net.HardwareAddr // 6 bytes; nil is DefaultSrcMAC, Broadcast
	Src, Dst       netip.AddrPort   // both IPv4 or both IPv6; the zero value is DefaultSrc, DefaultDst

	// Len is the bytes from Link's first one to the end, without CRC, at most
	// 65535. 0 is the larger of 60 and what headers and a probe take (80 for
	// IPv6).
	Len int
}

// Template is a finished frame with correct lengths and checksums, and the
// knowledge of where in it the fields are that change. It does not change
// after New, so any goroutine may use it.
type Template struct {
	link    Link
	bytes   []byte
	payload int
	csum    int // -1: none
}

// New builds the frame c describes: Ethernet, IPv4 or IPv6 by the addresses,
// UDP, and filling. IPv4 has no options, and pkt-gen's other fields: type of
// service 0x10, don't fragment, identification 0, and 64 hops as in IPv6.
//
// The error says which field of c cannot be, and why.
func New(c Config) (*Template, error) {
	switch c.Link {
	case Ethernet:
		return newEthernet(c)
	case Payload:
		n, err := checkLen("payload", c.Len, 0, maxPayload)
		if err != nil {
			return nil, err
		}
		return &Template{link: Payload, bytes: fill(n), csum: -1}, nil
	}
	return nil, fmt.Errorf("cannot build a frame of link kind %d: only Ethernet and Payload are known", c.Link)
}

func newEthernet(c Config) (*Template, error) {
	src, dst, err := endpoints(c)
	if err != nil {
		return nil, err
	}
	srcMAC, err := mac("source", c.SrcMAC, DefaultSrcMAC)
	if err != nil {
		return nil, err
	}
	dstMAC, err := mac("destination", c.DstMAC, Broadcast)
	if err != nil {
		return nil, err
	}

	eth := &layers.Ethernet{SrcMAC: srcMAC, DstMAC: dstMAC}
	udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	headers := 14 + 20 + 8
	if src.Addr().Is4() {
		eth.EthernetType = layers.EthernetTypeIPv4
		ip = &layers.IPv4{
			Version: 4, TOS: 0x10, Flags: layers.IPv4DontFragment, TTL: 64, Protocol: layers.IPProtocolUDP,
			SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(),
		}
	} else {
		headers += 20
		eth.EthernetType = layers.EthernetTypeIPv6
		ip = &layers.IPv6{
			Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP,
			SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(),
		}
	}
	n, err := checkLen("frame", c.Len, headers, maxFrame)
	if err != nil {
		return nil, err
	}

	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	err = udp.SetNetworkLayerForChecksum(ip)
	if err == nil {
		err = gopacket.SerializeLayers(buf, opts, eth, ip, udp, gopacket.Payload(fill(n-headers)))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot build a frame from %v to %v: %w", src, dst, err)
	}
	t := &Template{
		// gopacket pads a short frame to 60 bytes; whoever asks for less has a reason.
		bytes:   buf.Bytes()[:n:n],
		payload: headers,
		csum:    headers - 2,
	}
	// gopacket leaves a UDP checksum that comes out as zero at zero.
	if f := t.bytes[t.csum:headers]; f[0]|f[1] == 0 {
		binary.BigEndian.PutUint16(f, 0xffff)
	}
	return t, nil
}

// endpoints gives c's addresses with the defaults filled in and IPv4 as IPv4,
// whatever form it came in.
func endpoints(c Config) (src, dst netip.AddrPort, err error) {
	src, dst = c.Src, c.Dst
	if src == (netip.AddrPort{}) {
		src = DefaultSrc
	}
	if dst == (netip.AddrPort{}) {
		dst = DefaultDst
	}
	if !src.IsValid() || !dst.IsValid() {
		return src, dst, fmt.Errorf("cannot build a frame from %v to %v: an IP address is missing", src, dst)
	}
	src = netip.AddrPortFrom(src.Addr().Unmap(), src.Port())
	dst = netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port())
	if src.Addr().Is4() != dst.Addr().Is4() {
		return src, dst, fmt.Errorf("cannot build a frame from %v to %v: one is IPv4 and the other IPv6; give both of one family", src, dst)
	}
	return src, dst, nil
}

func mac(which string, m, def net.HardwareAddr) (net.HardwareAddr, error) {
	if m == nil {
		return def, nil
	}
	if len(m) != 6 {
		return nil, fmt.Errorf("cannot build a frame with the %s MAC address %q: it has %d bytes, not 6", which, m, len(m))
	}
	return m, nil
}

func checkLen(what string, n, headers, most int) (int, error) {
	switch {
	case n == 0:
		return max(minFrame, headers+ProbeLen), nil
	case n < 0:
		return 0, fmt.Errorf("cannot build a %s of %d bytes: a length cannot be negative", what, n)
	case n < headers:
		return 0, fmt.Errorf("cannot build a %s of %d bytes: its headers take %d", what, n, headers)
	case n > most:
		return 0, fmt.Errorf("cannot build a %s of %d bytes: the longest has %d", what, n, most)
	}
	return n, nil
}

func fill(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = filling[i%len(filling)]
	}
	return b
}

// Bytes is the frame, to be copied into transmit buffers. It is the template's
// own memory, valid as long as the template; do not write to it.
func (t *Template) Bytes() []byte { return t.bytes }

// Link says what Bytes starts with, which is what [Read] needs to know.
func (t *Template) Link() Link { return t.link }

// PayloadOffset is where the L4 payload, and so the probe, starts. It is also
// the least length such a frame can have.
func (t *Template) PayloadOffset() int { return t.payload }

// ChecksumOffset is where the 2 bytes of the UDP checksum are, or -1 where
// there is none.
func (t *Template) ChecksumOffset() int { return t.csum }

// MinProbeLen is the length from which on such a frame has room for a probe.
func (t *Template) MinProbeLen() int { return t.payload + ProbeLen }
