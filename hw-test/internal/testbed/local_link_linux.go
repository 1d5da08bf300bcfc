package testbed

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/netmap"
)

// linkTime is ample: of copper at 10 Gbit/s it is known to take 7 s.
const linkTime = 20 * time.Second

// waitLinks waits until both ends have a link that stays: netmap resets a NIC.
func (l *local) waitLinks(ctx context.Context) error {
	waited := false
	for i := range l.ends {
		name := l.ends[i].Device
		if name == "" {
			continue
		}
		up := 0
		for deadline := time.Now().Add(linkTime); up < 3; {
			link, err := netlink.LinkByName(name)
			if up++; err != nil || link.Attrs().RawFlags&unix.IFF_LOWER_UP == 0 {
				up, waited = 0, true
				if time.Now().After(deadline) {
					return fmt.Errorf("interface %s has no link (looked for %v): look at the cable and the other end (ethtool %s)", name, linkTime, name)
				}
			}
			if err := sleep(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	if waited || len(l.held) > 0 {
		return sleep(ctx, l.options.LinkWait)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flush takes out of a netmap port's rings what has come since it was last
// read, for the rings stay as they are while the port is held open.
func flush(spec string, dev netmap.Device) error {
	p, err := engine.Open(spec, &engine.Config{RX: engine.All, Device: dev, VnetHdr: engine.AnyVnetHdr})
	if err != nil {
		return err
	}
	defer p.Close()
	for _, q := range p.RX() {
		// A ring may have been full, and so may what waited behind it.
		for range 8 {
			ring := q.Ring()
			ring.Advance(ring.Space())
			if err := q.Sync(); err != nil {
				return err
			}
			if ring.Space() == 0 {
				break
			}
		}
	}
	return nil
}

// physical tells an interface that is not made by software.
func physical(link netlink.Link) bool {
	return link.Type() == "device" && link.Attrs().Flags&net.FlagLoopback == 0
}

// linkBPS leaves out what virtual devices say, which holds nobody back.
func linkBPS(spec string) float64 {
	spec, _, err := engine.Resolve(spec)
	if err != nil {
		return 0
	}
	link, err := netlink.LinkByName(interfaceOf(spec))
	if err != nil || !physical(link) {
		return 0
	}
	bps, err := nic.Speed(link.Attrs().Name)
	if err != nil {
		return 0
	}
	return bps
}
