package udp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ringwalk/ringwalk/netmap"
)

const prefix = "udp:"

// A spec is a parsed port spec. All its addresses are of one family, and
// IPv4 addresses written as IPv6 ones are IPv4.
type spec struct {
	local   netip.AddrPort // not valid: none; [::] is any address of both families
	remotes []netip.AddrPort
	iface   string     // "": not given
	source  netip.Addr // not valid: not given
	ttl     uint8      // 0: not given
}

// parseSpec takes a port spec apart, without its prefix:
//
//	[@LOCAL:PORT][,REMOTE:PORT[,REMOTE:PORT…]][,key=value…]
//
//	LOCAL, REMOTE  1.2.3.4, [2001:db8::1], [fe80::1%eth0] or localhost, which
//	               is 127.0.0.1; LOCAL may be empty, which is any address
//	PORT           1 to 65535; LOCAL's may be 0, the kernel's choice, where
//	               there is a REMOTE to send to
//	iface=NAME     interface for multicast
//	source=ADDR    the only source to receive multicast from, without brackets
//	ttl=N          1 to 255, time to live of what is sent
//
// There must be one address at least. The comma before the first REMOTE may
// be left out where there is no LOCAL. Keys come last, each at most once.
// Names other than localhost are not resolved: which of a name's addresses a
// test runs against must not be left to a name server. The error is a
// *netmap.SpecError, whose positions count from the prefix's first byte.
func parseSpec(arg string) (spec, error) {
	p := parser{s: prefix + arg}
	if err := p.parse(); err != nil {
		return spec{}, err
	}
	return p.spec, nil
}

type parser struct {
	s string
	spec
	keys []string // seen so far
}

func (p *parser) refuse(pos int, format string, args ...any) error {
	return &netmap.SpecError{Spec: p.s, Pos: pos, Reason: fmt.Sprintf(format, args...)}
}

func (p *parser) parse() error {
	pos, end := len(prefix), len(p.s)
	if i := strings.IndexByte(p.s, 0); i >= 0 {
		return p.refuse(i, "a spec cannot hold a zero byte")
	}
	first := !strings.HasPrefix(p.s[pos:], ",")
	if !first {
		pos++ // remotes without LOCAL, as the grammar has it
	}
	if pos == end {
		return p.refuse(pos, "expected @LOCAL:PORT to receive at or REMOTE:PORT to send to")
	}
	for ; ; first = false {
		next := end
		if i := strings.IndexByte(p.s[pos:], ','); i >= 0 {
			next = pos + i
		}
		if err := p.item(pos, next, first); err != nil {
			return err
		}
		if next == end {
			break
		}
		pos = next + 1
	}
	if !p.local.IsValid() && len(p.remotes) == 0 {
		return p.refuse(len(prefix), "expected @LOCAL:PORT or REMOTE:PORT before the keys")
	}
	if p.local.IsValid() && p.local.Port() == 0 && len(p.remotes) == 0 {
		return p.refuse(len(prefix), "the port to receive at is 0, and nobody would know which one the kernel chose: want 1 to 65535")
	}
	return nil
}

// item reads what stands between two commas.
func (p *parser) item(pos, end int, first bool) error {
	item := p.s[pos:end]
	equals := strings.IndexByte(item, '=')
	switch {
	case item == "":
		return p.refuse(pos, "expected REMOTE:PORT or a key beside the comma")
	case item[0] == '@' && !first:
		return p.refuse(pos, "the local address comes first, and there is one at most")
	case equals >= 0 && item[0] != '[' && item[0] != '@':
		return p.key(pos, pos+equals, end)
	case len(p.keys) > 0:
		return p.refuse(pos, "addresses come before the keys")
	case item[0] == '@':
		a, err := p.address(pos+1, end, true)
		p.local = a
		return err
	}
	a, err := p.address(pos, end, false)
	if err != nil {
		return err
	}
	switch {
	case len(p.remotes) == 0 && p.local.Addr() == netip.IPv6Unspecified() && a.Addr().Is4():
		p.local = netip.AddrPortFrom(netip.IPv4Unspecified(), p.local.Port())
	case p.local.IsValid() && p.local.Addr().Is4() != a.Addr().Is4(),
		len(p.remotes) > 0 && p.remotes[0].Addr().Is4() != a.Addr().Is4():
		return p.refuse(pos, "the address's family is not that of the addresses before it (IPv4 or IPv6, not both)")
	}
	p.remotes = append(p.remotes, a)
	return nil
}

