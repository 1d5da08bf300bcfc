package self

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// Run runs the self-test and returns its exit status: cli.ExitOK if every row
// holds, else cli.ExitFailed. The error is for what kept it from running; one
// of cli.ExitUsage means the options. The end of ctx ends it in order, with the
// table so far.
func Run(ctx context.Context, o *Options, stdout, stderr io.Writer) (status int, err error) {
	rows, err := o.rows()
	if err != nil {
		return 0, err
	}
	if runtime.GOOS != "linux" {
		return 0, fmt.Errorf("the self-test needs Linux: the ports it tests, packet: and udp:, are built on Linux's "+
			"recvmmsg and sendmmsg, which %s does not have: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	if o.CheckRights {
		return cli.ExitOK, netlab.Can()
	}
	rung, limits, err := choose(o.Rung, netlab.Can, canUserNS)
	switch {
	case err != nil:
		return 0, fmt.Errorf("--rung %s: %w", o.Rung, err)
	case rung == UserNS:
		return bench.InUserNS(ctx, append(o.args(), "--rung=root"), stdout, stderr)
	case rung == Root && bench.InsideUserNS():
		rung, limits = UserNS, []string{limitUserNS}
	}
	var l *lab
	if rung == UDP {
		most := slices.MaxFunc(rows, func(a, b *Row) int { return a.Queues - b.Queues })
		l, err = udpLab(most.Queues)
	} else {
		l, err = vethLab()
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	rep := newReport(rung, limits, len(rows))
	return rep.run(ctx, l, rows, o, stdout, stderr)
}

// run runs the rows and reports.
func (r *Report) run(ctx context.Context, l *lab, rows []*Row, o *Options, stdout, stderr io.Writer) (int, error) {
	human := stdout
	if o.JSON {
		human = stderr
	}
	r.printStart(human)
	printHeader(human)
	for _, row := range rows {
		l.run(ctx, row, r.Environment.RatePPS, o.Send)
		if ctx.Err() != nil {
			break // in the middle of the row: it is nobody's fault
		}
		r.Rows = append(r.Rows, row)
		row.print(human)
	}
	r.finish(ctx.Err() != nil)
	r.printEnd(human)
	if !o.JSON {
		return r.ExitStatus, nil
	}
	return r.ExitStatus, bench.PrintJSON(stdout, r)
}

// canUserNS tells whether this user may make namespaces and pairs in a user
// namespace, by trying it there: that the kernel grants the namespace does not
// mean that it grants the rest.
func canUserNS() error {
	if err := netlab.CanUserNS(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var out strings.Builder
	cmd, err := bench.Command(ctx, "--check-rights")
	if err != nil {
		return err
	}
	cmd.Stderr = &out
	if err := netlab.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s (%w)", strings.TrimPrefix(strings.TrimSpace(out.String()), "hw-test: "), err)
	}
	return nil
}
