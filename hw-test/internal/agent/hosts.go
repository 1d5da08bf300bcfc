package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/recovery"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Hosts are those of a lab of environment ssh, connected.
type Hosts struct {
	lab  *lab.Lab
	list []*Host
}

// Connect connects to the hosts of a lab, all at once, and resolves its ports.
// The end of ctx ends it, and not the Hosts. The error joins those of all hosts.
func Connect(ctx context.Context, l *lab.Lab) (*Hosts, error) {
	hosts, err := dial(ctx, l)
	if err == nil {
		err = l.ResolveWith(func(name string) ([]lab.Device, error) { return hosts.Host(name).devices, nil })
	}
	if err != nil {
		return nil, join([]error{err, hosts.Close()})
	}
	return hosts, nil
}

// dial connects, to as many as it can.
func dial(ctx context.Context, l *lab.Lab) (*Hosts, error) {
	h, errs := dialEach(ctx, l)
	return h, join(errs)
}

// dialEach has an error, or nil, for each of the lab's hosts.
func dialEach(ctx context.Context, l *lab.Lab) (*Hosts, []error) {
	of := l.Hosts()
	list, errs := make([]*Host, len(of)), make([]error, len(of))
	var all sync.WaitGroup
	for i := range of {
		all.Go(func() { list[i], errs[i] = connect(ctx, &of[i], l.SSH.Remote()) })
	}
	all.Wait()
	h := &Hosts{lab: l}
	for i := range of {
		if errs[i] == nil {
			h.list = append(h.list, list[i])
		}
	}
	return h, errs
}

// several are the errors of several hosts, as one sentence.
type several []error

func (s several) Error() string {
	var words []string
	for _, err := range s {
		words = append(words, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return strings.Join(words, "; ")
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

// Reach is Connect for package preflight.
func Reach(ctx context.Context, l *lab.Lab) (preflight.Hosts, error) {
	h, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	return h, nil
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
	return h.LookAt(ctx, preflight.Of(h.lab), fix)
}

// LookAt is Look at some of the ports. Hosts without one of them are left out,
// unless there are none at all.
func (h *Hosts) LookAt(ctx context.Context, ports []preflight.Port, fix bool) (*preflight.Report, error) {
	var names []string
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
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := call[LookOrder, preflight.Report](ctx, one, "Look", LookOrder{own, fix})
		switch {
		case err != nil && fix:
			return nil, fmt.Errorf("%w; what has been changed until then (on %s) stays until %s", err,
				strings.Join(append(names, one.name), ", "), cli.Shell("hw-test", "preflight", "--restore", "--lab", h.lab.File))
		case err != nil:
			return nil, err
		}
		names = append(names, one.name)
		of[one.name] = &r
	}
	return preflight.Join(names, of), nil
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

// Recover puts back on all hosts what programs have left that have ended.
func (h *Hosts) Recover() (list []recovery.Recovered, err error) {
	for _, one := range h.list {
		out, e := call[Nothing, Recovered](context.Background(), one, "Recover", Nothing(false))
		for _, r := range out.List {
			r.Host = one.name
			list = append(list, r)
		}
		err = join([]error{err, one.failed(e, out.Error)})
	}
	return list, err
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