// address reads HOST:PORT.
func (p *parser) address(pos, end int, local bool) (none netip.AddrPort, err error) {
	s := p.s[pos:end]
	colon := strings.LastIndexByte(s, ':')
	if s != "" && s[0] == '[' {
		closing := strings.IndexByte(s, ']')
		if closing < 0 {
			return none, p.refuse(pos, "the '[' has no ']'")
		}
		if colon = closing + 1; colon < len(s) && s[colon] != ':' {
			return none, p.refuse(pos+colon, "expected ':' and a port after ']', not %s", p.at(pos+colon))
		}
	}
	if colon < 0 || colon >= len(s) {
		return none, p.refuse(end, "expected ':' and a port")
	}
	ip, err := p.host(pos, pos+colon, local)
	if err != nil {
		return none, err
	}
	at, port := pos+colon+1, s[colon+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 && !local {
		low := 1
		if local {
			low = 0
		}
		return none, p.refuse(at, "%q is no port: want %d to 65535", port, low)
	}
	return netip.AddrPortFrom(ip, uint16(n)), nil
}

// host reads an IP address, or what stands for one.
func (p *parser) host(pos, end int, local bool) (none netip.Addr, err error) {
	s := p.s[pos:end]
	switch {
	case s == "" && local:
		return netip.IPv6Unspecified(), nil
	case s == "":
		return none, p.refuse(pos, "expected the address to send to before ':'")
	case s == "localhost":
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	case s[0] == '[':
		s = s[1 : len(s)-1]
		ip, err := netip.ParseAddr(s)
		if err != nil || !ip.Is6() {
			return none, p.refuse(pos+1, "%q is no IPv6 address", s)
		}
		return p.check(pos+1, ip.Unmap(), local)
	}
	ip, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return none, p.refuse(pos, "%q is no IP address (IPv6 goes in brackets, and no name is looked up but localhost)", s)
	case ip.Is6():
		return none, p.refuse(pos, "an IPv6 address goes in brackets: [%s]", ip)
	}
	return p.check(pos, ip, local)
}

func (p *parser) check(pos int, ip netip.Addr, local bool) (netip.Addr, error) {
	if ip.IsUnspecified() && !local {
		return netip.Addr{}, p.refuse(pos, "nothing can be sent to %s, which stands for any address", ip)
	}
	if ip.IsLinkLocalUnicast() && ip.Is6() && ip.Zone() == "" {
		return netip.Addr{}, p.refuse(pos, "a link-local address needs its interface: [%s%%eth0]", ip)
	}
	return ip, nil
}

// key reads key=value; equals is where the '=' is.
func (p *parser) key(pos, equals, end int) error {
	key, value := p.s[pos:equals], p.s[equals+1:end]
	if slices.Contains(p.keys, key) {
		return p.refuse(pos, "%s is given twice", key)
	}
	p.keys = append(p.keys, key)
	switch key {
	case "iface":
		if value == "" || len(value) > maxInterface || strings.ContainsAny(value, "/ \t\n") {
			return p.refuse(equals+1, "%q is no interface's name", value)
		}
		p.iface = value
	case "source":
		ip, err := netip.ParseAddr(value)
		if err != nil {
			return p.refuse(equals+1, "%q is no IP address", value)
		}
		p.source = ip.Unmap()
	case "ttl":
		n, err := strconv.ParseUint(value, 10, 8)
		if err != nil || n == 0 {
			return p.refuse(equals+1, "%q is no time to live: want 1 to 255", value)
		}
		p.ttl = uint8(n)
	default:
		return p.refuse(pos, "there is no key %q: want iface, source or ttl", key)
	}
	return nil
}

// maxInterface is the length of the longest interface name, IFNAMSIZ - 1.
const maxInterface = 15

// at names the character at pos for a reason.
func (p *parser) at(pos int) string {
	r, _ := utf8.DecodeRuneInString(p.s[pos:])
	return strconv.QuoteRune(r)
}
