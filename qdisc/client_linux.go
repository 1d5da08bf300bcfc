package qdisc

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/journal"
)

// client is a netlink socket in the device's namespace, which it keeps alive
// and works in from any thread.
type client struct {
	socket *nl.SocketHandle
	netns  string // as the journal names it
	index  int
	name   string
}

// dial finds the device.
func dial(l Link) (*client, error) {
	c := &client{}
	err := inside(l.NS, func() (err error) {
		if c.netns, err = journal.Namespace(); err != nil {
			return err
		}
		s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("open a netlink socket: %w", err)
		}
		// The kernel's own words; a kernel without them gives errnos only.
		_ = s.SetExtAck(true)
		c.socket = &nl.SocketHandle{Socket: s}
		return nil
	})
	if err != nil {
		return nil, err
	}
	attrs, err := c.link(l)
	if err != nil {
		c.close()
		return nil, err
	}
	c.index, c.name = attrs.Attrs().Index, attrs.Attrs().Name
	return c, nil
}

func (c *client) close() { c.socket.Close() }

// inside runs f on a thread in the namespace of ns, nil for the caller's own.
func inside(ns *os.File, f func() error) error {
	if ns == nil {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		return f()
	}
	conn, err := ns.SyscallConn()
	if err != nil {
		return err
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // no unlock: the thread ends, in the wrong namespace
		var err error
		if cerr := conn.Control(func(fd uintptr) { err = netns.Set(netns.NsHandle(int(fd))) }); cerr != nil {
			err = cerr
		}
		if err != nil {
			done <- fmt.Errorf("enter the network namespace: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// request talks to the kernel, as often as it takes until a list has not
// changed while it was read.
func (c *client) request(typ, flags int, resType uint16, data ...nl.NetlinkRequestData) ([][]byte, error) {
	for {
		req := nl.NewNetlinkRequest(typ, flags)
		req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: c.socket}
		for _, d := range data {
			req.AddData(d)
		}
		list, err := req.Execute(unix.NETLINK_ROUTE, resType)
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			return list, err
		}
	}
}

// link asks for a device by index, or else by name.
func (c *client) link(l Link) (netlink.Link, error) {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(l.Index)
	data := []nl.NetlinkRequestData{msg}
	if l.Index == 0 {
		if len(l.Name) == 0 || len(l.Name) >= unix.IFNAMSIZ {
			return nil, fmt.Errorf("an interface's name has 1 to %d bytes: %w", unix.IFNAMSIZ-1, unix.EINVAL)
		}
		data = append(data, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(l.Name)))
	}
	list, err := c.request(unix.RTM_GETLINK, 0, unix.RTM_NEWLINK, data...)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, unix.ENODEV
	}
	return netlink.LinkDeserialize(nil, list[0])
}

// queueless are the kinds of links whose drivers take every frame at once
// (IFF_NO_QUEUE, which the kernel does not show).
var queueless = strings.Fields("veth netkit dummy bridge bond team vlan macvlan macvtap ipvlan ipvtap macsec vxlan geneve gre gretap " +
	"ip6gre ip6gretap ipip sit ip6tnl vti vti6 xfrm erspan ip6erspan wireguard vrf nlmon vsockmon hsr batadv bareudp amt gtp netdevsim")

// state looks at the device.
func (c *client) state() (*State, error) {
	l, err := c.link(Link{Index: c.index})
	if err != nil {
		return nil, err
	}
	a := l.Attrs()
	s := &State{
		Name: a.Name, Index: a.Index, TxQueueLen: max(a.TxQLen, 0), Up: a.RawFlags&unix.IFF_UP != 0, Queues: a.NumTxQueues,
		DefaultKind: defaultKind(), Qdiscs: []Qdisc{},
	}
	msg := &nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(c.index)}
	list, err := c.request(unix.RTM_GETQDISC, unix.NLM_F_DUMP, unix.RTM_NEWQDISC, msg)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if len(m) < nl.SizeofTcMsg {
			continue
		}
		// The kernel lists all devices' whatever it is asked.
		if t := nl.DeserializeTcMsg(m); int(t.Ifindex) == c.index {
			s.Qdiscs = append(s.Qdiscs, newQdisc(Handle(t.Handle), Handle(t.Parent), attributes(m[nl.SizeofTcMsg:])))
		}
	}
	slices.SortStableFunc(s.Qdiscs, func(a, b Qdisc) int {
		return cmp.Or(cmp.Compare(rank(a.Parent), rank(b.Parent)), cmp.Compare(a.Parent, b.Parent))
	})
	s.needsQueue = a.RawFlags&unix.IFF_LOOPBACK == 0 && !slices.Contains(queueless, l.Type())
	if r := s.root(); r != nil && r.Kind == NoQueue && r.Handle == 0 && s.TxQueueLen > 0 {
		s.needsQueue = false
	}
	return s, nil
}

