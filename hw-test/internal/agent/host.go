package agent

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/machine"
	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

// A Host is one of a lab's, with an agent on it. It is a testbed.Host.
type Host struct {
	name    string
	ssh     *remote.Host
	talk    *remote.Conversation
	said    remote.Tail // by the agent on its standard error
	client  *rpc.Client
	clock   testbed.Clock // at the connection
	machine machine.Host
	devices []lab.Device

	patience    time.Duration   // for an answer
	haste       time.Duration   // that is left of it when interrupted is closed
	interrupted <-chan struct{} // the end of the context of connect
	told        atomic.Bool     // why the conversation is over
}

// Their patience is ample: to change a NIC's settings and see its link again
// takes seconds, and several NICs are put back one after the other.
const (
	patience = 2 * time.Minute
	haste    = 30 * time.Second
)

// connect connects to a host, and learns what it is. What is asked of it later
// goes on when ctx ends, but whoever ends it is in haste: see call.
func connect(ctx context.Context, of *lab.Host, conf *remote.Config) (h *Host, err error) {
	h = &Host{name: of.Name, patience: patience, haste: haste, interrupted: ctx.Done()}
	defer func() {
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			err = errors.Join(err, h.close())
		}
	}()
	if h.ssh, err = remote.Dial(ctx, of.Target, conf); err != nil {
		return h, err
	}
	// Its life is that of the connection; ctx ends it only while connecting.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, end)()
	if h.talk, err = h.ssh.Converse(life, "hw-test", []string{"agent"}, &h.said); err != nil {
		return h, err
	}
	h.client = rpc.NewClient(h.talk)
	if h.clock, err = h.ask(ctx); err != nil {
		return h, err
	}
	if h.machine, err = call[Nothing, machine.Host](ctx, h, "Machine", Nothing(false)); err != nil {
		return h, err
	}
	h.devices, err = call[Nothing, []lab.Device](ctx, h, "Devices", Nothing(false))
	return h, err
}

// call asks the agent and waits for its answer, until ctx ends, the connection
// is lost, or the agent has been silent for too long: that one is ended. What the
// agent does goes on when ctx ends.
func call[In, Out any](ctx context.Context, h *Host, method string, in In) (Out, error) {
	var none, out Out // out is written to until the call is done
	asked := h.client.Go("Agent."+method, in, &out, make(chan *rpc.Call, 1))
	patience, began := h.patience, time.Now()
	late := time.NewTimer(patience)
	defer late.Stop()
	for interrupted, answered := h.interrupted, false; !answered; {
		select {
		case <-asked.Done:
			answered = true
		case <-ctx.Done():
			return none, context.Cause(ctx)
		case <-interrupted:
			interrupted = nil
			patience = min(patience, time.Since(began).Round(100*time.Millisecond)+h.haste)
			late.Reset(time.Until(began.Add(patience)))
		case <-late.C:
			h.told.Store(true)
			_ = h.talk.Close() // the error is that it has to be killed
			return none, fmt.Errorf("%s: hw-test's agent there did not answer for %v and was ended: does a device or its driver hang there (dmesg)?", h.name, patience)
		}
	}
	if asked.Error == nil {
		return out, nil
	}
	if said, ok := errors.AsType[rpc.ServerError](asked.Error); ok {
		return none, fmt.Errorf("%s: %w", h.name, unmark(string(said)))
	}
	return none, fmt.Errorf("%s: hw-test's agent there %w", h.name, h.gone())
}

// errEnded is of an agent that has ended in order though nobody here has asked
// it to.
var errEnded = errors.New("has ended: was that somebody's hw-test recover --force?")

// gone says why a conversation is over, for net/rpc's own words do not. It sees
// to it that it is: an answer that cannot be understood ends net/rpc's part only.
func (h *Host) gone() error {
	h.told.Store(true)
	_ = h.talk.Close() // Wait has its error
	switch status, ended := h.talk.Wait(); {
	case ended != nil:
		return ended
	case h.said.String() != "":
		return fmt.Errorf("ended with status %d and said: %s", status, &h.said)
	case status != 0:
		return fmt.Errorf("has ended with status %d", status)
	}
	return errEnded
}

// Name is what the lab file calls it.
func (h *Host) Name() string { return h.name }

// How often the host is asked for its time: one of many answers is seldom
// delayed, and where each takes long, fewer have to do.
const (
	leastRounds = 8
	mostRounds  = 200
	roundsTime  = 50 * time.Millisecond
)

// Clock asks the host for its time. Its answer is from any moment of the round
// trip, the quickest of which tells most.
func (h *Host) Clock() (testbed.Clock, error) { return h.ask(context.Background()) }

func (h *Host) ask(ctx context.Context) (c testbed.Clock, err error) {
	began := time.Now()
	for i := 0; i < leastRounds || i < mostRounds && time.Since(began) < roundsTime; i++ {
		before := time.Now()
		there, err := call[Nothing, int64](ctx, h, "Now", Nothing(false))
		if err != nil {
			return c, err
		}
		if half := (time.Since(before) + 1) / 2; i == 0 || half < c.Within {
			c = testbed.Clock{Ahead: time.Duration(there-before.UnixNano()) - half, Within: half}
		}
	}
	return c, nil
}

// Launcher starts programs on it.
func (h *Host) Launcher() program.Launcher { return h.ssh.Launcher() }

// Take is testbed.Host's.
func (h *Host) Take(spec string, role testbed.Role) (*testbed.Taken, error) {
	t, err := call[TakeOrder, testbed.Taken](context.Background(), h, "Take", TakeOrder{spec, role})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// HasLink is testbed.Host's.
func (h *Host) HasLink(device string) (bool, error) {
	return call[string, bool](context.Background(), h, "HasLink", device)
}

// LinkBPS is testbed.Host's.
func (h *Host) LinkBPS(spec string) (float64, error) {
	return call[string, float64](context.Background(), h, "LinkBPS", spec)
}

// Flush is testbed.Host's.
func (h *Host) Flush(spec string) error {
	_, err := call[string, Nothing](context.Background(), h, "Flush", spec)
	return err
}

// Counters is testbed.Host's.
func (h *Host) Counters(device string) (testbed.Counters, error) {
	return call[string, testbed.Counters](context.Background(), h, "Counters", device)
}

// Release is testbed.Host's. Where the connection is lost the agent does it by
// itself, and where it ends in order.
func (h *Host) Release() error {
	_, err := call[Nothing, Nothing](context.Background(), h, "Release", Nothing(false))
	if errors.Is(err, remote.ErrLost) || errors.Is(err, errEnded) {
		return nil
	}
	return err
}

// close ends the agent, which lets go of its ports, and the connection.
func (h *Host) close() error {
	var err error
	if h.talk != nil {
		err = h.talk.Close()
		if errors.Is(err, remote.ErrLost) || h.told.Load() {
			err = nil // said where it mattered
		}
	}
	if h.ssh != nil {
		err = errors.Join(err, h.ssh.Close())
	}
	return err
}

// failed is the error of a call, or of what it did there.
func (h *Host) failed(err error, said string) error {
	if err == nil && said != "" {
		err = fmt.Errorf("%s: %s", h.name, said)
	}
	return err
}

func failed(said string) error {
	if said == "" {
		return nil
	}
	return errors.New(said)
}
