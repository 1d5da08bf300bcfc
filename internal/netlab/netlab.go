// Package netlab makes network namespaces joined by veth pairs, for hw-test
// and for tests.
//
//	 namespace a (an fd)               namespace b (an fd)
//	┌────────────────────┐            ┌────────────────────┐
//	│ lo          veth-a ├────────────┤ veth-b          lo │
//	└────────────────────┘   frames   └────────────────────┘
//	   ▲            ▲
//	   Do(f)        Start(cmd)
//	   f on a       a child process
//	   thread       in a
//	   in a
//
// A namespace here has no name and no file: it lives as long as somebody
// holds it, which is this process by a file descriptor and any thread or
// child process that is inside. With the last of them the kernel removes the
// namespace, the veth end in it and with that the other end. So nothing has
// to be cleaned up after a crash or a kill -9, and two runs cannot collide.
//
// IPv6 is off on a pair without IPv6 addresses: nothing crosses it that was
// not sent on purpose, so frames can be counted to the last one.
//
// This works on Linux (network_namespaces(7), user_namespaces(7), veth(4));
// elsewhere everything returns ErrNotSupported.
package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
)

var (
	// ErrNoPrivilege is wrapped, next to the errno, where the process may not
	// make or enter namespaces or configure devices.
	ErrNoPrivilege = errors.New("this needs root, or CAP_SYS_ADMIN with CAP_NET_ADMIN, or a user namespace")
	// ErrNotSupported is wrapped where the system has no network namespaces
	// or no veth. It is errors.ErrUnsupported.
	ErrNotSupported = fmt.Errorf("network namespaces with veth: %w on this system", errors.ErrUnsupported)
)

// Can tells whether this process can make namespaces joined by a pair, by
// making and removing one (some milliseconds). The error wraps ErrNoPrivilege
// or ErrNotSupported where that is the reason.
func Can() error { return can() }

// NS is a network namespace held by a file descriptor. Its methods may be
// called from several goroutines at once.
type NS struct {
	f *os.File
}

// NewNS makes an empty network namespace with its loopback device up.
func NewNS() (*NS, error) { return newNS() }

// Close lets go of the namespace. The kernel removes it, with the devices in
// it, as soon as no Do runs in it and no process started in it is left; that
// happens in the background, within a fraction of a second as a rule. A
// second Close returns os.ErrClosed.
func (n *NS) Close() error { return n.f.Close() }

// Do runs f inside the namespace and returns its error. f runs in another
// goroutine, locked to a thread that ends afterwards, so it may leave the
// thread in any state; goroutines that f starts run outside the namespace.
// Sockets and files that f opens stay where they were opened and may be used
// from everywhere after. The caller waits for f. A f that ends its goroutine
// (t.Fatal) ends the caller's, too. After Close the error is os.ErrClosed.
func (n *NS) Do(f func() error) error { return n.do(f) }

// Start starts cmd, as cmd.Start does, inside the namespace. The process
// keeps the namespace alive until it ends; Wait for it as usual.
//
// Where cmd.SysProcAttr.Pdeathsig is set, the thread that starts the process
// is kept until the process has ended. The kernel sends that signal when the
// starting thread ends, not the starting process, and Go ends threads as it
// likes. So the child lives as long as it wants unless this process dies,
// be it by kill -9. (A program with file capabilities or setuid loses the
// setting at exec, see prctl(2) on PR_SET_PDEATHSIG.)
func (n *NS) Start(cmd *exec.Cmd) error { return start(n.do, cmd) }

// Start is NS.Start in the caller's own namespace: cmd.Start with a Pdeathsig
// that means the end of this process.
func Start(cmd *exec.Cmd) error { return start(onThread, cmd) }

// Counters are a device's own counts (struct rtnl_link_stats64 in
// linux/if_link.h). Bytes are frame bytes without CRC.
type Counters struct {
	RxPackets, RxBytes, RxErrors, RxDropped uint64
	TxPackets, TxBytes, TxErrors, TxDropped uint64
}

// Counters reads the counts of the named device. A device that is not there
// gives an error that is ENODEV.
func (n *NS) Counters(name string) (Counters, error) { return n.counters(name) }

// SetUp sets the named device up or down. It does not wait for the carrier.
func (n *NS) SetUp(name string, up bool) error { return n.setUp(name, up) }

// bridgeName is that of the bridge that Bridge makes.
const bridgeName = "br0"

// Bridge makes the kernel's bridge in the namespace, with ports, and sets it up.
// Nothing there has IPv6 from then on, and the bridge listens to no multicast
// and has no spanning tree: it sends nothing of its own and forwards at once. The
// error wraps EOPNOTSUPP where the kernel has no bridge.
func (n *NS) Bridge(ports ...string) error { return n.bridge(ports) }

// Plug makes a device a port of the bridge. Behind it is mac, if that is not nil:
// what goes to an address that a bridge does not know, it sends to all ports.
func (n *NS) Plug(name string, mac net.HardwareAddr) error { return n.plug(name, mac) }

// Delete removes the named device; of a pair, both ends.
func (n *NS) Delete(name string) error { return n.delete(name) }

// PairOptions describe a pair; nil and the zero value are the default.
type PairOptions struct {
	// NameA and NameB are the devices' names, at most 15 bytes; by default
	// "veth-a" and "veth-b".
	NameA, NameB string
	// MTU is the largest payload of a frame in bytes, on both ends; a frame
	// is up to 14 bytes longer. 0 is 1500.
	MTU int
	// Queues is how many transmit and how many receive queues each end has.
	// 0 is 1.
	Queues int
	// AddrsA and AddrsB are assigned to the ends, with the prefix's route.
	// An IPv6 address turns IPv6 on for the whole pair, and neighbour
	// discovery and multicast reports with it.
	AddrsA, AddrsB []netip.Prefix
}

// Pair is a veth pair, both ends up and with carrier. It goes away with the
// first of its namespaces, or by NS.Delete.
type Pair struct {
	A, B End
}

// End is one end of a Pair.
type End struct {
	NS    *NS
	Name  string
	Index int
	// MAC is the address the kernel made up, another one for every pair.
	MAC net.HardwareAddr
}

// NewPair joins a and b, which may be the same namespace, by a veth pair and
// returns when a frame sent on either end would arrive at the other (at most
// two seconds).
func NewPair(a, b *NS, opt *PairOptions) (*Pair, error) { return newPair(a, b, opt) }

// InUserNS prepares cmd, not yet started, to run in a user namespace and a
// network namespace of its own. The process sees itself as root and has all
// rights over both, so NewNS and NewPair work there, though the user who
// started it has none. Outside it stays what the user is. CanUserNS tells
// whether starting it will work.
func InUserNS(cmd *exec.Cmd) error { return inUserNS(cmd) }

// CanUserNS tells whether this user can have what InUserNS asks for, by
// trying it without running a program.
func CanUserNS() error { return canUserNS() }