func rank(parent Handle) int {
	switch parent {
	case Root:
		return 0
	case Ingress:
		return 2
	}
	return 1
}

func newQdisc(handle, parent Handle, a map[uint16][]byte) Qdisc {
	q := Qdisc{Kind: unix.ByteSliceToString(a[nl.TCA_KIND]), Handle: handle, Parent: parent}
	if raw := a[nl.TCA_OPTIONS]; len(raw) > 0 {
		q.Raw = slices.Clone(raw)
	}
	q.Options = decode(q.Kind, q.Raw)
	stats := attributes(a[nl.TCA_STATS2])
	if b := stats[nl.TCA_STATS_BASIC]; len(b) >= 12 {
		q.Stats.Bytes, q.Stats.Packets = u64(b), uint64(u32(b[8:]))
	}
	const statsPkt64 = 8 // TCA_STATS_PKT64
	if b := stats[statsPkt64]; len(b) >= 8 {
		q.Stats.Packets = u64(b)
	}
	if b := stats[nl.TCA_STATS_QUEUE]; len(b) >= 20 {
		q.Stats.Qlen, q.Stats.Backlog, q.Stats.Drops = u32(b), u32(b[4:]), u32(b[8:])
		q.Stats.Requeues, q.Stats.Overlimits = u32(b[12:]), u32(b[16:])
	}
	const ingressBlock, egressBlock, rateEst64 = 13, 14, 5 // TCA_INGRESS_BLOCK, TCA_EGRESS_BLOCK, TCA_STATS_RATE_EST64
	switch {
	case a[nl.TCA_STAB] != nil:
		q.hidden = "it has a size table, which the kernel does not show"
	case a[egressBlock] != nil || a[ingressBlock] != nil:
		q.hidden = "it has a filter block"
	case stats[nl.TCA_STATS_RATE_EST] != nil || stats[rateEst64] != nil:
		q.hidden = "it has a rate estimator, whose settings the kernel does not show"
	}
	return q
}

// defaultKind is what the calling thread's namespace shows of it.
func defaultKind() string {
	b, err := os.ReadFile("/proc/sys/net/core/default_qdisc")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// filters tells whether filters are attached to a qdisc.
func (c *client) filters(h Handle) (bool, error) {
	msg := &nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(c.index), Parent: uint32(h)}
	list, err := c.request(unix.RTM_GETTFILTER, unix.NLM_F_DUMP, unix.RTM_NEWTFILTER, msg)
	return len(list) > 0, err
}

// create puts a qdisc below parent, in place of what is there. It has to have
// a handle that is not in use: with one that is, the kernel would change that
// qdisc if the kind is the same.
func (c *client) create(kind string, handle, parent Handle, options []byte) error {
	msg := &nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(c.index), Handle: uint32(handle), Parent: uint32(parent)}
	data := []nl.NetlinkRequestData{msg, nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated(kind))}
	if options != nil {
		data = append(data, nl.NewRtAttr(nl.TCA_OPTIONS, options))
	}
	_, err := c.request(unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_REPLACE|unix.NLM_F_ACK, 0, data...)
	if errors.Is(err, unix.ENOENT) && parent == Root {
		// Below the root there is nothing else that could be missing.
		return fmt.Errorf("%s: %w: %w", kind, ErrNoKind, unix.ENOENT)
	}
	return privilege(err)
}

// remove deletes the root qdisc if it still has that handle, so that the
// kernel attaches its default.
func (c *client) remove(handle Handle) error {
	msg := &nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(c.index), Handle: uint32(handle), Parent: uint32(Root)}
	_, err := c.request(unix.RTM_DELQDISC, unix.NLM_F_ACK, 0, msg)
	return privilege(err)
}

func (c *client) setTxQueueLen(n int) error {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(c.index)
	_, err := c.request(unix.RTM_SETLINK, unix.NLM_F_ACK, 0, msg, nl.NewRtAttr(unix.IFLA_TXQLEN, nl.Uint32Attr(uint32(n))))
	return privilege(err)
}

// privilege names the remedy.
func privilege(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("this needs root, or CAP_NET_ADMIN in the namespace: %w", err)
	}
	return err
}
