package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Hosts are those of a lab of environment ssh, connected.
type Hosts struct {
	lab  *lab.Lab // with the nodes that are on them
	list []*Host
}

// Connect connects to the hosts of a lab on which its paths are, all at once,
// and resolves the ports of the paths' nodes. The end of ctx ends it, and not the
// Hosts. The error joins those of all hosts.
func Connect(ctx context.Context, l *lab.Lab, paths []lab.Path) (*Hosts, error) {
	hosts, errs := dialEach(ctx, part(l, func(n *lab.Node) bool {
		return slices.ContainsFunc(paths, func(p lab.Path) bool {
			return slices.ContainsFunc(p.Ports(), func(port string) bool { return strings.HasPrefix(port, n.Name+".") })
		})
	}))
	err := join(errs)
	if err == nil {
		err = hosts.resolve()
	}
	if err != nil {
		return nil, join([]error{err, hosts.Close()})
	}
	return hosts, nil
}

// part is a lab with some of its nodes. Their ports are the lab's own, so that
// what resolves them does so for both.
func part(l *lab.Lab, has func(*lab.Node) bool) *lab.Lab {
	p := *l
	p.Nodes = nil
	for i := range l.Nodes {
		if has(&l.Nodes[i]) {
			p.Nodes = append(p.Nodes, l.Nodes[i])
		}
	}
	return &p
}

// resolve finds the ports.
func (h *Hosts) resolve() error {
	return h.lab.ResolveWith(func(name string) ([]lab.Device, error) { return h.Host(name).devices, nil })
}

// dialEach connects to as many as it can, and has an error, or nil, for each of
// the lab's hosts.
func dialEach(ctx context.Context, l *lab.Lab) (*Hosts, []error) {
	of := l.Hosts()
	list, errs := make([]*Host, len(of)), make([]error, len(of))
	var all sync.WaitGroup
	for i := range of {
		all.Go(func() { list[i], errs[i] = connect(ctx, &of[i], l.SSH.Remote()) })
	}
	all.Wait()
	h := new(Hosts)
	for i := range of {
		if errs[i] == nil {
			h.list = append(h.list, list[i])
		}
	}
	h.lab = part(l, func(n *lab.Node) bool { return n.Host == "" || h.Host(n.Host) != nil })
	return h, errs
}

// several are the errors of several hosts, a line for each; what two say is there
// once.
type several []error

func (s several) Error() string {
	var lines []string
	for _, err := range s {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// Unwrap is all of them.
func (s several) Unwrap() []error { return s }

func join(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	return several(errs)
}

// Reach connects to all hosts of a lab for package preflight, or to those that it
// can: the error is that of the others. Where it reaches none, or ctx has ended,
// there are no Hosts.
func Reach(ctx context.Context, l *lab.Lab) (preflight.Hosts, error) {
	h, errs := dialEach(ctx, l)
	if len(h.list) == 0 || ctx.Err() != nil {
		return nil, join(append(errs, h.Close()))
	}
	return h, join(errs)
}

// Host finds a host by its name in the lab file; nil if there is none.
func (h *Hosts) Host(name string) *Host {
	for _, one := range h.list {
		if one.name == name {
			return one
		}
	}
	return nil
}

// Machines are what the hosts are, for what is kept of a session.
func (h *Hosts) Machines() (list []results.RemoteHost) {
	for _, one := range h.list {
		list = append(list, results.RemoteHost{Name: one.name, Host: one.machine, Clock: one.clock})
	}
	return list
}

// Look looks at all hosts and the lab's ports, and with fix changes what can be
// changed, until RestoreKept, also where it then fails.
func (h *Hosts) Look(ctx context.Context, fix bool) (*preflight.Report, error) {
	if err := h.resolve(); err != nil {
		return nil, err
	}
	return h.LookAt(ctx, preflight.Of(h.lab), fix)
}

// LookAt is Look at some of the ports. Hosts without one of them are left out,
// unless there are none at all. A host that fails keeps the others from nothing:
// there may be a report and an error, and there is no report if all fail.
func (h *Hosts) LookAt(ctx context.Context, ports []preflight.Port, fix bool) (*preflight.Report, error) {
	var names []string
	var errs []error
	of := map[string]*preflight.Report{}
	for _, one := range h.list {
		var own []preflight.Port
		for _, p := range ports {
			if p.Host == one.name {
				p.Host = ""
				own = append(own, p)
			}
		}
		if len(own) == 0 && len(ports) > 0 {
			continue
		}
		r, err := call[LookOrder, preflight.Report](ctx, one, "Look", LookOrder{own, fix})
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && fix:
			errs = append(errs, fmt.Errorf("%w; what has been changed there until then stays until %s", err,
				cli.Shell("hw-test", "preflight", "--restore", "--lab", h.lab.File)))
		case err != nil:
			errs = append(errs, err)
		default:
			names = append(names, one.name)
			of[one.name] = &r
		}
	}
	if len(names) == 0 && len(errs) > 0 {
		return nil, join(errs)
	}
	return preflight.Join(names, of), join(errs)
}

// RestoreKept puts back on all hosts what Look has changed.
func (h *Hosts) RestoreKept(report func(host, name string, err error)) error {
	var errs []error
	for _, one := range h.list {
		out, err := call[Nothing, Restored](context.Background(), one, "Restore", Nothing(false))
		for _, p := range out.List {
			report(one.name, p.Name, failed(p.Error))
		}
		errs = append(errs, one.failed(err, out.Error))
	}
	return join(errs)
}

// Close ends all agents and connections, and waits for that.
func (h *Hosts) Close() error {
	if h == nil {
		return nil
	}
	var all sync.WaitGroup
	errs := make([]error, len(h.list))
	for i, one := range h.list {
		all.Go(func() { errs[i] = one.close() })
	}
	all.Wait()
	return join(errs)
}
