package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/recovery"
	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
	"github.com/ringwalk/ringwalk/internal/cli"
)

const aboutRecover = `Put back what programs that were killed left changed, in all network namespaces: qdiscs, what was
set for netmap ports (link up, promiscuous, offloads), and what a test's preflight has fixed for its
time. What somebody else has changed since stays as it is, and so does what "qdisc set" and
"preflight --fix" set. What programs that run have changed is theirs to put back.

With --lab this is done on the hosts of a lab of environment ssh, after hw-test itself was killed
here or a connection broke. What a lost run has started there ends by itself, within the lab file's
silence (10 s), and puts back what it changed; this waits for it, puts back the rest, and removes
the copies of hw-test, which the next run puts there again. A host that cannot be reached is named,
and the others are done.`

const recoverStatuses = `
Exit status:
  0    nothing is left
  1    something could not be put back, or a host not be reached; it is named
  2    the command line is wrong
`

// Left is what was done on a host, and what could not be.
type Left struct {
	Host string `json:"host"`
	remote.Cleaned
	Recovered []recovery.Recovered `json:"recovered"`
	Error     string               `json:"error,omitempty"`
}

// RecoverCommand makes the subcommand recover. Its exit status is that of its
// error.
func RecoverCommand() *cobra.Command {
	var file string
	var asJSON, force bool
	cmd := &cobra.Command{
		Use: "recover", Short: "put back what killed programs left, here or on a lab's hosts", Long: aboutRecover, Args: bench.NoArgs,
		Example: "  hw-test recover\n  hw-test recover --lab lab.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			l, err := remoteLab(file)
			if err != nil {
				return err
			}
			switch {
			case l == nil && force:
				return cli.Usagef("--force is for the hosts of a lab of environment ssh: --lab FILE")
			case l == nil:
				return recoverHere(cmd.OutOrStdout(), asJSON)
			}
			return recoverThere(ctx, l, force, cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "lab", "", "do it on the hosts of the lab `FILE` (hw-test lab)")
	cmd.Flags().BoolVar(&force, "force", false, "end on the hosts what this user still runs there by hw-test for somebody else, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON on standard output")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + recoverStatuses)
	return cmd
}

// remoteLab is a lab of other hosts, nil where it is this host's or there is no
// file.
func remoteLab(file string) (*lab.Lab, error) {
	if file == "" {
		return nil, nil
	}
	l, err := lab.Load(file)
	if err != nil || l.Environment == lab.SSH {
		return l, err
	}
	return nil, nil
}

func recoverHere(w io.Writer, asJSON bool) error {
	list, err := recovery.Here("")
	if asJSON {
		return errors.Join(bench.PrintJSON(w, list), err)
	}
	if recovery.Print(w, list); len(list) == 0 {
		fmt.Fprintln(w, recovery.Nothing)
	}
	return err
}

// recoverThere does it on all hosts that can be reached, one after the other:
// they may be one and the same.
func recoverThere(ctx context.Context, l *lab.Lab, force bool, w io.Writer, asJSON bool) error {
	hosts, errs := dialEach(ctx, l)
	all := []Left{}
	for i, of := range l.Hosts() {
		if errs[i] != nil {
			all = append(all, Left{
				Host: of.Name, Error: errs[i].Error(), Recovered: []recovery.Recovered{},
				Cleaned: remote.Cleaned{Ended: []remote.Process{}, Running: []remote.Process{}, Removed: []string{}, Kept: []remote.Kept{}},
			})
		}
	}
	for _, h := range hosts.list {
		left, err := h.recover(ctx, force)
		if err != nil {
			left.Error = err.Error()
			errs = append(errs, err)
		}
		all = append(all, left)
		if !asJSON {
			left.print(w)
		}
	}
	errs = append(errs, hosts.Close())
	if asJSON {
		errs = append(errs, bench.PrintJSON(w, all))
	}
	return join(errs)
}

// recover waits for the end of what a lost run left, puts back what that did
// not, and removes hw-test. The agent goes on, though its file has gone.
func (h *Host) recover(ctx context.Context, force bool) (Left, error) {
	left := Left{Host: h.name, Recovered: []recovery.Recovered{}}
	var err error
	if left.Cleaned, err = h.ssh.Clean(ctx, force); err != nil {
		return left, err
	}
	out, err := call[Nothing, Recovered](context.Background(), h, "Recover", Nothing(false))
	for _, r := range out.List {
		r.Host = h.name
		left.Recovered = append(left.Recovered, r)
	}
	return left, h.failed(err, out.Error)
}

func (l *Left) print(w io.Writer) {
	for _, p := range l.Ended {
		fmt.Fprintf(w, "%s: has ended: %s (pid %d, since %s)\n", l.Host, p.Command, p.PID, p.Since.Format(time.DateTime))
	}
	if recovery.Print(w, l.Recovered); len(l.Recovered) == 0 && l.Error == "" {
		fmt.Fprintf(w, "%s: %s\n", l.Host, recovery.Nothing)
	}
	for _, p := range l.Running {
		from := ""
		if p.From != "" {
			from = ", from " + p.From
		}
		fmt.Fprintf(w, "%s: goes on, for its connection lives (--force ends it): %s (pid %d, since %s%s)\n", l.Host, p.Command, p.PID, p.Since.Format(time.DateTime), from)
	}
	for _, f := range l.Removed {
		fmt.Fprintf(w, "%s: removed %s\n", l.Host, f)
	}
	for _, k := range l.Kept {
		fmt.Fprintf(w, "%s: stays: %s: %s\n", l.Host, k.Path, k.Why)
	}
}
