// Package carried holds the programs that the hw-test binary contains besides
// itself, and starts them.
//
//	argv[0]     pktgen ──▶ pktgen's command line ┐
//	            rcv    ──▶ rcv's command line    ├─ one binary
//	            any    ──▶ hw-test itself        ┘
//	                          │
//	                          └─ Command("rcv", …): this binary once more,
//	                             as another process and by that name
//
// So a machine, a namespace or a VM that has hw-test has all of them, and of
// the same version.
package carried

import (
	"context"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/internal/command/pktgen"
	"github.com/ringwalk/ringwalk/internal/command/rcv"
)

// Main is a program's main function: args come without the program's name,
// and what it returns is the exit status.
type Main func(args []string, stdout, stderr io.Writer) int

var programs = map[string]Main{
	"pktgen": pktgen.Main,
	"rcv":    rcv.Main,
}

// Names returns the names that Lookup knows, in order.
func Names() []string { return slices.Sorted(maps.Keys(programs)) }

// Lookup returns the program that argv[0] calls for, nil if that is hw-test.
func Lookup(argv0 string) Main { return programs[filepath.Base(argv0)] }

// Command prepares this binary to run by the given name, "hw-test" included,
// as a process that hw-test alone decides about:
//
//   - It is in a process group of its own: ^C on the terminal goes to hw-test
//     and not past it.
//   - The end of ctx sends it SIGTERM, and two seconds later SIGKILL.
//   - It is killed when the starter dies, be it by kill -9, if it is started
//     by package netlab, which keeps the starting thread.
//
// Its standard streams should not be a terminal's: a background process group
// may be stopped for writing there (stty tostop).
func Command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	path, err := executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args = append([]string{name}, args...)
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	return cmd, nil
}
