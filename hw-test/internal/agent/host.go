package agent

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
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
	nodes   []string // of the lab
	ssh     *remote.Host
	talk    *remote.Conversation
	client  *rpc.Client
	clock   testbed.Clock // at the connection
	machine machine.Host
	devices []lab.Device
}

// connect connects to a host, and learns what it is.
func connect(ctx context.Context, of *lab.Host, conf *remote.Config) (h *Host, err error) {
	h = &Host{name: of.Name, nodes: of.Nodes}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.ssh, err = remote.Dial(ctx, of.Target, conf); err != nil {
		return h, err
	}
	// Its life is that of the connection, not of the dialling.
	if h.talk, err = h.ssh.Converse(context.WithoutCancel(ctx), "hw-test", []string{"agent"}, nil); err != nil {
		return h, err
	}
	h.client = rpc.NewClient(h.talk)
	if h.clock, err = h.Clock(); err != nil {
		return h, err
	}
	if h.machine, err = call[Nothing, machine.Host](h, "Machine", Nothing(false)); err != nil {
		return h, err
	}
	h.devices, err = call[Nothing, []lab.Device](h, "Devices", Nothing(false))
	return h, err
}

// call asks the agent. It returns at the latest when the connection is lost.
func call[In, Out any](h *Host, method string, in In) (out Out, err error) {
	err = h.client.Call("Agent."+method, in, &out)
	said, ok := errors.AsType[rpc.ServerError](err)
	switch {
	case err == nil:
		return out, nil
	case ok:
		return out, fmt.Errorf("%s: %w", h.name, unmark(string(said)))
	}
	// net/rpc's own words do not say why.
	if _, ended := h.talk.Wait(); ended != nil {
		err = ended
	}
	return out, fmt.Errorf("%s: hw-test's agent there %w", h.name, err)
}

// Name is what the lab file calls it.
func (h *Host) Name() string { return h.name }

// rounds is how often the host is asked for its time: one of so many answers is
// seldom delayed.
const rounds = 16

// Clock asks the host for its time. Its answer is from any moment of the round
// trip, the quickest of which tells most.
func (h *Host) Clock() (c testbed.Clock, err error) {
	for i := range rounds {
		before := time.Now()
		there, err := call[Nothing, int64](h, "Now", Nothing(false))
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
	t, err := call[TakeOrder, testbed.Taken](h, "Take", TakeOrder{spec, role})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// HasLink is testbed.Host's.
func (h *Host) HasLink(device string) (bool, error) { return call[string, bool](h, "HasLink", device) }

// LinkBPS is testbed.Host's.
func (h *Host) LinkBPS(spec string) (float64, error) {
	return call[string, float64](h, "LinkBPS", spec)
}

// Flush is testbed.Host's.
func (h *Host) Flush(spec string) error {
	_, err := call[string, Nothing](h, "Flush", spec)
	return err
}

// Counters is testbed.Host's.
func (h *Host) Counters(device string) (testbed.Counters, error) {
	return call[string, testbed.Counters](h, "Counters", device)
}

// Release is testbed.Host's.
func (h *Host) Release() error {
	_, err := call[Nothing, Nothing](h, "Release", Nothing(false))
	return err
}

// close ends the agent, which lets go of its ports, and the connection.
func (h *Host) close() error {
	var err error
	if h.talk != nil {
		err = h.talk.Close()
		if errors.Is(err, remote.ErrLost) {
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
