package mirror

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/place"
	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

// Kinds of sockets.
const (
	udp       = "udp"
	packet    = "packet"
	netmapped = "netmap"
)

// isNetmap reports whether a spec is that of a netmap port.
func isNetmap(spec string) bool {
	return strings.HasPrefix(spec, "netmap:") || strings.HasPrefix(spec, "vale")
}

// kinds are those to measure over ports with such specs where none are asked
// for: what the ports are, and UDP, where nothing is in its way.
func kinds(from, to string) []string {
	if isNetmap(from) || isNetmap(to) {
		return []string{netmapped}
	}
	return []string{udp, packet}
}

// unable says why a kind cannot be measured over a flow, "" if it can.
func (r *runner) unable(kind string, f testbed.Flow) string {
	from, to := f.From, f.To
	owned := ""
	for _, p := range []*testbed.Port{from, to} {
		if isNetmap(p.Spec) {
			owned = p.Spec
		}
	}
	switch {
	case kind == netmapped && owned == "":
		return fmt.Sprintf("neither %s nor %s is a netmap port", from.Spec, to.Spec)
	case kind == netmapped:
		return ""
	case owned != "":
		return fmt.Sprintf("what comes to %s goes past the kernel's sockets", owned)
	case kind == packet:
		return ""
	case r.ports != nil && from.Host == to.Host:
		return "both ports are on one host, whose kernel hands messages to its own addresses over by itself"
	}
	if _, _, ok := common(from.Addrs, to.Addrs); !ok {
		return fmt.Sprintf("%v with %s and %v with %s have no addresses in one network: give both one (ip addr add)",
			from, addresses(from.Addrs), to, addresses(to.Addrs))
	}
	return ""
}

func addresses(list []netip.Prefix) string {
	if len(list) == 0 {
		return "none"
	}
	var words []string
	for _, p := range list {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}

// common are addresses of two interfaces that are in one network.
func common(from, to []netip.Prefix) (a, b netip.Addr, ok bool) {
	for _, p := range from {
		for _, q := range to {
			// Of a link-local address somebody would have to say of which link.
			if p.Masked() == q.Masked() && p.Addr() != q.Addr() && !p.Addr().IsLinkLocalUnicast() {
				return p.Addr(), q.Addr(), true
			}
		}
	}
	return a, b, false
}

// udpPort is where both ends of the UDP sockets are: nobody's, and no port that
// the kernel gives to those who ask for any.
const udpPort = 20007

// specs are the two ports of a kind.
func specs(kind string, f testbed.Flow) (from, to string) {
	if kind != udp {
		return f.From.Spec, f.To.Spec
	}
	a, b, _ := common(f.From.Addrs, f.To.Addrs)
	near, far := netip.AddrPortFrom(a, udpPort), netip.AddrPortFrom(b, udpPort)
	return fmt.Sprintf("udp:@%v,%v", near, far), fmt.Sprintf("udp:@%v,%v", far, near)
}

// A path is where the one path that was named leads, in this suite's words.
type path struct{ *place.Where }

func (p path) Describe() testbed.Description {
	d, w := p.Where.Describe(), p.Ways()[0]
	d.What = fmt.Sprintf("pktgen -f ping on %v and pktgen -f pong on %v", &w.From, &w.To)
	if d.Kind == string(lab.Local) {
		d.What += " of this host"
	}
	if w.Path != "" {
		d.What += ": " + w.Path
	}
	return d
}

// own is a veth pair as an environment.
type own struct {
	*bench.Lab
	from, to testbed.Port
}

// Addresses of nobody, so that the namespaces' own stacks drop a packet
// socket's frames at once and answer nothing.
var nobody = [2]net.HardwareAddr{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}

func newOwn() (*own, error) {
	l, err := bench.NewLab()
	if err != nil {
		return nil, err
	}
	return &own{
		Lab: l,
		from: testbed.Port{
			Spec: "packet:" + bench.NameA, Device: bench.NameA, Addrs: []netip.Prefix{netip.PrefixFrom(l.AddrA, bench.AddrBits)},
			Launch: program.Process(l.A.NS.Start), Flags: []string{"--src-mac", nobody[0].String(), "--dst-mac", nobody[1].String()},
		},
		to: testbed.Port{
			Spec: "packet:" + bench.NameB, Device: bench.NameB, Addrs: []netip.Prefix{netip.PrefixFrom(l.AddrB, bench.AddrBits)}, Launch: program.Process(l.B.NS.Start),
		},
	}, nil
}

func (o *own) Describe() testbed.Description { return o.Environment.Describe() }

func (o *own) Flows() []testbed.Flow { return []testbed.Flow{{From: &o.from, To: &o.to}} }

// Counters has none: the programs count every message.
func (o *own) Counters() ([]testbed.Counters, error) { return []testbed.Counters{}, nil }

// WaitLinks has nothing to wait for: both ends were set up.
func (o *own) WaitLinks(context.Context) error { return nil }

// Clocks has one, that of this host.
func (o *own) Clocks() error { return nil }

// has opens both ports of a kind once. What a kernel lacks is told by the error
// of that, and not by a program's sentence.
func (o *own) has(kind string) error {
	from, to := specs(kind, o.Flows()[0])
	open := func(spec string) func() error {
		return func() error {
			p, err := engine.Open(spec, &engine.Config{RX: 1, TX: 1})
			if err != nil {
				return err
			}
			return p.Close()
		}
	}
	if err := o.A.NS.Do(open(from)); err != nil {
		return err
	}
	return o.B.NS.Do(open(to))
}
