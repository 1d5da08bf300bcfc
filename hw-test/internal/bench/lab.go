// Package bench is where hw-test's measurements run: a veth pair between two
// network namespaces, made here or, by a user who may not, by this binary once
// more in a user namespace.
//
//	Copied ── may make namespaces ────────────────────────▶ NewLab
//	   └───── may not ──▶ InUserNS: hw-test … --inside ──▶ NewLab
//
// Nothing of it has a name outside, and it is gone with the process.
package bench

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"

	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// Lab is a veth pair, each end in a namespace of its own with an IPv4 address.
type Lab struct {
	*netlab.Pair
	AddrA, AddrB netip.Addr
	// Environment is where it is.
	Environment Environment
}

// Environment says what was measured on.
type Environment struct {
	Version string `json:"version"` // of hw-test
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Kernel  string `json:"kernel"` // its release, as uname -r prints it
	CPUs    []int  `json:"cpus"`   // that this process may use
	UserNS  bool   `json:"userns"` // in a user namespace, where the kernel grants smaller buffers
}

// The pair's ends and their addresses, of the range for benchmarks (RFC 2544).
const (
	NameA, NameB = "rw-a", "rw-b"
	addrA, addrB = "198.18.0.1/24", "198.18.0.2/24"
)

// AddrBits is the length of the network that both addresses are in.
const AddrBits = 24

// Here is where this process is.
func Here() Environment {
	return Environment{Version: cli.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: KernelRelease(), CPUs: cpus(), UserNS: InsideUserNS()}
}

// Describe is the lab for what is kept of a session.
func (e *Environment) Describe() testbed.Description {
	d := testbed.Description{Kind: "veth", What: "a veth pair between two network namespaces", Limits: []string{}}
	if e.UserNS {
		d.Limits = append(d.Limits, limitUserNS)
	}
	return d
}

// NewLab makes a lab. The error wraps netlab.ErrNoPrivilege if this user may
// not.
func NewLab() (*Lab, error) {
	a, err := netlab.NewNS()
	if err != nil {
		return nil, err
	}
	b, err := netlab.NewNS()
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	pa, pb := netip.MustParsePrefix(addrA), netip.MustParsePrefix(addrB)
	l := &Lab{AddrA: pa.Addr(), AddrB: pb.Addr(), Environment: Here()}
	l.Pair, err = netlab.NewPair(a, b, &netlab.PairOptions{
		NameA: NameA, NameB: NameB, AddrsA: []netip.Prefix{pa}, AddrsB: []netip.Prefix{pb},
	})
	if err != nil {
		return nil, errors.Join(err, a.Close(), b.Close())
	}
	if err := l.know(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

const limitUserNS = "In a user namespace: the kernel limits receive buffers there (net.core.rmem_max)."

// Close lets go of the lab, which is gone when nobody else uses it.
func (l *Lab) Close() error { return errors.Join(l.A.NS.Close(), l.B.NS.Close()) }

// Print says in two lines what was measured on.
func (e *Environment) Print(w io.Writer) { e.PrintOver(w, e.Describe()) }

// PrintOver is Print of something else than the lab.
func (e *Environment) PrintOver(w io.Writer, d testbed.Description) {
	PrintHead(w, "hw-test "+e.Version, e.Kernel, e.OS, e.Arch, len(e.CPUs), d)
	if e.UserNS {
		fmt.Fprintln(w, limitUserNS)
	}
}

// PrintHead begins what a suite prints: with the program and its version, this
// host, which is only the controller where the ports are on others, and what it
// runs over.
func PrintHead(w io.Writer, program, kernel, os, arch string, cpus int, d testbed.Description) {
	controller := ""
	if d.Kind == "ssh" {
		controller = "controller: "
	}
	fmt.Fprintf(w, "%s, %skernel %s, %s/%s, %d CPUs\n%s\n", program, controller, kernel, os, arch, cpus, testbed.Lines(d.What))
}
