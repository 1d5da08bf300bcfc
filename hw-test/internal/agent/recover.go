package agent

import (
	"context"
	"errors"
	"fmt"
	"io"

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

// Left is what recover --json prints of a lab's hosts.
type Left struct {
	Recovered []recovery.Recovered `json:"recovered"`
	// Removed are the files of hw-test that were removed, Running the programs
	// that are not to be ended: somebody's who is using the host. By host.
	Removed map[string][]string `json:"removed"`
	Running map[string][]string `json:"running"`
}

// RecoverCommand makes the subcommand recover. Its exit status is that of its
// error.
func RecoverCommand() *cobra.Command {
	var file string
	var asJSON bool
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
			if l == nil {
				return recoverHere(cmd.OutOrStdout(), asJSON)
			}
			return recoverThere(ctx, l, cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "lab", "", "do it on the hosts of the lab `FILE` (hw-test lab)")
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
	recovery.Print(w, list)
	return err
}

func recoverThere(context.Context, *lab.Lab, io.Writer, bool) error {
	return fmt.Errorf("%w", remote.ErrLost)
}
