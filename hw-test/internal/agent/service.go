package agent

import (
	"context"
	"errors"
	"io"
	"net/rpc"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/machine"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/recovery"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Command makes the hidden command that Connect runs on a host.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use: "agent", Short: "answer hw-test on another host", Hidden: true, Args: bench.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			return serve(ctx, struct {
				io.Reader
				io.WriteCloser
			}{os.Stdin, os.Stdout})
		},
	}
	cmd.SetUsageTemplate(cmd.UsageTemplate()) // not the exit statuses of hw-test's own
	return cmd
}

// serve answers until the other side is gone, or ctx ends.
func serve(ctx context.Context, conn io.ReadWriteCloser) error {
	s := &Service{ctx: ctx}
	server := rpc.NewServer()
	if err := server.RegisterName("Agent", s); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		server.ServeConn(conn)
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return s.Release(Nothing(false), new(Nothing))
}

// Nothing is for calls without an argument or an answer.
type Nothing bool

// A Service is what an agent answers, by net/rpc's rules. Its calls do what the
// methods of testbed.Host and the functions with these names do.
type Service struct {
	ctx  context.Context
	mu   sync.Mutex // one call at a time
	here testbed.Here
}

// A LookOrder is what to look at, and whether to change what is wrong.
type LookOrder struct {
	Ports []preflight.Port
	Fix   bool
}

// A TakeOrder is a port to open.
type TakeOrder struct {
	Spec string
	Role testbed.Role
}

// A Put is what was put back.
type Put struct {
	Name  string
	Error string // "": it was
}

// Outcomes have the error apart: what was done before it is of interest, too.
type (
	// Recovered is recovery.Here's.
	Recovered struct {
		List  []recovery.Recovered
		Error string
	}
	// Restored is preflight.RestoreKept's.
	Restored struct {
		List  []Put
		Error string
	}
)

// Machine is machine.Here.
func (s *Service) Machine(_ Nothing, out *machine.Host) error {
	*out = machine.Here()
	return nil
}

// Now is the time in ns since 1970, UTC.
func (s *Service) Now(_ Nothing, out *int64) error {
	*out = time.Now().UnixNano()
	return nil
}

// Devices is lab.Devices.
func (s *Service) Devices(_ Nothing, out *[]lab.Device) (err error) {
	*out, err = lab.Devices("/")
	return mark(err)
}

// Look is preflight.Look.
func (s *Service) Look(in LookOrder, out *preflight.Report) error {
	r, err := preflight.Look(s.ctx, in.Ports, in.Fix)
	if err == nil {
		*out = *r
	}
	return mark(err)
}

// Restore is preflight.RestoreKept of all interfaces.
func (s *Service) Restore(_ Nothing, out *Restored) error {
	err := preflight.RestoreKept("", func(name string, err error) {
		out.List = append(out.List, Put{name, text(err)})
	})
	out.Error = text(err)
	return nil
}

// Recover is recovery.Here of all interfaces.
func (s *Service) Recover(_ Nothing, out *Recovered) error {
	list, err := recovery.Here("")
	out.List, out.Error = list, text(err)
	return nil
}

// Take is testbed.Host's, as are those that follow.
func (s *Service) Take(in TakeOrder, out *testbed.Taken) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.here.Take(in.Spec, in.Role)
	if err == nil {
		*out = *t
	}
	return mark(err)
}

// HasLink is testbed.Host's.
func (s *Service) HasLink(device string, out *bool) (err error) {
	*out, err = s.here.HasLink(device)
	return mark(err)
}

// LinkBPS is testbed.Host's.
func (s *Service) LinkBPS(spec string, out *float64) (err error) {
	*out, err = s.here.LinkBPS(spec)
	return mark(err)
}

// Flush is testbed.Host's.
func (s *Service) Flush(spec string, _ *Nothing) error { return mark(s.here.Flush(spec)) }

// Counters is testbed.Host's.
func (s *Service) Counters(device string, out *testbed.Counters) (err error) {
	*out, err = s.here.Counters(device)
	return mark(err)
}

// Release is testbed.Host's.
func (s *Service) Release(Nothing, *Nothing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mark(s.here.Release())
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// lacking begins the text of an error that wraps testbed.ErrMissing: net/rpc
// carries texts only.
const lacking = "\x00"

func mark(err error) error {
	if errors.Is(err, testbed.ErrMissing) {
		return errors.New(lacking + err.Error())
	}
	return err
}

// unmark undoes mark.
func unmark(s string) error {
	if rest, is := strings.CutPrefix(s, lacking); is {
		return testbed.Missing(errors.New(rest))
	}
	return errors.New(s)
}
