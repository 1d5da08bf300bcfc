package testbed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// LocalOptions are the ports of this host that a local environment is made of,
// and what is sent between them.
type LocalOptions struct {
	From, To End
	// Via are the interfaces of devices under test that are on this host, in
	// the order in which frames pass them.
	Via []Passage
	// Path is how frames go, for reports; "" for From and To alone.
	Path string
	// InMachine tells that this host is a virtual machine made for the test.
	InMachine bool
	// DstMAC, Src and Dst are pktgen's -D, -s and -d. Without a DstMAC frames
	// are addressed to the receiver, so that it comes to them without
	// promiscuous mode, and a switch learns nothing odd.
	DstMAC, Src, Dst string
	// LinkWait is for what lies behind a link that has just come up: a switch
	// that is silent at first.
	LinkWait time.Duration
}

// An End is a port that the tester opens.
type End struct {
	Spec string
	CPUs []int // that its threads run on; empty: any
}

// A Passage is where frames enter or leave a device under test.
type Passage struct {
	Role      Role
	Interface string
}

// NewLocal makes an environment of ports of this host. Netmap ports are opened
// and held until Close: the NIC is not reset with each program then, which
// takes its link down for seconds. It waits for links. The error wraps
// ErrMissing if this system lacks a port, its module or the right to it.
func NewLocal(ctx context.Context, o *LocalOptions) (Environment, error) { return newLocal(ctx, o) }

// LinkBPS is the speed of the link below a port of this host in bits on the
// wire a second, 0 if it has none or none is known.
func LinkBPS(spec string) float64 { return linkBPS(spec) }

// Describe says what the environment will be.
func (o *LocalOptions) Describe() Description {
	d := Description{Kind: "local", Limits: []string{}}
	where := "this host"
	if o.InMachine {
		d.Kind, where = "vm", "a virtual machine made for it"
	}
	d.What = fmt.Sprintf("pktgen on %s and rcv on %s of %s", o.From.Spec, o.To.Spec, where)
	if o.Path != "" {
		d.What += ": " + o.Path
	}
	return d
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
