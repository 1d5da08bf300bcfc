// Package bench is where hw-test's measurements run: a veth pair between two
// network namespaces, made here or, by a user who may not, by this binary once
// more in a user namespace.
//
//	Measure ── may make namespaces ─────────────────────▶ f(lab)
//	   └────── may not ──▶ InUserNS: hw-test … --inside ──▶ f(lab)
//
// Nothing of it has a name outside, and it is gone with the process.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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

// inside is the flag that this package gives the copy of this process.
const inside = "inside"

// Flags adds what Measure needs to a command's flags.
func Flags(fs *pflag.FlagSet) {
	fs.Bool(inside, false, "this is a user namespace made for it")
	_ = fs.MarkHidden(inside) // fails for unknown names only
}

// Measure makes a lab and calls f with it, here or, where this user may make no
// namespaces, in a copy of this process that runs the same command in a user
// namespace; its exit status is then returned. The first ^C ends the context.
func Measure(cmd *cobra.Command, f func(ctx context.Context, l *Lab) (status int, err error)) (status int, err error) {
	ctx, stop := cli.Signals(cmd.Context())
	defer stop()
	can := netlab.Can()
	copied, _ := cmd.Flags().GetBool(inside) // its type is known
	switch {
	case errors.Is(can, netlab.ErrNoPrivilege) && !copied:
		args := append(strings.Fields(cmd.CommandPath())[1:], "--"+inside)
		cmd.Flags().Visit(func(f *pflag.Flag) { args = append(args, "--"+f.Name+"="+f.Value.String()) })
		return InUserNS(ctx, args, cmd.OutOrStdout(), cmd.ErrOrStderr())
	case can != nil:
		return 0, can
	}
	l, err := newLab()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	return f(ctx, l)
}

func newLab() (*Lab, error) {
	a, err := netlab.NewNS()
	if err != nil {
		return nil, err
	}
	b, err := netlab.NewNS()
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	pa, pb := netip.MustParsePrefix(addrA), netip.MustParsePrefix(addrB)
	l := &Lab{AddrA: pa.Addr(), AddrB: pb.Addr(), Environment: Environment{
		Version: cli.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: KernelRelease(), CPUs: cpus(), UserNS: InsideUserNS(),
	}}
	l.Pair, err = netlab.NewPair(a, b, &netlab.PairOptions{
		NameA: NameA, NameB: NameB, AddrsA: []netip.Prefix{pa}, AddrsB: []netip.Prefix{pb},
	})
	if err != nil {
		return nil, errors.Join(err, a.Close(), b.Close())
	}
	if err := l.know(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *Lab) close() error { return errors.Join(l.A.NS.Close(), l.B.NS.Close()) }

// Print says in two lines what was measured on.
func (e *Environment) Print(w io.Writer) {
	fmt.Fprintf(w, "hw-test %s, kernel %s, %s/%s, %d CPUs; a veth pair between two network namespaces\n",
		e.Version, e.Kernel, e.OS, e.Arch, len(e.CPUs))
	if e.UserNS {
		fmt.Fprintln(w, "In a user namespace: the kernel limits receive buffers there (net.core.rmem_max).")
	}
}

// InUserNS runs hw-test with args in a user namespace and returns its exit
// status.
func InUserNS(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	for _, a := range args {
		if strings.HasPrefix(a, "--metrics=") {
			return 0, cli.Usagef("--metrics needs root here: in the user namespace that this runs in nobody could reach it")
		}
	}
	cmd, err := Command(ctx, args...)
	if err != nil {
		return 0, err
	}
	// It has children of its own to wait for.
	cmd.WaitDelay *= 2
	// Plain writers are fed through pipes, so that it writes to no terminal.
	cmd.Stdout, cmd.Stderr = writer{stdout}, writer{stderr}
	if err := netlab.Start(cmd); err != nil {
		return 0, err
	}
	err = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status >= 0 {
		return status, nil
	}
	return 0, fmt.Errorf("hw-test in the user namespace did not end by itself: %w", err)
}

type writer struct{ io.Writer }
