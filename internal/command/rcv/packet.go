package rcv

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap"
)

// packetFlags say what a socket is to receive, and how.
type packetFlags struct {
	filter     string
	multicast  macs
	allMulti   bool
	timestamps string
	bufSize    int
	super      bool
}

func (p *packetFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&p.filter, "filter", "", "packet: ports: receive only what this `program` of classic BPF passes, as tcpdump -ddd prints it: a file, - for standard input, or the text with commas for line ends")
	fs.Var(&p.multicast, "multicast", "packet: ports: receive this multicast `MAC` address, too; may be given several times")
	fs.BoolVar(&p.allMulti, "allmulti", false, "packet: ports: receive all multicast addresses")
	fs.StringVar(&p.timestamps, "timestamps", "off", "packet: and udp: ports: the `clock` that stamps each frame: off, software (the kernel's) or hardware (the NIC's, if it stamps all frames: hwstamp_ctl -i eth0 -r 1)")
	fs.BoolVar(&p.super, "super-frames", false, "packet: ports: count super-frames, which GRO, LRO or a sender on this host made of several: slower")
	fs.Var(cli.CountValue(&p.bufSize), "buf-size", "sockets: `bytes` of each buffer; default: enough for the interface's MTU; 65535 holds super-frames")
}

// apply puts what was asked for into a Config.
func (p *packetFlags) apply(c *engine.Config) error {
	if p.bufSize != 0 && (p.bufSize < netmap.MinBufSize || p.bufSize > netmap.MaxBufSize) {
		return cli.Usagef("--buf-size: %d bytes: want %d to %d", p.bufSize, netmap.MinBufSize, netmap.MaxBufSize)
	}
	c.BufSize, c.Multicast, c.AllMulticast = p.bufSize, p.multicast, p.allMulti
	c.SuperFrames = p.super
	if p.timestamps != "" {
		var ok bool
		if c.Timestamps, ok = engine.ParseTimestamps(p.timestamps); !ok {
			return cli.Usagef("--timestamps: %q is none of off, software and hardware", p.timestamps)
		}
	}
	if p.filter == "" {
		return nil
	}
	text, err := filterText(p.filter)
	if err == nil {
		c.Filter, err = engine.ParseFilter(text)
	}
	if err != nil {
		return cli.Usagef("--filter: %w", err)
	}
	return nil
}

// filterText is the program itself, or what is in a file. A program on one line
// begins with a number and a comma.
func filterText(arg string) (string, error) {
	first, _, list := strings.Cut(arg, ",")
	if list && strings.Trim(first, "0123456789 ") == "" {
		return arg, nil
	}
	in := os.Stdin
	if arg != "-" {
		f, err := os.Open(arg)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	// A program of 4096 instructions is at most 100 KB long.
	b, err := io.ReadAll(io.LimitReader(in, 1<<20))
	return string(b), err
}

// macs is a flag that may be given several times.
type macs []net.HardwareAddr

func (m *macs) Type() string { return "mac" }

func (m *macs) String() string {
	var list []string
	for _, a := range *m {
		list = append(list, a.String())
	}
	return strings.Join(list, ",")
}

func (m *macs) Set(s string) error {
	a, err := cli.ParseMAC(s)
	if err != nil {
		return err
	}
	if a[0]&1 == 0 {
		return fmt.Errorf("%v is no multicast address: its first octet is to be odd", a)
	}
	*m = append(*m, a)
	return nil
}
