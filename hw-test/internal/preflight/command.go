package preflight

import (
	"context"
	"errors"
	"fmt"
	"io"

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

type options struct {
	lab     string
	cpus    string
	json    bool
	fix     bool
	restore bool
}

// Command makes the subcommand preflight, which leaves its exit status in
// *status.
func Command(status *int) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: "preflight [PORT…]", Short: "look whether this host and its ports are fit for a test",
		Long: about, Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			if o.restore {
				return o.putBack(cmd.OutOrStdout(), args)
			}
			ports, err := o.ports(args)
			if err != nil {
				return err
			}
			r, err := o.look(ctx, ports)
			if err != nil {
				return err
			}
			if r.Err() != nil {
				*status = cli.ExitShort
			}
			return o.print(cmd.OutOrStdout(), r)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.lab, "lab", "", "look at the ports of the lab `FILE` (hw-test lab) that are on this host")
	f.StringVar(&o.cpus, "cpus", "", "the port's threads are to run on the CPUs of `LIST`, such as 2-3 or 0,2")
	f.BoolVar(&o.fix, "fix", false, "change what can be changed, until --restore")
	f.BoolVar(&o.restore, "restore", false, "put back what --fix has changed, of the PORTs (interfaces) or of all")
	f.BoolVar(&o.json, "json", false, "as one JSON object on standard output")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// ports are those that the command line and the lab file name.
func (o *options) ports(args []string) (ports []Port, err error) {
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
		return ports, nil
	}
	l, err := lab.Load(o.lab)
	if err != nil {
		return nil, err
	}
	if l.Environment == lab.Veth {
		return nil, cli.Usagef("--lab: a lab of environment %s has no ports here before it is made: hw-test preflight alone looks at the host", l.Environment)
	}
	if l.Environment != lab.Local {
		return nil, cli.Usagef("--lab: the ports of environment %s are not on this host; for a machine: hw-test vm … preflight PORT", l.Environment)
	}
	if err := l.Resolve("/"); err != nil {
		return nil, err
	}
	return append(ports, Of(l)...), nil
}

// Of are the ports of a resolved lab that are on this host: those of its
// generators, and of devices under test that are interfaces here.
func Of(l *lab.Lab) (ports []Port) {
	for _, n := range l.Nodes {
		for _, p := range n.Ports {
			if n.Role == lab.TG || p.Interface != "" {
				ports = append(ports, Port{Spec: p.Open(), Interface: p.Interface, CPUs: p.CPUs})
			}
		}
	}
	return ports
}

// look runs the checks, and with --fix again after it.
func (o *options) look(ctx context.Context, ports []Port) (*Report, error) {
	r := Run(ctx, ports, nil)
	if o.fix && ctx.Err() == nil {
		f, notes, err := Fix(ctx, r, &Options{Keep: true})
		if f != nil {
			err = errors.Join(err, f.Leave())
		}
		if err != nil {
			return nil, err
		}
		r = Run(ctx, ports, nil)
		r.Fixed, r.Notes = f.Settings, notes
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("the checks are not complete: %w", context.Cause(ctx))
	}
	return r, nil
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
		fmt.Fprintln(w, "put it back: hw-test preflight --restore")
	}
	return nil
}

func (r *Report) fixable() (n int) {
	for _, c := range r.Checks {
		if len(c.fix) > 0 {
			n++
		}
	}
	return n
}

// putBack is --restore.
func (o *options) putBack(w io.Writer, names []string) error {
	if o.fix || o.lab != "" || o.cpus != "" || o.json {
		return cli.Usagef("--restore goes with no other flag")
	}
	if len(names) == 0 {
		names = []string{""}
	}
	n := 0
	var errs []error
	for _, only := range names {
		errs = append(errs, RestoreKept(only, func(name string, err error) {
			n++
			if err == nil {
				if name == "" {
					name = "this host"
				}
				fmt.Fprintf(w, "%s: settings put back\n", name)
			}
		}))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(w, "nothing is remembered that could be put back")
	}
	return nil
}
