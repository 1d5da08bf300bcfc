package netmap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRing is the highest ring number a spec may name; libnetmap keeps
// NETMAP_RING_MASK (4095) itself out.
const maxRing = 4094

const specPrefixes = `which are "netmap:", "vale:" and "valeSWITCH:"`

// ParseSpec takes a port spec apart. It has libnetmap's grammar (libnetmap.h,
// nmreq.c and nmport.c of netmap):
//
//	netmap:eth0-2/Tx@3@conf:slots=512@offset=16
//	└prefix└name│ │  │ └options
//	            │ │  └memory id
//	            │ └flags
//	            └mode
//
//	prefix   netmap: | vale:… | valeSWITCH:…   a VALE prefix is part of the name
//	name     up to any of - * ^ / @; may end in a pipe, {ID or }ID
//	mode     none  all NIC rings      *   NIC and host rings
//	         -N    NIC ring pair N    ^   host rings    ^N  host ring pair N
//	flags    /, then any of x z t r R T (see Flags)
//	mem id   @N, 1 to 65535; flags and memory id may change places and repeat
//	options  @share=PORT
//	         @conf:rings=N,tx-rings=N,rx-rings=N,host-rings=N,host-tx-rings=N,
//	               host-rx-rings=N,slots=N,tx-slots=N,rx-slots=N
//	         @extmem=FILE or @extmem:file=FILE,if-num=N,if-size=N,ring-num=N,
//	               ring-size=N,buf-num=N,buf-size=N
//	         @offset=N or @offset:initial=N,bits=N
//
// Keys come in any order, with - or _; tx-rings beats rings whatever the
// order; a key with an empty value counts as not given. A second @conf is
// laid over the first.
//
// A bare name such as eth0 is refused: which backend it means is for the
// engine to choose. So is every other prefix. A name that contains - * ^ / @
// cannot be written, since these end it (libnetmap has the same limit);
// br-lan is refused, and br-0 is ring pair 0 of br. Any other byte may be in
// a name: netmap:eth0&, em0.100, and netmap:vale0:0, which is vale0:0.
// A '+' is one such byte, not a mode.
//
// It differs from libnetmap only in this:
//   - A memory id above 65535 is refused; there it loses its high bits.
//   - A number in an option must be all digits and in its field's range (bits:
//     at most 64); there "abc" is 0 and a large number loses its high bits.
//   - netmap:{1 and netmap:eth0{@2 (a pipe without parent or id) are refused
//     here, not left to the kernel, which never takes them.
//   - @share takes a port name and nothing after it; there a mode or flags
//     after that name are skipped without a word.
//   - @share and @offset are taken once, as @extmem is there.
//   - @offset need not be enabled first.
//   - The port to share with is not asked for its memory id, and the file of
//     @extmem is not mapped: that is for whoever opens the port.
//   - A zero byte is refused; a C string ends there.
//
// Whether port, mode and flags go together is left to the kernel. The error is
// a [*SpecError]; the Spec beside it is zero.
func ParseSpec(s string) (Spec, error) {
	p := specParser{s: s}
	if err := p.parse(); err != nil {
		return Spec{}, err
	}
	return p.sp, nil
}

// specParser reads s from left to right; pos is the next byte.
type specParser struct {
	s   string
	pos int
	sp  Spec
}

func (p *specParser) refuse(pos int, format string, args ...any) error {
	return &SpecError{Spec: p.s, Pos: pos, Reason: fmt.Sprintf(format, args...)}
}

// at names the character at pos for a reason.
func (p *specParser) at(pos int) string {
	if pos >= len(p.s) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.s[pos:])
	return strconv.QuoteRune(r)
}

