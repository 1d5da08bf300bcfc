package preflight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/nic"
)

const about = `Look whether this host and its ports are fit for a test, and say of each thing what was found, what
is wanted and which command changes it. Without a port only the host is looked at.

  pass   as it should be
  warn   figures will be lower than they need be, or vary
  fail   figures would be wrong, or there would be none: the exit status is 3
  skip   does not apply here, or cannot be known: why is said. It is never a pass.

--fix changes what can be changed while the host runs and be put back: offloads, pause frames, ring
sizes, adaptive coalescing, where a port's interrupts go (with --cpus), the CPU governor. Changing
pause frames or rings takes the link down for some seconds. It stays until --restore, also over the
end of this command; what was is in the journal under /run/ringwalk. What somebody else has changed
since stays as it is.`

const example = `  hw-test preflight eth1
  hw-test preflight netmap:eth1 --cpus 2-3 --fix
  hw-test preflight --restore
  hw-test preflight --lab lab.yaml --json | jq '.checks[] | select(.verdict == "fail")'`

const statuses = `
Exit status:
  0    nothing fails
  1    it could not be looked at, changed or put back
  2    the command line is wrong
  3    a check fails
`

// Hosts are those of a lab of other hosts, as package agent reaches them.
type Hosts interface {
	// Look is the function Look on each.
	Look(ctx context.Context, fix bool) (*Report, error)
	// RestoreKept is that function on each.
	RestoreKept(report func(host, name string, err error)) error
	Close() error
}

// Reach connects to the hosts of a lab that it can reach; the error is that of
// the others. nil is none.
type Reach func(context.Context, *lab.Lab) (Hosts, error)

type options struct {
	reach   Reach
	lab     string
	cpus    string
	json    bool
	fix     bool
	restore bool
}

// Command makes the subcommand preflight, which leaves its exit status in
// *status.
func Command(status *int, reach Reach) *cobra.Command {
	o := options{reach: reach}
	cmd := &cobra.Command{
		Use: "preflight [PORT…]", Short: "look whether this host and its ports are fit for a test",
		Long: about, Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			if o.restore {
				return o.putBack(ctx, cmd.OutOrStdout(), args)
			}
			r, err := o.look(ctx, args)
			if r == nil {
				return err
			}
			if r.Err() != nil {
				*status = cli.ExitShort
			}
			return errors.Join(err, o.print(cmd.OutOrStdout(), r))
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.lab, "lab", "", "look at the ports of the lab `FILE` (hw-test lab) on this host, or on its hosts")
	f.StringVar(&o.cpus, "cpus", "", "the port's threads are to run on the CPUs of `LIST`, such as 2-3 or 0,2")
	f.BoolVar(&o.fix, "fix", false, "change what can be changed, until --restore")
	f.BoolVar(&o.restore, "restore", false, "put back what --fix has changed, of the PORTs (interfaces) or of all")
	f.BoolVar(&o.json, "json", false, "as one JSON object on standard output")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// look looks at what the command line and the lab file name. Of a lab of other
// hosts there may be a report and an error, of those that were not reached.
func (o *options) look(ctx context.Context, args []string) (*Report, error) {
	var ports []Port
	for _, a := range args {
		ports = append(ports, Port{Spec: a})
	}
	if o.cpus != "" {
		cpus, ok := nic.CPUList(o.cpus)
		switch {
		case !ok:
			return nil, cli.Usagef("--cpus: %q is no list of CPUs like 2-3 or 0,2", o.cpus)
		case len(ports) != 1:
			return nil, cli.Usagef("--cpus goes with one port; for several a lab file says which has which (--lab)")
		}
		ports[0].CPUs = cpus
	}
	if o.lab == "" {
		return Look(ctx, ports, o.fix)
	}
	l, err := lab.Load(o.lab)
	if err != nil {
		return nil, err
	}
	switch l.Environment {
	case lab.Local:
		if err := l.Resolve("/"); err != nil {
			return nil, err
		}
		return Look(ctx, append(ports, Of(l)...), o.fix)
	case lab.SSH:
		if len(ports) > 0 {
			return nil, cli.Usagef("--lab: its ports are on other hosts, and %s is one of this host: one after the other", args[0])
		}
		hosts, unreached := o.reach(ctx, l)
		if hosts == nil {
			return nil, unreached
		}
		defer hosts.Close()
		r, err := hosts.Look(ctx, o.fix)
		return r, errors.Join(unreached, err)
	case lab.Veth:
		return nil, cli.Usagef("--lab: a lab of environment %s has no ports here before it is made: hw-test preflight alone looks at the host", l.Environment)
	}
	return nil, cli.Usagef("--lab: the ports of environment %s are not on this host; for a machine: hw-test vm … preflight PORT", l.Environment)
}

// Of are the ports of a resolved lab that are on this host: those of its
// generators, and of devices under test that are interfaces here.
func Of(l *lab.Lab) (ports []Port) {
	for _, n := range l.Nodes {
		for _, p := range n.Ports {
			if n.Role == lab.TG || p.Interface != "" {
				ports = append(ports, Port{Host: n.Host, Spec: p.Open(), Interface: p.Interface, CPUs: p.CPUs})
			}
		}
	}
	return ports
}

func (o *options) print(w io.Writer, r *Report) error {
	if o.json {
		return bench.PrintJSON(w, r)
	}
	r.Print(w)
	if n := r.fixable(); n > 0 && !o.fix {
		fmt.Fprintf(w, "--fix changes %d of these, until --restore\n", n)
	}
	if len(r.Fixed) > 0 {
		words := []string{"hw-test", "preflight", "--restore"}
		if r.Fixed[0].Host != "" {
			words = append(words, "--lab", o.lab)
		}
		fmt.Fprintf(w, "put it back: %s\n", cli.Shell(words...))
	}
	return nil
}

func (r *Report) fixable() (n int) {
	for _, c := range r.Checks {
		if c.Fixable {
			n++
		}
	}
	return n
}

// putBack is --restore.
func (o *options) putBack(ctx context.Context, w io.Writer, names []string) error {
	if o.fix || o.cpus != "" || o.json || o.lab != "" && len(names) > 0 {
		return cli.Usagef("--restore goes with no other flag but --lab, and that with no PORT")
	}
	n := 0
	said := func(host, name string, err error) {
		n++
		if err != nil {
			return
		}
		if host == "" && name == "" {
			name = "this host"
		}
		fmt.Fprintf(w, "%s: settings put back\n", strings.TrimSpace(host+" "+name))
	}
	var errs []error
	if o.lab != "" {
		l, err := lab.Load(o.lab)
		switch {
		case err != nil:
			return err
		case l.Environment != lab.SSH:
			return cli.Usagef("--restore --lab is for labs of other hosts; this one is of environment %s: --restore alone puts back all of this host", l.Environment)
		}
		hosts, err := o.reach(ctx, l)
		errs = append(errs, err)
		if hosts != nil {
			defer hosts.Close()
			errs = append(errs, hosts.RestoreKept(said))
		}
	} else {
		if len(names) == 0 {
			names = []string{""}
		}
		for _, only := range names {
			errs = append(errs, RestoreKept(only, func(name string, err error) { said("", name, err) }))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(w, "nothing is remembered that could be put back")
	}
	return nil
}
