package suite

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/hop"
	"github.com/ringwalk/ringwalk/internal/cli"
)

const aboutThroughput = `Finds how fast a device forwards, for frames of each size, in one pass: the highest rate at which
nothing is lost (NDR, RFC 2544's throughput), and the highest at which at most so many percent are
(PDR). The search is MLRsearch's (RFC 9971): short trials find out where to look, full ones decide.

A trial that says nothing about the device is repeated, three times in all: pktgen missed its rate,
rcv's own socket dropped frames, counters disagree, something else was on the wire. Where the
sender's own device holds it back, that is no throughput, and is called generator-limited.

Over several flows all generators send at once, each its share, and rates are those of all together:
line rate is the sum of their links', and loss what any of their receivers did not get.
` + aboutPorts

const aboutLoss = `Measures what share of the frames is lost at the highest rate, and from there down by tenths, until
two rates in a row lose nothing (RFC 2544, 26.3).
` + aboutPorts

const aboutLatency = `Measures how long frames take one way, at 10, 50 and 90 percent of the highest rate at which nothing
is lost (NDR), which it finds first; with --max-rate, of that rate. Percentiles are over all frames
of a trial that came through; a row in which more than 0.5 % are lost fails. Between hosts delays
are corrected by how far their clocks are apart, and the row says how well that is known; where
nobody knows, it is skipped. It takes one flow.
` + aboutPorts

const aboutPorts = `
Without a lab file it runs over veth pairs in network namespaces, which it makes, and a device of
known behaviour between them. With --lab or --ports it runs over ports that are there:
  --ports netmap:eth1,netmap:eth2   two ports of this host, whatever is between them
  --lab lab.yaml                    those of a lab file, with their CPUs; environment vm boots a
                                    virtual machine, tests in it and brings the results here
Netmap ports are held open until the end: NICs are not reset between trials. Frames go to the
receiver's MAC address; a router wants --dst-mac (its own) and --dst (what it has a route to).
Frames of others, such as a switch's, are no fault as long as there are few, 10 a second. The
counters of a NIC are late and count other things, and are not held against those of pktgen and rcv;
but frames that the receiver's NIC had no room for make a trial invalid.`

const statuses = `
Exit status:
  0    every row has its figures
  1    a program or the environment broke, or ^C left rows unfinished; or nothing could be run
  2    the command line is wrong
  3    ran, but a row has no throughput, or is generator-limited, invalid or skipped
  130  a second ^C; the first ends the run in order, with what there is
`

// Commands are the suites as subcommands, and the hop that they start. They
// leave their exit status in *status unless they return an error.
func Commands(status *int) []*cobra.Command {
	return []*cobra.Command{
		command(status, throughputName, "find how fast a device forwards without loss (RFC 2544, 26.1)", aboutThroughput,
			`  hw-test throughput --quick
  hw-test throughput --tbf 12Mbps --sizes 64,imix --duration 5s
  hw-test throughput --dut forward --lose 1000 --max-rate 20000 --sizes 64
  hw-test throughput --env veth --sizes 64 --json | jq '.rows[].search.goals'
  hw-test throughput --ports netmap:eth1,netmap:eth2 --cpus 2-3/4-5 --max-rate 50%
  hw-test throughput --lab lab.yaml --path gen.left`),
		command(status, lossName, "measure what share is lost at which rate (RFC 2544, 26.3)", aboutLoss,
			`  hw-test loss --tbf 12Mbps --max-rate 20Mbps --sizes 512 --duration 2s`),
		command(status, latencyName, "measure delays below the rate without loss (RFC 2544, 26.2)", aboutLatency,
			`  hw-test latency --tbf 12Mbps --sizes 512 --duration 5s
  hw-test latency --max-rate 2000 --sizes 64,1518`),
		forward(),
	}
}

func command(status *int, name, short, about, example string) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use: name, Short: short, Long: about, Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("%q is neither a subcommand nor a flag of %s", args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			*status, err = Run(ctx, name, &o, cmd.Flags(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	cmd.Flags().SortFlags = false
	o.Flags(cmd.Flags(), name)
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// forward is the device of --dut forward, started in a namespace of its own.
func forward() *cobra.Command {
	var lose uint64
	cmd := &cobra.Command{
		Use: "forward PORT PORT", Short: "forward between two ports", Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usagef("forward takes two ports, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			if err := hop.Run(ctx, lose, [2]string{args[0], args[1]}, cmd.ErrOrStderr()); err != nil {
				return fmt.Errorf("forward: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().Var(cli.CountValue(&lose), "lose", "lose every frame with this `number`")
	return cmd
}
