package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/internal/cli"
)

const about = `Run a command in a virtual machine that is made for it and gone after it: on a kernel of your
choice, with netmap's modules, without touching this machine's.

The kernel is a bzImage, which QEMU boots by emulation in about 6 seconds, or a User-Mode-Linux
executable, which boots in one and runs at native speed. This very binary is the guest's init. There
is no disk and no distribution in the guest: just hw-test, the other programs it contains, such as
pktgen and rcv, and what --include brings.

What the guest writes to standard output and error comes out here, to the byte and at once, and its
exit status is the status here.`

const aboutRun = `
The command is given as arguments, or by --run as a command line of several:
  'one two' "three"    words; quotes and backslashes as in sh
  A && B    A || B     B if A succeeded, failed
  A ; B                B after A, whatever A's status
  A & B                A in the background; the end of the line kills what still runs there
There are no pipes, redirections, variables or patterns; * { } ^ ~ stand for themselves, as in port
names. For more, include a shell: --include /usr/bin/busybox --run "sh -c 'ls /sys | wc -l'".

Built in are, before anything of the same name in the PATH:
  wait                 for all of the background; its status is the first one that is not 0
  sleep SECONDS
  exit [STATUS]        end here and now
  echo WORD…
  cat FILE…
  write FILE TEXT      into a file that is there, as in /proc and /sys
  exists FILE…         status 1 if one of them is not there
  veth A B             make a veth pair, both ends up
  link up|down DEV…
  link wait DEV…       until all have carrier, at most 10 seconds
  dmesg                print the kernel's log
lo is up. IPv6 is off on all else, so that no frame is sent that was not sent on purpose.
`

const aboutStatus = `
Exit status:
  the command's own, 128 and the signal's number if a signal killed it, 127 if it is not there
  125  hw-test itself failed: wrong usage, something is missing, the guest panicked or ended without
       a status, --timeout
  130  ^C, which ends the machine at once
`

const example = `  hw-test vm --run "echo hello && cat /proc/version"
  hw-test vm --netmap out --run "rcv -i vale0:b --expect 1000 & pktgen -i vale0:a -n 1000 && wait"
  hw-test vm --netmap out --nics 1 pktgen -i netmap:eth0 -n 1000
  hw-test vm --kernel build/uml/linux --netmap out-uml --include ./pkt-gen \
    --run "pkt-gen -i vale0:a -f tx -n 1000"
  hw-test vm --netmap out --include /usr/bin/busybox --shell`

// Command makes the subcommand vm. It leaves the exit status in *status,
// unless it returns an error, which knows its own. Programs are the names by
// which the binary, called so, is another program; they are commands in the
// guest.
func Command(status *int, programs ...string) *cobra.Command {
	o := Options{Programs: programs}
	cmd := &cobra.Command{
		Use: "vm [flags] [--] [command…]", Short: "run a command in a virtual machine with netmap",
		Long: about + "\n" + aboutRun, Example: example,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			o.Args = args
			*status, err = Run(ctx, &o, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().SetInterspersed(false) // flags behind the command are the command's
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return ownFailure(cli.Usagef("%w", err)) })
	cmd.SetUsageTemplate(cmd.UsageTemplate() + aboutStatus)
	o.Flags(cmd.Flags())
	return cmd
}

// Run makes the machine, runs there what the options say and returns its exit
// status. It blocks until the machine is gone; the end of ctx kills it. Stdin
// is read only by a shell, by a goroutine that may outlive the call. The error
// is always a *cli.StatusError: of cli.ExitInterrupted if ctx ended it, else
// of cli.ExitHarness.
func Run(ctx context.Context, o *Options, stdin io.Reader, stdout, stderr io.Writer) (status int, err error) {
	status, err = o.run(ctx, stdin, stdout, stderr)
	if err != nil {
		return 0, ownFailure(err)
	}
	return status, nil
}

// ownFailure is an error that cannot be mistaken for the guest's status.
func ownFailure(err error) error {
	var s *cli.StatusError
	if errors.As(err, &s) {
		if s.Status == cli.ExitInterrupted {
			return s
		}
		err = fmt.Errorf("%w (hw-test vm -h tells the usage)", err)
	}
	return &cli.StatusError{Status: cli.ExitHarness, Err: err}
}

// IsInit tells whether this process is the first one of a machine that Run
// made, and main is to do nothing but call Init.
func IsInit(argv0 string) bool { return os.Getpid() == 1 && filepath.Base(argv0) == "init" }

// Init is the guest's first process: it mounts, loads the modules, runs what
// it was told and says the exit status; the host kills the machine then. It
// returns only if it could not even open the channel; the kernel panics then,
// which the host sees.
func Init() int { return initMain() }
