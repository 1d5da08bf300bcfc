package testbed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/qdisc"
)

type veth struct {
	options    Options
	namespaces []*netlab.NS
	devices    []device
	ends       [2]Port

	hop  *program.Program // of Forward; nil: none
	stop context.CancelFunc
}

type device struct {
	role Role
	ns   *netlab.NS
	name string
}

func newVeth(o Options) (_ Environment, err error) {
	v := &veth{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	names := [][2]string{{"tg-a", "tg-b"}}
	if o.Hop != NoHop {
		names = [][2]string{{"tg-a", "hop-a"}, {"hop-b", "tg-b"}}
	}
	for range len(names) + 1 {
		ns, err := netlab.NewNS()
		if err != nil {
			return nil, err
		}
		v.namespaces = append(v.namespaces, ns)
	}
	for i, n := range names {
		a, b := v.namespaces[i], v.namespaces[i+1]
		if _, err := netlab.NewPair(a, b, &netlab.PairOptions{NameA: n[0], NameB: n[1]}); err != nil {
			return nil, err
		}
		v.devices = append(v.devices, device{ns: a, name: n[0]}, device{ns: b, name: n[1]})
	}
	last := len(v.devices) - 1
	v.devices[0].role, v.devices[last].role = Sender, Receiver
	if o.Hop != NoHop {
		v.devices[1].role, v.devices[2].role = HopIn, HopOut
	}
	for i, d := range []device{v.devices[0], v.devices[last]} {
		v.ends[i] = Port{Spec: "packet:" + d.name, Device: d.name, Launch: program.Process(d.ns.Start), Exact: true}
	}
	// To nobody, so that no network stack on the way has anything to answer.
	v.ends[0].Flags = []string{"--dst-mac", "02:00:00:00:00:02"}
	if o.Burn > 0 {
		v.ends[0].Flags = append(v.ends[0].Flags, "--burn", o.Burn.String())
	}
	if err := v.between(); err != nil {
		return nil, err
	}
	return v, nil
}

// between makes the hop and the buckets.
func (v *veth) between() error {
	var err error
	switch v.options.Hop {
	case NoHop:
	case Bridge:
		if err = v.namespaces[1].Bridge("hop-a", "hop-b"); errors.Is(err, unix.EOPNOTSUPP) {
			err = fmt.Errorf("%w; %w", err, ErrMissing)
		}
	case Forward:
		err = v.forward()
	default:
		err = fmt.Errorf("no such hop: %q", v.options.Hop)
	}
	if v.options.HopBPS > 0 && err == nil {
		if v.options.Hop == NoHop {
			return errors.New("a token bucket on the way out of a hop, and no hop")
		}
		err = v.namespaces[1].Do(func() error { return bucket("hop-b", v.options.HopBPS) })
	}
	if v.options.OwnBPS > 0 && err == nil {
		err = v.namespaces[0].Do(func() error { return bucket("tg-a", v.options.OwnBPS) })
	}
	return err
}

// Sizes of a token bucket as times at its rate: what it lets through at once,
// and what waits behind it. Together they are what a trial may send above the
// rate without loss; they are as much as a tester that the scheduler leaves out
// for that long, and that then makes up for it, needs.
const (
	bucketBurst = 10 * time.Millisecond
	bucketQueue = 20 * time.Millisecond
	longest     = 1514 // bytes of a frame
)

// bucket puts a token bucket on a device (tc-tbf(8)). It counts frames without
// CRC.
func bucket(name string, bps float64) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	rate := bps / 8
	burst := max(rate*bucketBurst.Seconds(), 2*longest)
	tbf := &netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0)},
		Rate:       uint64(rate),
		Limit:      uint32(max(rate*bucketQueue.Seconds(), 2*longest)),
		Buffer:     netlink.Xmittime(uint64(rate), uint32(burst)),
	}
	if err := netlink.QdiscReplace(tbf); err != nil {
		if errors.Is(err, unix.ENOENT) {
			err = fmt.Errorf("%w; %w: %w", err, qdisc.ErrNoKind, ErrMissing)
		}
		return fmt.Errorf("put a token bucket on %s: %w", name, err)
	}
	return nil
}

// forward starts package hop as a process in the middle.
func (v *veth) forward() error {
	ctx, cancel := context.WithCancel(context.Background())
	v.stop = cancel
	args := []string{"forward", "packet:hop-a", "packet:hop-b"}
	if v.options.Lose > 0 {
		args = append(args, "--lose", strconv.FormatUint(v.options.Lose, 10))
	}
	v.hop = program.Start(ctx, program.Process(v.namespaces[1].Start), "hw-test", args)
	if !v.hop.IsReady() {
		return fmt.Errorf("the hop %s", v.hop.Wait().Failure)
	}
	return nil
}

func (v *veth) Describe() Description { return v.options.Describe() }

func (v *veth) Flows() []Flow { return []Flow{{&v.ends[0], &v.ends[1]}} }

// WaitLinks has nothing to wait for: both ends were set up.
func (v *veth) WaitLinks(context.Context) error { return nil }

// Clocks has nothing to do: there is one.
func (v *veth) Clocks() error { return nil }

func (v *veth) Counters() ([]Counters, error) {
	if v.hop != nil && v.hop.HasEnded() {
		return nil, fmt.Errorf("the hop is gone: it %s", cmp.Or(v.hop.Wait().Failure, "ended"))
	}
	list := []Counters{}
	for _, d := range v.devices {
		c, err := d.counters()
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func (d *device) counters() (c Counters, err error) {
	err = d.ns.Do(func() (err error) {
		c, err = new(Here).Counters(d.name)
		return err
	})
	if err != nil {
		err = fmt.Errorf("the counters of %s: %w", d.name, err)
	}
	c.Role, c.Device = d.role, d.name
	return c, err
}

// rootQdisc is what the root queueing discipline of a device in the caller's
// namespace counted.
func rootQdisc(name string) (Qdisc, error) {
	state, err := qdisc.Get(qdisc.Link{Name: name})
	if err != nil || len(state.Qdiscs) == 0 {
		return Qdisc{}, err
	}
	q := &state.Qdiscs[0]
	return Qdisc{
		Kind: q.Kind, Packets: q.Stats.Packets, Drops: uint64(q.Stats.Drops),
		Overlimits: uint64(q.Stats.Overlimits), Backlog: uint64(q.Stats.Qlen),
	}, nil
}

// Close ends the hop. The namespaces go with the last process in them, and the
// devices with the namespaces.
func (v *veth) Close() error {
	if v.stop != nil {
		v.stop()
		v.hop.Wait()
	}
	var err error
	for _, ns := range v.namespaces {
		err = errors.Join(err, ns.Close())
	}
	return err
}
