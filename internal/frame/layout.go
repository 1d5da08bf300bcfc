package frame

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A layout is a frame with all that is fixed in it, and the knowledge of where
// everything is.
type layout struct {
	bytes    []byte
	headers  []header
	sites    []site
	lengths  []lengthField
	payload  int       // where it begins: behind the last header
	l4       bool      // the last header is one of layer 4: a probe may follow
	varying  []setting // in the order in which they turn, the fastest last
	captured bool
}

// layout builds the frame c describes, in n bytes; 0 is c.Len, or the default
// of that.
func (c *Config) layout(n int) (*layout, error) {
	l := &layout{}
	if n == 0 {
		n = c.Len
	}
	switch c.Link {
	case Ethernet:
	case Payload:
		if n == 0 {
			n = minFrame
		}
		if err := checkLen("payload", n, 0, maxPayload); err != nil {
			return nil, err
		}
		l.bytes, l.l4 = make([]byte, n), true
		c.fill(l.bytes)
		return l, nil
	default:
		return nil, fmt.Errorf("cannot build a frame of link kind %d: only Ethernet and Payload are known", c.Link)
	}
	settings, err := c.begin(l)
	if err != nil {
		return nil, err
	}
	if l.captured {
		if n == 0 {
			n = len(c.Bytes)
		}
		if n > len(c.Bytes) {
			return nil, fmt.Errorf("cannot make the frame of %d bytes one of %d: a frame that is given can only become shorter", len(c.Bytes), n)
		}
	} else if n == 0 {
		n = minFrame
		if l.l4 {
			n = max(n, l.payload+ProbeLen)
		}
	}
	tail := 0
	for i := range l.sites {
		tail = max(tail, l.sites[i].tail)
	}
	if err := checkLen("frame", n, l.payload+tail, maxFrame); err != nil {
		return nil, err
	}
	asIs := l.captured && n == len(c.Bytes) && len(settings) == 0 && c.Flows == 0
	l.bytes = c.resize(l, n)
	for _, s := range settings {
		if err := l.set(s); err != nil {
			return nil, err
		}
	}
	if c.Flows > 0 {
		if err := l.flows(c.Flows); err != nil {
			return nil, err
		}
	}
	if !asIs {
		complete(l.bytes, l.sites, l.lengths)
	}
	return l, nil
}

// begin finds the headers and what is to be set in them.
func (c *Config) begin(l *layout) ([]setting, error) {
	var settings []setting
	if l.captured = c.Bytes != nil; l.captured {
		l.bytes, l.headers = c.Bytes, locate(c.Bytes)
	} else {
		layers, err := c.layers()
		if err != nil {
			return nil, err
		}
		if l.bytes, l.headers, err = skeleton(layers); err != nil {
			return nil, err
		}
		for i, y := range layers {
			for _, s := range y.fields {
				settings = append(settings, setting{i, s.field, s.values})
			}
		}
	}
	l.sites, l.lengths = sites(l.bytes, l.headers, !l.captured)
	if n := len(l.headers); n > 0 {
		l.payload = l.headers[n-1].end
		switch l.headers[n-1].kind {
		case udp, tcp, icmp, icmpv6:
			l.l4 = true
		}
	}
	if c.Changes != nil {
		at := 0
		for _, y := range c.Changes.layers {
			for at < len(l.headers) && l.headers[at].kind != y.def.kind {
				at++
			}
			if at == len(l.headers) {
				return nil, fmt.Errorf("cannot change the %s header of a frame that has no further one", y.def.name)
			}
			for _, s := range y.fields {
				if s.field.at+s.field.width > l.headers[at].end-l.headers[at].off {
					return nil, fmt.Errorf("cannot change %s of a %s header that has none", s.field.key, y.def.name)
				}
				settings = append(settings, setting{at, s.field, s.values})
			}
			at++
		}
	}
	more, err := c.settings(l.headers)
	return append(settings, more...), err
}

// layers is the description, by default Ethernet, IP of the addresses' family
// and UDP.
func (c *Config) layers() ([]layer, error) {
	if c.Layers != nil {
		return c.Layers.layers, nil
	}
	ip := "ip"
	if c.IPv6 || c.Src.Addr().Is6() || c.Dst.Addr().Is6() || c.SrcRange.From.Addr().Is6() || c.DstRange.From.Addr().Is6() {
		ip = "ip6"
	}
	return []layer{{def: defOf("eth")}, {def: defOf(ip)}, {def: defOf("udp")}}, nil
}

// resize returns the frame in n bytes: the headers, then the payload.
func (c *Config) resize(l *layout, n int) []byte {
	if l.captured {
		return slices.Clone(l.bytes[:n])
	}
	b := make([]byte, n)
	copy(b, l.bytes[:l.payload])
	if last := l.headers[len(l.headers)-1].kind; last != arp { // behind ARP it is padding
		c.fill(b[l.payload:])
	}
	return b
}

// fill writes the payload.
func (c *Config) fill(b []byte) {
	pattern := c.Fill
	if len(pattern) == 0 {
		pattern = []byte(filling)
	}
	for len(b) > 0 {
		b = b[copy(b, pattern):]
	}
}

// set gives a field its value, or its first one if it varies.
func (l *layout) set(s setting) error {
	same := func(o setting) bool {
		return o.header == s.header && o.field.at == s.field.at && o.field.shift == s.field.shift && o.field.width == s.field.width
	}
	l.varying = slices.DeleteFunc(l.varying, same) // the last word counts
	at := l.headers[s.header].off + s.field.at
	v := s.values.at(0)
	switch s.field.width {
	case 2:
		w := binary.BigEndian.Uint16(l.bytes[at:])
		mask := uint16(1)<<s.field.bits - 1
		binary.BigEndian.PutUint16(l.bytes[at:], w&^(mask<<s.field.shift)|uint16(v.lo)<<s.field.shift)
	case 4:
		w := binary.BigEndian.Uint32(l.bytes[at:])
		mask := uint32(1)<<s.field.bits - 1
		binary.BigEndian.PutUint32(l.bytes[at:], w&^(mask<<s.field.shift)|uint32(v.lo)<<s.field.shift)
	case 6:
		binary.BigEndian.PutUint32(l.bytes[at:], uint32(v.lo>>16))
		binary.BigEndian.PutUint16(l.bytes[at+4:], uint16(v.lo))
	case 16:
		binary.BigEndian.PutUint64(l.bytes[at:], v.hi)
		binary.BigEndian.PutUint64(l.bytes[at+8:], v.lo)
	}
	if s.values.fixed() {
		return nil
	}
	for _, o := range l.varying {
		i := l.headers[o.header].off + o.field.at
		if at < i+o.field.width && i < at+s.field.width {
			return fmt.Errorf("cannot vary both %s and %s: they share a word of the frame", o.field.key, s.field.key)
		}
	}
	l.varying = append(l.varying, s)
	return nil
}

// shift puts n zeros in front of the frame.
func (l *layout) shift(n int) {
	l.bytes = append(make([]byte, n), l.bytes...)
	l.payload += n
	for i := range l.headers {
		h := &l.headers[i]
		h.off, h.end = h.off+n, h.end+n
	}
	for i := range l.sites {
		s := &l.sites[i]
		s.at, s.from, s.addrs = s.at+n, s.from+n, s.addrs+n
		if s.to > 0 {
			s.to += n
		}
	}
	for i := range l.lengths {
		f := &l.lengths[i]
		f.at, f.less = f.at+n, f.less+n
	}
}
