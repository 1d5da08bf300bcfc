package frame

import (
	"fmt"
	"net"
	"net/netip"
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
	DefaultSrc6   = netip.AddrPortFrom(netip.MustParseAddr("fd00::1"), DefaultPort)
	DefaultDst6   = netip.AddrPortFrom(netip.MustParseAddr("fd00:0:0:1::1"), DefaultPort)
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
	Link Link // Payload: only Len, Sizes and Fill are looked at

	SrcMAC, DstMAC net.HardwareAddr // 6 bytes; nil is DefaultSrcMAC, Broadcast
	Src, Dst       netip.AddrPort   // both IPv4 or both IPv6; the zero value is DefaultSrc, DefaultDst

	// Len is the bytes from Link's first one to the end, without CRC, at most
	// 65535. 0 is the larger of 60 and what headers and a probe take (80 for
	// IPv6), or all of Bytes.
	Len int

	// Head is how many zeros a Writer has in front of each frame, an even
	// number: a virtio-net header. No length in a Config counts them.
	Head int

	Shape
}

// A Shape is what a [Config] may say beyond pkt-gen's default frame. The
// package's documentation tells how the fields that vary work together.
type Shape struct {
	Layers  *Description // the headers; nil: Ethernet, IP, UDP
	Bytes   []byte       // a whole frame instead; not to be changed as long as it is in use
	Changes *Description // laid over Layers or Bytes
	IPv6    bool         // of the headers where Layers and addresses do not say it

	SrcRange, DstRange   Range  // in place of Src and Dst
	RandomSrc, RandomDst bool   // any address and port; in IPv6 any value of the range's group, or of the last one
	Flows                uint64 // as many source addresses, from the source on; 0: the one

	Sizes Sizes  // in place of Len
	Fill  []byte // the payload, over and over; empty: "ringwalk "
	Seed  uint64 // of all that is random
}

// Headers reports whether s is about headers, which a [Payload] has not.
func (s *Shape) Headers() bool {
	return s.Layers != nil || s.Bytes != nil || s.Changes != nil || s.IPv6 ||
		s.RandomSrc || s.RandomDst || s.Flows > 0
}

// Template is a finished frame with correct lengths and checksums, and the
// knowledge of where in it the fields are that change. It does not change
// after New, so any goroutine may use it.
type Template struct {
	link    Link
	bytes   []byte
	payload int
	csum    int    // -1: none
	zero    uint16 // what a checksum of 0 is written as
}

// New builds the frame c describes, by default Ethernet, IPv4 or IPv6 by the
// addresses, UDP, and filling. IPv4 has no options, and pkt-gen's other fields:
// type of service 0x10, don't fragment, identification 0, and 64 hops as in
// IPv6. Of fields that vary it has the first values; Sizes is not looked at.
//
// The error says which field of c cannot be, and why.
func New(c Config) (*Template, error) {
	if c.Link == Ethernet && c.Layers == nil && c.Bytes == nil {
		var err error
		if c.Src, c.Dst, err = endpoints(c); err != nil {
			return nil, err
		}
	}
	l, err := c.layout(0)
	if err != nil {
		return nil, err
	}
	return l.template(c.Link), nil
}

// template is the layout's frame.
func (l *layout) template(link Link) *Template {
	t := &Template{link: link, bytes: l.bytes, payload: l.payload, csum: -1}
	if l.l4 && len(l.sites) > 0 && l.sites[0].from == l.headers[len(l.headers)-1].off {
		t.csum, t.zero = l.sites[0].at, l.sites[0].zero
	}
	return t
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
	src, dst = unmap(src), unmap(dst)
	if src.Addr().Is4() != dst.Addr().Is4() {
		return src, dst, fmt.Errorf("cannot build a frame from %v to %v: one is IPv4 and the other IPv6; give both of one family", src, dst)
	}
	return src, dst, nil
}

// unmap makes IPv4 of IPv4 in IPv6 form.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func checkLen(what string, n, headers, most int) error {
	switch {
	case n < 0:
		return fmt.Errorf("cannot build a %s of %d bytes: a length cannot be negative", what, n)
	case n < headers:
		return fmt.Errorf("cannot build a %s of %d bytes: its headers take %d", what, n, headers)
	case n > most:
		return fmt.Errorf("cannot build a %s of %d bytes: the longest has %d", what, n, most)
	}
	return nil
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
