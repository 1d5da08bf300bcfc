package frame

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// values are those of one field, in their order: first, first+step, … or the
// list. One value is a field that stays as it is.
type values struct {
	random      bool   // any of them for each frame, instead of each in turn
	count       uint64 // how many; 0: 2^64
	first, step uint64 // of IPv6 the lower half
	hi          uint64 // of IPv6 the upper half
	hiRandom    uint64 // bits of hi that are random
	list        []pair // instead of first and step
}

// A pair is a value's upper and lower half.
type pair struct{ hi, lo uint64 }

// maxList is the most values that are kept as a list.
const maxList = 1 << 16

// maxCount is where counting ends: more than anyone will see.
const maxCount = 1 << 63

func one(hi, lo uint64) values { return values{count: 1, first: lo, hi: hi} }

func (v *values) fixed() bool { return v.count == 1 && v.hiRandom == 0 }

// at returns value number i.
func (v *values) at(i uint64) pair {
	if v.list != nil {
		return v.list[i]
	}
	return pair{v.hi, v.first + i*v.step}
}

// SyntaxError says why and where a text about frames was refused.
type SyntaxError struct {
	Text   string // the whole of it
	Pos    int    // byte offset of what is wrong, from 0; len(Text) if something is missing at the end
	Reason string // what is wrong there, without the position
}

// Error returns one sentence with the text, the position and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("cannot read %q at position %d: %s", e.Text, e.Pos, e.Reason)
}

// A reader of texts knows the whole text, for the positions in its errors.
type parser struct{ text string }

func (p *parser) refuse(pos int, format string, args ...any) error {
	return &SyntaxError{Text: p.text, Pos: pos, Reason: fmt.Sprintf(format, args...)}
}

// values reads the values of a field from text[pos:end].
func (p *parser) values(f *fieldDef, pos, end int, random bool) (values, error) {
	if pos == end {
		if random {
			return p.whole(f), nil
		}
		return values{}, p.refuse(pos, "%s has no value", f.key)
	}
	var all []pair
	for {
		next := end
		if i := strings.IndexByte(p.text[pos:end], ','); i >= 0 {
			next = pos + i
		}
		v, err := p.item(f, pos, next, random)
		if err != nil {
			return values{}, err
		}
		if next == end && all == nil {
			v.random = random && !(v.count == 1 && v.hiRandom == 0)
			return v, nil
		}
		if v.count == 0 || v.count > uint64(maxList-len(all)) {
			return values{}, p.refuse(pos, "a list has at most %d values", maxList)
		}
		for i := range v.count {
			all = append(all, v.at(i))
		}
		if next == end {
			return values{random: random, count: uint64(len(all)), list: all}, nil
		}
		pos = next + 1
	}
}

// whole is any value of a field. A random MAC address is a local and single
// one: it begins with 02.
func (p *parser) whole(f *fieldDef) values {
	v := values{random: true, step: 1}
	switch {
	case f.notation == macAddress:
		v.first, v.count = 0x02_00_00_00_00_00, 1<<40
	case f.notation == address6: // count is 0
		v.hiRandom = math.MaxUint64
	default:
		v.count = 1 << f.bits
	}
	return v
}

// item reads VALUE, FROM-TO, FROM-TO+STEP or, of addresses, ADDRESS/BITS.
func (p *parser) item(f *fieldDef, pos, end int, random bool) (values, error) {
	text := p.text[pos:end]
	if f.notation == address4 || f.notation == address6 {
		if addr, bits, ok := strings.Cut(text, "/"); ok {
			return p.prefix(f, pos, addr, bits, random)
		}
	}
	from, to, isRange := strings.Cut(text, "-")
	a, err := p.one(f, pos, from)
	if err != nil || !isRange {
		return one(a.hi, a.lo), err
	}
	at := pos + len(from) + 1
	to, by, stepped := strings.Cut(to, "+")
	b, err := p.one(f, at, to)
	if err != nil {
		return values{}, err
	}
	step := uint64(1)
	if stepped {
		if step, err = strconv.ParseUint(by, 0, 64); err != nil || step == 0 {
			return values{}, p.refuse(at+len(to)+1, "a step is a whole number from 1, not %q", by)
		}
	}
	if a.hi != b.hi {
		return values{}, p.refuse(at, "a range of IPv6 addresses stays within one /64")
	}
	v := values{hi: a.hi, first: a.lo, step: step}
	span := b.lo - a.lo
	if b.lo < a.lo {
		v.step, span = -step, a.lo-b.lo
	}
	v.count = span/step + 1 // 0 for all of 2^64
	return v, nil
}

// prefix reads the addresses of a prefix, from the given one's first on.
func (p *parser) prefix(f *fieldDef, pos int, addr, bits string, random bool) (values, error) {
	a, err := p.one(f, pos, addr)
	if err != nil {
		return values{}, err
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n < 0 || n > f.bits {
		return values{}, p.refuse(pos+len(addr)+1, "a prefix length is 0 to %d, not %q", f.bits, bits)
	}
	host := f.bits - n
	v := values{hi: a.hi, first: a.lo, step: 1, count: 1 << min(host, 64)} // 0 for 2^64
	v.first &^= v.count - 1
	if host > 64 {
		mask := uint64(1)<<(host-64) - 1
		v.hi &^= mask
		if random {
			v.hiRandom = mask
		}
	}
	return v, nil
}

// one reads one value as a number.
func (p *parser) one(f *fieldDef, pos int, s string) (pair, error) {
	switch f.notation {
	case macAddress:
		mac, err := ParseMAC(s)
		if err != nil || strings.Count(s, ":") != 5 {
			return pair{}, p.refuse(pos, "%q is no MAC address like 02:00:00:00:00:01", s)
		}
		return pair{lo: uint64(binary.BigEndian.Uint16(mac))<<32 | uint64(binary.BigEndian.Uint32(mac[2:]))}, nil
	case address4, address6:
		a, err := netip.ParseAddr(s)
		if err != nil || a.Is4() != (f.notation == address4) || a.Zone() != "" {
			return pair{}, p.refuse(pos, "%q is no %s address", s, map[notation]string{address4: "IPv4", address6: "IPv6"}[f.notation])
		}
		return addressValue(a), nil
	}
	n, err := strconv.ParseUint(s, 0, 64)
	if most := uint64(1)<<f.bits - 1; err != nil || n > most {
		return pair{}, p.refuse(pos, "%s is a number from 0 to %d, not %q", f.key, most, s)
	}
	return pair{lo: n}, nil
}

// addressValue is an address as a number.
func addressValue(a netip.Addr) pair {
	if a.Is4() {
		b := a.As4()
		return pair{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return pair{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}
