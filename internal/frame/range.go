package frame

import (
	"net/netip"
	"strconv"
	"strings"
)

// A Range is from one address and port to another, both ends included. Equal
// ends are one address or port.
type Range struct {
	From, To netip.AddrPort
	Port     bool // a port was given; else they are DefaultPort
	// Group is pkt-gen's way with IPv6: only this 16-bit group of the address,
	// 0 to 7 from the left, goes from one end's to the other's. -1 if none was
	// given: the whole address does.
	Group int
}

// ParseRange reads pkt-gen's ip[:port][-ip[:port]], in IPv6
// [group@]ip or [group@][ip]:port. What an end lacks it has from the one
// before; the first port is [DefaultPort]. Ends that are the wrong way round
// change places. The error is a [*SyntaxError].
func ParseRange(text string) (Range, error) {
	p := parser{text}
	r := Range{Group: -1}
	first, second, isRange := strings.Cut(text, "-")
	var err error
	if r.From, r.Port, r.Group, err = p.end(0, first, DefaultPort, -1); err != nil {
		return Range{}, err
	}
	r.To = r.From
	if isRange {
		at := len(first) + 1
		group, port := r.Group, false
		if r.To, port, r.Group, err = p.end(at, second, r.From.Port(), group); err != nil {
			return Range{}, err
		}
		r.Port = r.Port || port
		if group >= 0 && r.Group != group {
			return Range{}, p.refuse(at, "both ends are about group %d", group)
		}
	}
	a, b, x, y := r.From.Addr(), r.To.Addr(), r.From.Port(), r.To.Port()
	at := min(len(first)+1, len(text))
	switch {
	case a.Is4() != b.Is4():
		return Range{}, p.refuse(at, "a range is of one family, and %v and %v are not", a, b)
	case a.Is4() && r.Group >= 0:
		return Range{}, p.refuse(0, "IPv4 addresses have no groups to choose from")
	case r.Group < 0 && a.Is6() && addressValue(a).hi != addressValue(b).hi:
		return Range{}, p.refuse(at, "a range of IPv6 addresses stays within one /64; GROUP@ADDRESS goes through another part of it")
	}
	if b.Less(a) {
		a, b = b, a
	}
	r.From, r.To = netip.AddrPortFrom(a, min(x, y)), netip.AddrPortFrom(b, max(x, y))
	return r, nil
}

// end reads one end of a range; port and group are for what has none.
func (p *parser) end(pos int, s string, port uint16, group int) (netip.AddrPort, bool, int, error) {
	if g, rest, ok := strings.Cut(s, "@"); ok {
		n, err := strconv.ParseUint(g, 0, 3)
		if err != nil {
			return netip.AddrPort{}, false, 0, p.refuse(pos, "a group of an IPv6 address is 0 to 7, not %q", g)
		}
		group, pos, s = int(n), pos+len(g)+1, rest
	}
	ap, given, err := parseEndpoint(s, port)
	if err != nil {
		return ap, false, 0, p.refuse(pos, "%q is not ip[:port] or [ipv6]:port: %v", s, err)
	}
	return ap, given, group, nil
}

// address is the values of the address of r.
func (r *Range) address() values {
	a, b := addressValue(r.From.Addr()), addressValue(r.To.Addr())
	return values{hi: a.hi, first: a.lo, step: 1, count: b.lo - a.lo + 1}
}

// port is the values of the port of r.
func (r *Range) port() values {
	return values{first: uint64(r.From.Port()), step: 1, count: uint64(r.To.Port()-r.From.Port()) + 1}
}

// group is the values of the group of the address of r that varies.
func (r *Range) group() values {
	word := func(a netip.Addr) uint64 {
		b := a.As16()
		return uint64(b[2*r.Group])<<8 | uint64(b[2*r.Group+1])
	}
	a, b := word(r.From.Addr()), word(r.To.Addr())
	if a > b {
		a, b = b, a
	}
	return values{first: a, step: 1, count: b - a + 1}
}

// groupField is a 16-bit group of an IPv6 address at the given place of its
// header.
func groupField(address *fieldDef, group int) *fieldDef {
	return &fieldDef{address.key, number, 16, address.at + 2*group, 2, 0}
}
