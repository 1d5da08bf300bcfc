package sockets

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// run measures all rows in rounds and reports.
func (o *options) run(ctx context.Context, l *bench.Lab, stdout, stderr io.Writer) (int, error) {
	human := stdout
	if o.json {
		human = stderr
	}
	// A sender, two receivers and the rest.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 4)))
	rep := Report{
		Tool: "hw-test", Suite: "sockets", Environment: l.Environment, Size: o.size, Packets: o.packets, Rounds: o.rounds,
		Rows: []Result{}, Notes: []string{},
	}
	var err error
	if rep.NullCall, err = nullCall(l.Environment.CPUs[0]); err != nil {
		return 0, err
	}
	l.Environment.Print(human)
	fmt.Fprintf(human, "Payloads of %d bytes; %d rounds of about %d packets a row.\n"+
		"A system call that does nothing takes %.2f µs here.\n", o.size, o.rounds, o.packets, rep.NullCall)
	rows := only(plan(o.size), o.rows)
	err = o.measure(ctx, l, rows)
	rep.Interrupted = ctx.Err() != nil
	rep.collect(rows)
	rep.print(human)
	if o.json {
		if jerr := bench.PrintJSON(stdout, rep); err == nil {
			err = jerr
		}
	}
	if err == nil && (rep.Interrupted || !rep.holds()) {
		return cli.ExitFailed, nil
	}
	return cli.ExitOK, err
}

func (o *options) measure(ctx context.Context, l *bench.Lab, rows []*row) error {
	payload := make([]byte, o.size)
	frame := frameOf(l, payload)
	for range o.rounds {
		for _, r := range rows {
			packet := payload
			if r.tx.packet {
				packet = frame
			}
			runtime.GC() // of the last row's buffers, not in the middle of this one's
			t, err := try(ctx, l, r, packet, o.packets)
			switch {
			case ctx.Err() != nil:
				return nil // in the middle of the trial
			case err != nil:
				return fmt.Errorf("%s, %s: %w", r.group, r.name, err)
			}
			r.trials = append(r.trials, t)
		}
	}
	return nil
}

// frameOf is a frame of the same length as a datagram with the payload, and of
// a kind that the receiving namespace's own stack drops at once: an EtherType
// for experiments (IEEE 802), for nobody's address.
func frameOf(l *bench.Lab, payload []byte) []byte {
	const headers = 14 + 20 + 8
	f := make([]byte, headers+len(payload))
	copy(f, []byte{2, 0, 0, 0, 0, 2})
	copy(f[6:], l.A.MAC)
	f[12], f[13] = 0x88, 0xb5
	return f
}

// nullCall is the CPU time of a system call that does nothing, in µs.
func nullCall(cpu int) (us float64, err error) {
	const n = 20000
	err = onThread(cpu, func() error {
		var u usage
		w := begin()
		for range n {
			_, _, _ = unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
		}
		w.end(&u)
		us = float64(u.cpu.Nanoseconds()) / n / 1e3
		return nil
	})
	return us, err
}
