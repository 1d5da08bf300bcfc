package info

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap"
)

const long = `Tell what netmap is on this machine, or what one port is: its rings and memory, whether its driver
is native in netmap or would be emulated, offloads that are in the way, who holds /dev/netmap, and
what to do about it. Nothing is changed; but a port that only opening makes is made for the
question.`

const example = `  hw-test info                  the memory, all interfaces, all ports of switches
  hw-test info eth0             or netmap:eth0, vale0:p, 'netmap:x{1'
  hw-test info --json eth0 | jq .interface.offloads`

const statuses = `
Exit status:
  0    told
  1    there is no netmap, or no such port; what is known is told all the same
  2    the command line is wrong
`

// Command makes the command, which leaves its exit status in *status. Ports are
// dev's; nil is the kernel.
func Command(status *int, dev netmap.Device) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "info [PORT]", Short: "tell what netmap is here, or what a port is", Long: long, Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return cli.Usagef("%s wants one port at most", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := collect(dev, strings.Join(args, ""))
			if err != nil {
				return cli.Usagef("%w", err)
			}
			if r.Why != "" {
				*status = cli.ExitFailed
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			r.print(cmd.OutOrStdout())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object on standard output")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}
