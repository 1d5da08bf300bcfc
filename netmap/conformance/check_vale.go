package conformance

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
)

// header sets and reads the length of a port's virtio-net header.
func header(e *env) error {
	p, err := e.open(e.t.A, nil)
	if err != nil {
		return err
	}
	c := netmap.Control{Device: e.t.device()}
	name := p.Info().Spec.Name
	e.later(func() error { return c.SetPortHdr(name, 0) })
	for _, n := range []int{12, 0, 10} {
		if err := c.SetPortHdr(name, n); err != nil {
			return err
		}
		got, err := c.PortHdr(name)
		if err != nil {
			return err
		}
		if got != n {
			return fmt.Errorf("a header set to %d bytes has %d", n, got)
		}
	}
	if err := wantErr("a header of 11 bytes", c.SetPortHdr(name, 11), syscall.EINVAL); err != nil {
		return err
	}
	if err := wantErr("a header of a port that is not there", c.SetPortHdr(name+"x", 12), syscall.ENXIO); err != nil {
		return err
	}
	_, err = e.open(e.t.A, nil)
	if err := wantErr("a port with a header, opened without a word", err, syscall.EIO); err != nil {
		return err
	}
	sp := p.Info().Spec
	sp.Flags |= netmap.FlagAcceptVnetHdr
	q, err := netmap.OpenSpec(sp, &netmap.Config{Device: e.t.device()})
	if err != nil {
		return err
	}
	return q.Close()
}

// persistent makes a port, attaches it to a switch, detaches, opens and removes
// it.
func persistent(e *env) error {
	const (
		name = "rwcv0"
		sw   = "valerwcv"
		port = sw + ":" + name
	)
	c := netmap.Control{Device: e.t.device()}
	if _, err := c.VALEAttach(port, nil); wantErr("attaching an interface that is not there", err, syscall.EINVAL) != nil {
		return wantErr("attaching an interface that is not there", err, syscall.EINVAL)
	}
	if err := wantErr("removing it", c.VALEDelIf(name), syscall.ENXIO); err != nil {
		return err
	}
	shape, err := c.VALENewIf(name, &netmap.VALENewIfReq{TxRings: 2, RxRings: 1, TxSlots: 256, RxSlots: 512})
	if err != nil {
		return err
	}
	made := true
	e.later(func() error {
		if made {
			_, _ = c.VALEDetach(port)
			return c.VALEDelIf(name)
		}
		return nil
	})
	if shape.TxRings != 2 || shape.RxRings != 1 || shape.TxSlots != 256 || shape.RxSlots != 512 || shape.MemID == 0 {
		return fmt.Errorf("VALE_NEWIF answered %+v", shape)
	}
	_, err = c.VALENewIf(name, nil)
	if err := wantErr("making it twice", err, syscall.EEXIST); err != nil {
		return err
	}
	index, err := c.VALEAttach(port, nil)
	if err != nil {
		return err
	}
	_, err = c.VALEAttach(port, nil)
	if err := wantErr("attaching it twice", err, syscall.EBUSY); err != nil {
		return err
	}
	if err := wantErr("removing it while it is attached", c.VALEDelIf(name), syscall.EBUSY); err != nil {
		return err
	}
	at, err := c.VALEFind(port)
	if err != nil {
		return err
	}
	all, err := c.VALEList(sw)
	if err != nil {
		return err
	}
	if at.Name != port || at.Index != index || !slices.Equal(all, []netmap.VALEPort{at}) {
		return fmt.Errorf("VALE_ATTACH gave port %d, VALE_LIST finds %v and lists %v", index, at, all)
	}
	_, err = c.VALEFind(sw + ":nobody")
	if err := wantErr("finding a port that is not there", err, syscall.ENOENT); err != nil {
		return err
	}
	if err := wantErr("polling a port that is no NIC's", c.VALEPollingEnable(port, netmap.VALEPollingReq{Mode: netmap.PollingSingleCPU, NumCPUs: 1}), syscall.EOPNOTSUPP); err != nil {
		return err
	}
	if was, err := c.VALEDetach(port); err != nil || was != index {
		return fmt.Errorf("VALE_DETACH: port %d, %v; it was attached as port %d", was, err, index)
	}
	_, err = c.VALEDetach(port)
	if err := wantErr("detaching it twice", err, syscall.ENXIO); err != nil {
		return err
	}
	// Opened while it is attached it would be stuck there: the kernel renames
	// it.
	mine, err := e.open("netmap:"+name+"/x", nil)
	if err != nil {
		return err
	}
	if len(mine.TX()) != 2 || len(mine.RX()) != 1 || mine.Info().MemID != shape.MemID {
		return fmt.Errorf("the port made as %+v opens as %+v", shape, mine.Info())
	}
	_, err = e.open("netmap:"+name, nil)
	if err := wantErr("opening a persistent port that is held exclusively", err, syscall.EBUSY); err != nil {
		return err
	}
	if err := wantErr("removing it while it is open", c.VALEDelIf(name), syscall.EBUSY); err != nil {
		return err
	}
	if err := mine.Close(); err != nil {
		return err
	}
	if err := c.VALEDelIf(name); err != nil {
		return err
	}
	made = false
	return wantErr("removing it twice", c.VALEDelIf(name), syscall.ENXIO)
}
