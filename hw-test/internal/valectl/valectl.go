// Package valectl is hw-test vale: it lists, joins, makes and removes the ports
// of VALE switches, as netmap's vale-ctl does.
//
//	list    attach vale0:eth0    newif v0    poll vale0:eth0
//	  │     detach vale0:eth0    delif v0      │
//	  └──────────────┴──────────────┴──────────┴──▶ netmap.Control ──▶ /dev/netmap
//
// What is attached or made here stays when the command has ended, and until
// another one takes it back, or netmap's module goes.
package valectl

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap"
)

const about = `Look after VALE switches: software switches inside netmap, whose ports are programs, network
interfaces, the host's stack and persistent ports. A switch is called vale and a word, vale0, and is
there as long as it has a port.

What is attached or made stays until it is taken back, or netmap's module is unloaded.`

const example = `  hw-test vale list
  hw-test vale attach --host vale0:eth0     eth0 and this host's stack join the switch vale0
  hw-test vale detach vale0:eth0
  hw-test vale newif v0 --rings 2 && hw-test vale attach vale0:v0
  hw-test vale poll vale0:eth0 --cpu 1      a kernel thread on processor 1 instead of interrupts`

const statuses = `
Exit status:
  0    done
  1    netmap refused; the error says why and what to do
  2    the command line is wrong
`

// Command makes the command. Ports are dev's; nil is the kernel.
func Command(dev netmap.Device) *cobra.Command {
	c := netmap.Control{Device: dev}
	cmd := &cobra.Command{
		Use: "vale", Short: "list, attach, detach, make and remove ports of VALE switches", Long: about,
		Example: example,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("%q is none of list, attach, detach, newif, delif and poll", args[0])
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			return cli.Usagef("want one of list, attach, detach, newif, delif and poll")
		},
	}
	cmd.AddCommand(list(c), attach(c), detach(c), newIf(c), delIf(c), poll(c))
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// one takes the one argument that a subcommand has.
func one(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return cli.Usagef("%s wants one argument, %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// onSwitch wants a port of a switch.
func onSwitch(cmd *cobra.Command, args []string) error {
	if err := one("valeSWITCH:PORT")(cmd, args); err != nil {
		return err
	}
	sw, port, ok := strings.Cut(args[0], ":")
	if !ok || !strings.HasPrefix(sw, "vale") || port == "" {
		return cli.Usagef("%q is no port of a VALE switch: want valeSWITCH:PORT, such as vale0:eth0", args[0])
	}
	return nil
}

func list(c netmap.Control) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [SWITCH]", Short: "list the ports of all switches, or of one",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return cli.Usagef("%s wants one switch at most", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ports, err := c.VALEList(strings.Join(args, ""))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if asJSON {
				return json.NewEncoder(out).Encode(append([]netmap.VALEPort{}, ports...))
			}
			for _, p := range ports {
				fmt.Fprintf(out, "%s switch %d port %d\n", p.Name, p.Bridge, p.Index)
			}
			if len(ports) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "no switch has a port")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON array on standard output")
	return cmd
}

func attach(c netmap.Control) *cobra.Command {
	var cfg netmap.VALEConfig
	cmd := &cobra.Command{
		Use: "attach valeSWITCH:INTERFACE", Short: "join an interface or persistent port to a switch", Args: onSwitch,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.VALEAttach(args[0], &cfg)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is port %d\n", args[0], i)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&cfg.Host, "host", false, "the host's stack too, so that the host stays reachable through the interface")
	cmd.Flags().Uint16Var(&cfg.MemID, "mem", 0, "use the memory region `ID`, where the interface is free to choose")
	return cmd
}

func detach(c netmap.Control) *cobra.Command {
	return &cobra.Command{
		Use: "detach valeSWITCH:INTERFACE", Short: "take an attached interface off its switch", Args: onSwitch,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.VALEDetach(args[0])
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s was port %d\n", args[0], i)
			}
			return err
		},
	}
}

func newIf(c netmap.Control) *cobra.Command {
	var rings, slots uint32
	var shape netmap.VALENewIfReq
	cmd := &cobra.Command{
		Use: "newif NAME", Short: "make a persistent port, to be attached", Args: one("the NAME of the interface to make"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rings > 1<<16-1 {
				return cli.Usagef("--rings: %d are more than a port can have", rings)
			}
			shape.TxRings, shape.RxRings = uint16(rings), uint16(rings)
			shape.TxSlots, shape.RxSlots = slots, slots
			got, err := c.VALENewIf(args[0], &shape)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s has %d transmit rings of %d slots, %d receive rings of %d, in memory %d\n",
					args[0], got.TxRings, got.TxSlots, got.RxRings, got.RxSlots, got.MemID)
			}
			return err
		},
	}
	cmd.Flags().Uint32Var(&rings, "rings", 0, "rings of each direction (the kernel's default is 1)")
	cmd.Flags().Uint32Var(&slots, "slots", 0, "slots of each ring (the kernel's default is 1024)")
	cmd.Flags().Uint16Var(&shape.MemID, "mem", 0, "use the memory region `ID`; default: one of its own")
	return cmd
}

func delIf(c netmap.Control) *cobra.Command {
	return &cobra.Command{
		Use: "delif NAME", Short: "remove what newif has made", Args: one("the NAME of the interface to remove"),
		RunE: func(_ *cobra.Command, args []string) error { return c.VALEDelIf(args[0]) },
	}
}

func poll(c netmap.Control) *cobra.Command {
	var off bool
	var cpu, threads uint32
	cmd := &cobra.Command{
		Use: "poll valeSWITCH:INTERFACE", Short: "poll an attached NIC instead of taking its interrupts, or end that", Args: onSwitch,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case off && (cmd.Flags().Changed("cpu") || cmd.Flags().Changed("threads")):
				return cli.Usagef("--off goes with neither --cpu nor --threads")
			case off:
				return c.VALEPollingDisable(args[0])
			}
			r := netmap.VALEPollingReq{Mode: netmap.PollingSingleCPU, FirstCPU: cpu, NumCPUs: 1}
			if threads > 0 {
				r.Mode, r.NumCPUs = netmap.PollingMultiCPU, threads
			}
			return c.VALEPollingEnable(args[0], r)
		},
	}
	cmd.Flags().BoolVar(&off, "off", false, "end it")
	cmd.Flags().Uint32Var(&cpu, "cpu", 0, "the thread's processor; with --threads, the first one's, and ring i is polled on processor i")
	cmd.Flags().Uint32Var(&threads, "threads", 0, "a thread for each of this many rings, instead of one for all")
	return cmd
}
