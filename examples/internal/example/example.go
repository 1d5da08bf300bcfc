// Package example is what the examples share and is nobody's idea: from the
// arguments to the exit status, ports opened and what there is to say of them,
// and the end in order.
//
//	os.Args ─▶ Main ─▶ flags, ^C ─▶ the example: Open, a Stage, Run ─▶ exit status
//
// Whoever copies an example replaces Open by engine.OpenAll, and Run by
// Worker.Run, Port.Drain and Port.Close.
package example

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/netmap"
)

const statuses = `
It ends on ^C, with counts; a second ^C does not wait.
Exit status: 0 done, 1 failed, 2 wrong usage.
`

// Main runs an example and exits. About begins with "usage: NAME ARGUMENTS"
// and is printed on -h. Flags are those of flag.CommandLine, args how many
// arguments there must be at least and at most.
func Main(about string, least, most int, run func(ctx context.Context, args []string, out io.Writer) error) {
	usage, _, _ := strings.Cut(about, "\n")
	name := strings.Fields(usage)[1]
	fs := flag.CommandLine
	fs.Init(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := fs.Parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		fmt.Print(about)
		fs.SetOutput(os.Stdout)
		fs.PrintDefaults()
		fmt.Print(statuses)
		return
	}
	if n := fs.NArg(); err == nil && (n < least || n > most) {
		err = fmt.Errorf("%d arguments are not what it takes; %s", n, usage)
	}
	if err != nil {
		os.Exit(cli.Fail(os.Stderr, name, cli.Usagef("%w", err)))
	}
	ctx, stop := cli.Signals(context.Background())
	err = run(ctx, fs.Args(), os.Stdout)
	stop()
	if spec, ok := errors.AsType[*netmap.SpecError](err); ok {
		err = cli.Usagef("%w", spec)
	}
	os.Exit(cli.Fail(os.Stderr, name, err))
}

// Open is engine.OpenAll, and tells out what it had to choose or could not have.
func Open(out io.Writer, c *engine.Config, specs ...string) ([]*engine.Port, error) {
	ports, err := engine.OpenAll(specs, c)
	for _, p := range ports {
		if info := p.Info(); info.Why != "" {
			fmt.Fprintf(out, "%s is opened as %s: %s\n", info.Spec, info.Backend, info.Why)
		}
		for _, note := range p.Info().Notes {
			fmt.Fprintln(out, note)
		}
	}
	return ports, err
}

// Prepared runs f with an interface made ready for netmap's host rings: up,
// promiscuous, without offloads. All of it is put back after.
func Prepared(ifc string, out io.Writer, f func() error) error {
	p, notes, err := nic.Prepare(ifc, nil)
	if err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(out, note)
	}
	return errors.Join(f(), p.Restore())
}

// Header returns the bytes of the packet that begins in slot i of the user's: those
// of its first slot that has any. QEMU's e1000 puts an empty one before some.
func Header(r *netmap.Ring, i uint32) []byte {
	s := r.Slot(i)
	for s.Len == 0 && s.Flags&netmap.MoreFrag != 0 && r.Next(i) != r.Tail() {
		i = r.Next(i)
		s = r.Slot(i)
	}
	return r.Bytes(s)
}

// Run runs the worker until ctx ends, which is no error, and ends in order: what
// is still to be sent gets a second for each port, the counts go to out, the
// ports are closed.
func Run(ctx context.Context, w *engine.Worker, out io.Writer, ports ...*engine.Port) error {
	fmt.Fprintln(out, "running; ^C ends it")
	err := w.Run(ctx)
	if ctx.Err() != nil && err == ctx.Err() {
		err = nil
	}
	for _, p := range ports {
		left, drainErr := p.Drain(time.Second)
		rx, tx := p.Stats()
		fmt.Fprintf(out, "%s: received %d packets", p.Info().Spec, rx.Packets)
		more(out, rx.KernelDrops, "dropped by the kernel")
		more(out, rx.Truncated, "longer than a buffer")
		fmt.Fprintf(out, "; sent %d", tx.Packets)
		more(out, tx.TooLong, "too long")
		more(out, uint64(left), "not sent")
		fmt.Fprintln(out)
		err = errors.Join(err, drainErr, p.Close())
	}
	return err
}

func more(out io.Writer, n uint64, what string) {
	if n > 0 {
		fmt.Fprintf(out, ", %d %s", n, what)
	}
}
