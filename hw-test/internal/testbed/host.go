package testbed

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/netmap"
)

// A Host is a system that ports are on: Here, or one that package agent reaches
// over ssh. One goroutine uses it at a time. A call waits for the system: of one
// that hangs, package agent bounds that. Errors wrap ErrMissing where the
// system lacks a port, its module or the right to it, and name the host if it is another.
type Host interface {
	// Name is what the lab file calls it, "" for this host.
	Name() string
	// Clock compares its clock with this host's.
	Clock() (Clock, error)
	// Launcher starts programs on it.
	Launcher() program.Launcher
	// Take opens a port, to see that it can be used. One of netmap stays open
	// until Release, so that the NIC is not reset with each program, which
	// would take its link down for seconds.
	Take(spec string, role Role) (*Taken, error)
	// HasLink tells whether the interface of that name has a link.
	HasLink(device string) (bool, error)
	// LinkBPS is the speed of the link below a port in bits on the wire a
	// second, 0 if it has none or none is known.
	LinkBPS(spec string) (float64, error)
	// Flush takes out of a netmap port's rings what has come since it was last
	// read, for they stay as they are while the port is open.
	Flush(spec string) error
	// Counters are those of the interface of that name, without a role.
	Counters(device string) (Counters, error)
	// Release lets go of what was taken, and puts back how interfaces were.
	Release() error
}

// Taken is what Take finds out about a port.
type Taken struct {
	Spec   string           // as it was resolved
	Device string           // its interface, "" if it has none
	MAC    net.HardwareAddr // the interface's
	Addrs  []netip.Prefix
	// Packet tells an AF_PACKET socket from a port of netmap, Exact and Physical
	// a veth and a NIC from other interfaces.
	Packet, Exact, Physical bool
	// Forwards tells that the host forwards IPv4 that it receives there.
	Forwards bool
	TxRings  int      // of a netmap port
	Limits   []string // sentences
}

// CheckSpec finds what a suite cannot use of the ports that there are. The
// error is a sentence.
func CheckSpec(spec string) error {
	kind, rest, found := strings.Cut(spec, ":")
	switch {
	case !found && spec != "" && len(spec) <= 15 && !strings.ContainsAny(spec, "/ @{}^*"):
		return nil
	case kind == "packet" && rest != "":
		return nil
	case kind == "netmap", strings.HasPrefix(kind, "vale"):
		sp, err := netmap.ParseSpec(spec)
		if err == nil && sp.Flags&netmap.FlagExclusive != 0 {
			err = fmt.Errorf("%s: an exclusive port (/x) cannot be held open between trials", spec)
		}
		return err
	}
	return fmt.Errorf("%q is none of packet:eth0, netmap:eth0, vale0:a and eth0: a suite sends frames from such a port to another", spec)
}

// Missing makes an error that wraps ErrMissing, of which its sentence says
// nothing.
func Missing(err error) error { return because{err, ErrMissing} }

// A because error is another one that is also a reason.
type because struct {
	error
	reason error
}

// Unwrap is the error and the reason.
func (b because) Unwrap() []error { return []error{b.error, b.reason} }
