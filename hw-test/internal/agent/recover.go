package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

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
the copies of hw-test, which the next run puts there again. A run whose connection lives goes on,
and its copy of hw-test stays. A host that cannot be reached is named, and the others are done.`

const recoverStatuses = `
Exit status:
  0    nothing is left
  1    something could not be put back, a host could not be reached, a run goes on there, or a
       copy of hw-test stays; it is named
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
		Use: "recover", Short: "put back what killed programs left, here or on a lab's hosts", Long: aboutRecover, Args: recoverArgs,
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
			r := recoverer{force: force, out: cmd.OutOrStdout(), notes: cmd.ErrOrStderr(), asJSON: asJSON}
			return r.run(ctx, l)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "lab", "", "do it on the hosts of the lab `FILE` (hw-test lab)")
	cmd.Flags().BoolVar(&force, "force", false, "end on the hosts what this user still runs there by hw-test for somebody else, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON on standard output")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + recoverStatuses)
	return cmd
}

// recoverArgs is bench.NoArgs that knows what was meant.
func recoverArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(args[0])) {
		return cli.Usagef("%q is not a flag of %s; did you mean %s?", args[0], cmd.CommandPath(), cli.Shell("--lab", args[0]))
	}
	return bench.NoArgs(cmd, args)
}

// remoteLab is a lab of other hosts, nil where there is no file.
func remoteLab(file string) (*lab.Lab, error) {
	if file == "" {
		return nil, nil
	}
	l, err := lab.Load(file)
	if err == nil && l.Environment != lab.SSH {
		err = cli.Usagef("--lab is for labs of other hosts, and %s is of environment %s; hw-test recover alone does this host", file, l.Environment)
	}
	return l, err
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
