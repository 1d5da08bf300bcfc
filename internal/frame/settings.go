package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
)

// settings are those of c's own fields: MAC addresses go to the first Ethernet
// header; addresses to the last IP header, and ports to a UDP or TCP header
// behind it, which with a tunnel are the inner ones. They turn as in pkt-gen:
// the source port fastest, then the source address, destination port and
// destination address.
func (c *Config) settings(headers []header) (list []setting, err error) {
	if len(headers) > 0 {
		for _, m := range []struct {
			which, key string
			mac        net.HardwareAddr
		}{{"source", "src", c.SrcMAC}, {"destination", "dst", c.DstMAC}} {
			if m.mac == nil {
				continue
			}
			if len(m.mac) != 6 {
				return nil, fmt.Errorf("cannot build a frame with the %s MAC address %q: it has %d bytes, not 6", m.which, m.mac, len(m.mac))
			}
			v := one(0, uint64(binary.BigEndian.Uint16(m.mac))<<32|uint64(binary.BigEndian.Uint32(m.mac[2:])))
			list = append(list, setting{0, defOf("eth").field(m.key), v})
		}
	}
	ip := lastIP(headers)
	for _, e := range []endpoint{
		{"dst", "dport", c.Dst, c.DstRange, c.RandomDst},
		{"src", "sport", c.Src, c.SrcRange, c.RandomSrc},
	} {
		more, err := e.settings(headers, ip)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// An endpoint is what c says of the source or of the destination.
type endpoint struct {
	address, port string
	fixed         netip.AddrPort
	span          Range
	random        bool
}

func (e *endpoint) settings(headers []header, ip int) (list []setting, err error) {
	r := e.span
	if !r.From.IsValid() && e.fixed.IsValid() {
		r = Range{From: e.fixed, To: e.fixed, Port: true, Group: -1}
	}
	given := r.From.IsValid()
	if !given && !e.random {
		return nil, nil
	}
	if ip < 0 {
		return nil, errors.New("cannot set addresses or ports in a frame without an IP header")
	}
	v4 := headers[ip].kind == ipv4
	address := addressField(headers[ip], e.address)
	if a := r.From.Addr(); given && a.Is4() != v4 {
		return nil, fmt.Errorf("cannot put the address %v into a frame of the other IP family; give all of one family", a)
	}
	if e.random {
		r.To = r.From
	}
	group := r.Group >= 0 && given && !v4
	if given && group {
		a := addressValue(r.From.Addr())
		list = append(list, setting{ip, address, one(a.hi, a.lo)}, setting{ip, groupField(address, r.Group), r.group()})
	} else if given {
		list = append(list, setting{ip, address, r.address()})
	}
	if e.random && v4 {
		list = append(list, setting{ip, address, values{random: true, step: 1, count: 1 << 32}})
	} else if e.random {
		if !group {
			r.Group = 7
		}
		list = append(list, setting{ip, groupField(address, r.Group), values{random: true, step: 1, count: 1 << 16}})
	}

	if next := ip + 1; next < len(headers) && (headers[next].kind == udp || headers[next].kind == tcp) {
		port := defOf("udp").field(e.port) // where TCP has it as well
		if e.random {
			list = append(list, setting{next, port, values{random: true, step: 1, count: 1 << 16}})
		} else if given && r.Port {
			list = append(list, setting{next, port, r.port()})
		}
	}
	return list, nil
}

// addressField is a field of an IP header of either version.
func addressField(h header, key string) *fieldDef {
	if h.kind == ipv4 {
		return defOf("ip").field(key)
	}
	return defOf("ip6").field(key)
}

// flows makes the last IP header's source address one of n, from the one that
// is there on: then also a card that hashes nothing but addresses spreads them.
func (l *layout) flows(n uint64) error {
	ip := lastIP(l.headers)
	if ip < 0 {
		return errors.New("cannot make flows of frames without an IP header")
	}
	field := addressField(l.headers[ip], "src")
	at := l.headers[ip].off + field.at
	if slices.ContainsFunc(l.varying, func(s setting) bool {
		i := l.headers[s.header].off + s.field.at
		return i < at+field.width && at < i+s.field.width
	}) {
		return errors.New("cannot make flows of source addresses that vary already")
	}
	v := values{step: 1, count: n}
	if field.width == 4 {
		v.first = uint64(binary.BigEndian.Uint32(l.bytes[at:]))
		if n > 1<<32-v.first {
			return fmt.Errorf("cannot make %d flows: there are %d addresses from the source address on", n, 1<<32-v.first)
		}
	} else {
		v.hi, v.first = binary.BigEndian.Uint64(l.bytes[at:]), binary.BigEndian.Uint64(l.bytes[at+8:])
		if n-1 > math.MaxUint64-v.first {
			return fmt.Errorf("cannot make %d flows: the source address is at the end of its /64", n)
		}
	}
	return l.set(setting{ip, field, v})
}

// lastIP is the index of the last IP header, or -1.
func lastIP(headers []header) int {
	ip := len(headers) - 1
	for ip >= 0 && headers[ip].kind != ipv4 && headers[ip].kind != ipv6 {
		ip--
	}
	return ip
}