func (p *specParser) parse() (err error) {
	if i := strings.IndexByte(p.s, 0); i >= 0 {
		return p.refuse(i, "a spec cannot hold a zero byte")
	}
	if p.sp.Name, p.pos, err = p.port(0, len(p.s)); err != nil {
		return err
	}
	if err := p.mode(); err != nil {
		return err
	}
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		p.pos++
		switch {
		case c == '/':
			err = p.flags()
		case c != '@':
			return p.refuse(p.pos-1, "expected '/', '@' or the end, not %s%s", p.at(p.pos-1), p.dashHint())
		case p.pos == len(p.s):
			return p.refuse(p.pos, "expected a memory id or an option after '@'")
		case isDigit(p.s[p.pos]):
			err = p.memID()
		default:
			return p.options()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// port reads prefix and name between pos and end. It returns the name as the
// kernel wants it and the position after it.
func (p *specParser) port(pos, end int) (name string, next int, err error) {
	scope, _, colon := strings.Cut(p.s[pos:end], ":")
	begin := pos                // of the kernel's name
	own := pos + len(scope) + 1 // of its part after the colon
	id, vale := strings.CutPrefix(scope, "vale")
	switch {
	case !colon || strings.Contains(scope, "@"): // a colon behind '@' is an option's
		return "", 0, p.refuse(pos, "there is no prefix of netmap, %s (a bare name is for the engine to resolve, not for netmap)", specPrefixes)
	case scope == "netmap":
		begin = own
	case strings.HasPrefix(scope, "netmap"):
		return "", 0, p.refuse(pos+len("netmap"), `nothing may stand between "netmap" and ':'`)
	case !vale:
		return "", 0, p.refuse(pos, "%q is not a prefix of netmap, %s", scope+":", specPrefixes)
	default:
		if i := notIdent(id); i >= 0 {
			return "", 0, p.refuse(pos+len("vale")+i, "a VALE switch's name has letters, digits and '_', not %s", p.at(pos+len("vale")+i))
		}
	}
	next = end
	if i := strings.IndexAny(p.s[own:end], "-*^/@"); i >= 0 {
		next = own + i
	}
	name = p.s[begin:next]
	if name == "" {
		return "", 0, p.refuse(begin, "the port name is empty")
	}
	if i := strings.IndexAny(p.s[own:next], "{}"); i >= 0 {
		brace := own + i
		bad := notIdent(p.s[brace+1 : next])
		switch {
		case brace == begin:
			return "", 0, p.refuse(brace, "the pipe has no port name before %s", p.at(brace))
		case brace+1 == next:
			return "", 0, p.refuse(next, "the pipe has no id after %s", p.at(brace))
		case bad >= 0:
			return "", 0, p.refuse(brace+1+bad, "a pipe's id has letters, digits and '_', not %s", p.at(brace+1+bad))
		}
	}
	if len(name) > MaxName {
		return "", 0, p.refuse(begin+MaxName, "the port name has %d bytes, at most %d fit", len(name), MaxName)
	}
	return name, next, nil
}

// mode reads the ring selection that may follow the name.
func (p *specParser) mode() error {
	p.sp.Mode = ModeAllNIC
	if p.pos == len(p.s) {
		return nil
	}
	switch p.s[p.pos] {
	case '*':
		p.sp.Mode = ModeNICSW
	case '^':
		p.sp.Mode = ModeSW
		if p.pos+1 < len(p.s) && isDigit(p.s[p.pos+1]) {
			p.sp.Mode = ModeOneSW
		}
	case '-':
		p.sp.Mode = ModeOneNIC
	default:
		return nil
	}
	p.pos++
	if p.sp.Mode != ModeOneNIC && p.sp.Mode != ModeOneSW {
		return nil
	}
	if p.pos == len(p.s) || !isDigit(p.s[p.pos]) {
		return p.refuse(p.pos, "expected a ring number, not %s%s", p.at(p.pos), p.dashHint())
	}
	ring, err := p.number("the ring number", 0, maxRing)
	p.sp.RingID = uint16(ring)
	return err
}

// dashHint is for whoever meant the '-' as part of the name.
func (p *specParser) dashHint() string {
	if p.sp.Mode != ModeOneNIC {
		return ""
	}
	return " (a name that contains '-' cannot be written in a port spec)"
}

// flags reads flag letters up to '@' or the end. As in libnetmap there may be
// none before '@', but not at the end.
func (p *specParser) flags() error {
	begin := p.pos
	for ; p.pos < len(p.s) && p.s[p.pos] != '@'; p.pos++ {
		i := slices.IndexFunc(specFlags, func(f specFlag) bool { return f.letter == p.s[p.pos] })
		if i < 0 {
			return p.refuse(p.pos, "a flag is one of x z t r R T, not %s", p.at(p.pos))
		}
		p.sp.Flags |= specFlags[i].flag
	}
	if p.pos == begin && p.pos == len(p.s) {
		return p.refuse(p.pos, "expected flags (x z t r R T) after '/'")
	}
	return nil
}

// memID reads the memory region's id. It may be repeated, but not changed.
func (p *specParser) memID() error {
	begin := p.pos
	id, err := p.number("the memory id", 1, 1<<16-1)
	if err != nil {
		return err
	}
	if p.sp.MemID != 0 && uint64(p.sp.MemID) != id {
		return p.refuse(begin, "the memory id is %d here but was %d before", id, p.sp.MemID)
	}
	p.sp.MemID = uint16(id)
	return nil
}

// number reads the decimal digits at pos.
func (p *specParser) number(what string, low, high uint64) (uint64, error) {
	begin := p.pos
	for p.pos < len(p.s) && isDigit(p.s[p.pos]) {
		p.pos++
	}
	n, err := strconv.ParseUint(p.s[begin:p.pos], 10, 64)
	if err != nil || n < low || n > high {
		return 0, p.refuse(begin, "%s must be %d..%d", what, low, high)
	}
	return n, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// notIdent returns the index of the first byte that libnetmap's identifiers
// do not have, or -1.
func notIdent(s string) int {
	return strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
