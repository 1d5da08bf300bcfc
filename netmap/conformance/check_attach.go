package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
)

// attach joins an interface to a switch and talks through it with its other end.
func attach(e *env) error {
	if err := e.fresh(); err != nil {
		return err
	}
	sp, err := e.spec(e.t.A)
	if err != nil {
		return err
	}
	const sw = "valerwca"
	c := netmap.Control{Device: e.t.device()}
	name := sw + ":" + sp.Name
	held, err := e.open(e.t.A, nil)
	if err != nil {
		return err
	}
	_, err = c.VALEAttach(name, nil)
	if err := wantErr("attaching an interface that is open", err, syscall.EBUSY); err != nil {
		return err
	}
	if err := held.Close(); err != nil {
		return err
	}
	for _, host := range []bool{false, true} {
		index, err := c.VALEAttach(name, &netmap.VALEConfig{Host: host})
		if err != nil {
			return err
		}
		e.later(func() error {
			_, err := c.VALEDetach(name)
			return err
		})
		if err := e.attached(c, sw, name, index, host); err != nil {
			return fmt.Errorf("with the host (%t): %w", host, err)
		}
		if err := e.cleanup(); err != nil {
			return err
		}
		_, err = c.VALEDetach(name)
		if err := wantErr("detaching it twice", err, syscall.ENXIO); err != nil {
			return err
		}
	}
	return nil
}

func (e *env) attached(c netmap.Control, sw, name string, index int, host bool) error {
	_, err := c.VALEAttach(name, nil)
	if err := wantErr("attaching it twice", err, syscall.EBUSY); err != nil {
		return err
	}
	for _, spec := range []string{e.t.A, name} {
		_, err := e.open(spec, nil)
		if err := wantErr("opening "+spec+", which is attached", err, syscall.EBUSY); err != nil {
			return err
		}
	}
	ports, err := c.VALEList(sw)
	if err != nil {
		return err
	}
	want := 1
	if host {
		want = 2
	}
	if len(ports) != want || ports[0].Name != name || ports[0].Index != index || host && ports[1].Name != name+"^" {
		return fmt.Errorf("the switch has the ports %v, attached was port %d", ports, index)
	}
	mine, err := e.open(sw+":p", nil)
	if err != nil {
		return err
	}
	far, err := e.open(e.t.B, nil)
	if err != nil {
		return err
	}
	if err := e.settle(mine, far); err != nil {
		return err
	}
	talk := func() error {
		for _, f := range []*flow{e.newFlow(mine, far, macA), e.newFlow(far, mine, macB)} {
			f.tx = f.tx[:1]
			if _, err := f.run(300, func(i int) int { return e.size() + i }); err != nil {
				return err
			}
		}
		return nil
	}
	if err := talk(); err != nil {
		return err
	}
	poll := netmap.VALEPollingReq{Mode: netmap.PollingSingleCPU, NumCPUs: 1}
	if err := wantErr("polling on all processors", c.VALEPollingEnable(name, netmap.VALEPollingReq{Mode: poll.Mode, NumCPUs: uint32(runtime.NumCPU())}), syscall.EINVAL); err != nil {
		return err
	}
	if err := wantErr("ending a polling that is not", c.VALEPollingDisable(name), syscall.EFAULT); err != nil {
		return err
	}
	if runtime.NumCPU() == 1 {
		e.log("one processor: nothing can be polled")
		return nil
	}
	if err := c.VALEPollingEnable(name, poll); err != nil {
		return err
	}
	err = talk()
	if err == nil {
		err = wantErr("polling twice", c.VALEPollingEnable(name, poll), syscall.EFAULT)
	}
	if err == nil {
		_, err = c.VALEDetach(name)
		err = wantErr("detaching it while it is polled", err, syscall.EBUSY)
	}
	return errors.Join(err, c.VALEPollingDisable(name))
}
