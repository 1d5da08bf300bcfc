package lab

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/nic"
)

const about = `A lab file, lab.yaml, says which ports of which nodes a test runs over and how they are wired. The
commented hw-test/lab.example.yaml has every key.`

const aboutCheck = `Read a lab file and print what was understood: each port with the interface it is on this host, and
the paths that frames will take. Nothing is changed or sent. All that is wrong is named, with file,
line and column. Of environment ssh this host's files that key ssh names have to be there; the hosts
are not connected to: hw-test preflight --lab FILE does that, and finds their interfaces.`

const statuses = `
Exit status:
  0    the file is right, and its ports are there (environment ssh: the files that it names are)
  1    it is not, or they are not
  2    the command line is wrong
`

// Command makes the subcommand lab.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use: "lab", Short: "check a lab file", Long: about,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("%q is not a subcommand of %s", args[0], cmd.CommandPath())
			}
			return cmd.Help()
		},
	}
	var asJSON bool
	check := &cobra.Command{
		Use: "check FILE", Short: "read a lab file and print what was understood", Long: aboutCheck,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("%s wants one file", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := Load(args[0])
			if err != nil {
				return err
			}
			if err = l.CheckFiles(); l.Environment != SSH {
				err = l.Resolve("/")
			}
			if asJSON {
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(l); err != nil {
					return fmt.Errorf("write the JSON report: %w", err)
				}
				return err
			}
			l.print(cmd.OutOrStdout())
			return err
		},
	}
	check.Flags().BoolVar(&asJSON, "json", false, "as one JSON object on standard output")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	cmd.AddCommand(check)
	return cmd
}

// print writes the lab for people.
func (l *Lab) print(w io.Writer) {
	fmt.Fprintf(w, "%s: environment %s\n", l.File, l.Environment)
	if m := l.Machine; m != nil {
		fmt.Fprintf(w, "vm: netmap %s, kernel %s, %d pairs of cards\n", cmp.Or(m.Netmap, "none"), cmp.Or(m.Kernel, "the default"), m.NICs)
	}
	l.printHosts(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(l.Nodes) > 0 {
		fmt.Fprintln(t, "port\trole\topens\tinterface\tPCI\tMAC\tdriver\tCPUs")
	}
	for _, n := range l.Nodes {
		for _, p := range n.Ports {
			opens := p.Open()
			if p.Interface == "" {
				opens = p.Spec
			}
			if n.Role == DUT {
				opens = "-"
			}
			fmt.Fprintf(t, "%s.%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, p.Name, n.Role, opens,
				cmp.Or(p.Interface, "-"), cmp.Or(p.PCI, "-"), cmp.Or(p.MAC, "-"), cmp.Or(p.Driver, "-"), cmp.Or(nic.WriteCPUs(p.CPUs), "any"))
		}
	}
	t.Flush()
	for _, p := range l.Paths() {
		fmt.Fprintf(w, "path %s\n", p)
	}
	if l.Environment == SSH {
		fmt.Fprintf(w, "no host was connected to; this does, and finds the interfaces: %s\n", cli.Shell("hw-test", "preflight", "--lab", l.File))
	}
}

// printHosts writes how hosts are reached, and which nodes they have.
func (l *Lab) printHosts(w io.Writer) {
	if a := l.SSH; a != nil {
		said := func(what string, values ...string) {
			if s := strings.Join(values, ", "); s != "" {
				fmt.Fprintf(w, "ssh: %s %s\n", what, s)
			}
		}
		said("config", a.Config)
		said("known_hosts", a.KnownHosts...)
		said("identities", a.Identities...)
		said("agent", a.Agent)
		said("cache_dir", a.CacheDir)
		for _, system := range slices.Sorted(maps.Keys(a.Binaries)) {
			said("binary for "+system, a.Binaries[system])
		}
		if a.Timeout != 0 {
			said("timeout", a.Timeout.String())
		}
		if a.Silence != 0 {
			said("silence", a.Silence.String())
		}
	}
	for _, h := range l.Hosts() {
		fmt.Fprintf(w, "host %s: %s", h.Name, strings.Join(h.Nodes, ", "))
		if jump := l.Node(h.Nodes[0]).Jump; len(jump) > 0 {
			fmt.Fprintf(w, "; jump: %s", strings.Join(jump, ", "))
		}
		fmt.Fprintln(w)
	}
}
