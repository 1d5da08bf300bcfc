package pktgen

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command/rcv"
	"github.com/ringwalk/ringwalk/netmap"
)

// modes is the flags about what to do, and about what comes back.
type modes struct {
	timeout time.Duration
	maxLoss float64
	silence bool
	conf    string
	own     []string // long names of pktgen's own flags
}

func (m *modes) register(fs *pflag.FlagSet) {
	m.timeout = time.Second
	fs.Var(cli.DurationValue(&m.timeout, time.Second), "timeout", "ping: an answer that takes longer than this `time` is late, and its ping lost;\nas long, answers are awaited at the end")
	fs.Var(cli.PercentValue(&m.maxLoss), "max-loss", "ping, rx, rxseq: exit with status 3 if more than this `percent` is lost")
	fs.StringVarP(&m.conf, "conf", "C", "", "pkt-gen's slots and rings of a new port: refused, write them into -i, as in vale0:a@conf:slots=2048,rings=2")
	fs.BoolVarP(&m.silence, "until-silence", "W", false, "rx, rxseq: stop 1 s after the last frame, once one has come")
}

// only notes which flags there are so far: all but those that every program
// and mode has.
func (m *modes) only(fs *pflag.FlagSet) {
	fs.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains([]string{"port", "function", "count"}, f.Name) {
			m.own = append(m.own, f.Name)
		}
	})
}

// check refuses what pkt-gen has and pktgen has not.
func (m *modes) check(flags *pflag.FlagSet) error {
	if flags.Changed("conf") {
		return cli.Usagef("-C is gone from netmap's own programs, too: write slots and rings into the port, as in -i vale0:a@conf:slots=2048,rings=2")
	}
	return nil
}

// functions are the modes in pkt-gen's words.
var functions = []string{"tx", "rx", "ping", "pong", "txseq", "rxseq"}

// The flags of pktgen's own that a mode heeds, where it is not all of them, and
// those that are only for these modes.
var heeded = map[string]string{
	"rx":    "probe max-loss until-silence",
	"rxseq": "max-loss until-silence",
	"ping":  "length rate burst src dst src-mac dst-mac ipv4 ipv6 frame fields payload best-effort force qdisc-bypass gso timeout max-loss per-call",
	"pong":  "force qdisc-bypass gso per-call",
}

const notSending = "timeout max-loss until-silence per-call"

// unheeded sorts out the flags that were given and mean nothing in this mode.
// pkt-gen takes its letters in every mode, so those get a note; the others are
// a mistake.
func (o *options) unheeded() (note string, err error) {
	list, limited := heeded[o.mode]
	var letters []string
	o.flags.Visit(func(f *pflag.Flag) {
		in := slices.Contains(strings.Fields(list), f.Name)
		if !limited {
			in = !slices.Contains(strings.Fields(notSending), f.Name)
		}
		switch {
		case in || !slices.Contains(o.modes.own, f.Name):
		case f.Shorthand != "":
			letters = append(letters, "-"+f.Shorthand)
		case err == nil:
			err = cli.Usagef("--%s means nothing with -f %s: leave it out", f.Name, o.mode)
		}
	})
	if len(letters) > 0 {
		note = fmt.Sprintf("-f %s has no use for %s", o.mode, strings.Join(letters, ", "))
	}
	return note, err
}

// run does what -f says. It returns an error if nothing was done, else the exit
// status after its report.
func (o *options) run(stdout, stderr io.Writer) (int, error) {
	if !slices.Contains(functions, o.mode) {
		return 0, cli.Usagef("-f, --function: %q is none that pktgen has: want one of %s", o.mode, strings.Join(functions, ", "))
	}
	if err := o.modes.check(o.flags); err != nil {
		return 0, err
	}
	const optPPSStats = 2048 // of pkt-gen's -o
	o.Average = o.Average || o.frames.bits&optPPSStats != 0
	note, err := o.unheeded()
	if err != nil {
		return 0, err
	}
	if note != "" {
		o.Reporter("pktgen", stdout, stderr).Note("%s", note)
	}
	switch o.mode {
	case "rx", "rxseq":
		return o.receive(stdout, stderr)
	case "ping":
		return o.ping(stdout, stderr)
	case "pong":
		return o.pong(stdout, stderr)
	}
	return o.transmit(stdout, stderr)
}

// receive is rcv in pkt-gen's words.
func (o *options) receive(stdout, stderr io.Writer) (int, error) {
	t := &rcv.Task{
		Tool: "pktgen", Mode: o.mode, Count: o.count, Probe: o.probe != "off", MaxLoss: o.modes.maxLoss, Flags: o.flags,
	}
	if o.modes.silence {
		t.Idle = time.Second
	}
	return rcv.Receive(&o.Common, t, stdout, stderr)
}

// notOnFiles refuses what takes an answer on a port that can give none.
func (o *options) notOnFiles() error {
	if strings.HasPrefix(o.Port, "pcap:") {
		return cli.Usagef("-f %s needs a port that both sends and receives, which a capture file is not", o.mode)
	}
	return nil
}

// callsMove refuses what --per-call cannot do.
func (o *options) callsMove() error {
	const most = 1024 // that a call can move (UIO_MAXIOV)
	if o.perCall > most {
		return cli.Usagef("--per-call %d: a system call moves at most %d packets", o.perCall, most)
	}
	spec, _, err := engine.Resolve(o.Port)
	if err != nil || o.perCall == 0 {
		return nil // opening says so
	}
	if _, err := netmap.ParseSpec(spec); err == nil {
		return cli.Usagef("--per-call %d: a system call moves all that a netmap ring holds, and %s has such: leave it out", o.perCall, o.Port)
	}
	return nil
}

// allowed refuses to send where the host's own traffic goes.
func (o *options) allowed() error {
	if o.force {
		return nil
	}
	return o.KeepDefaultRoute()
}

// onlyOne refuses several threads in a mode that has one.
func (o *options) onlyOne(why string) error {
	if o.Threads > 1 {
		return cli.Usagef("-p %d: %s: leave -p out", o.Threads, why)
	}
	return nil
}
