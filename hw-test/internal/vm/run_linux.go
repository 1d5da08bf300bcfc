package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

func (o *Options) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (status int, err error) {
	p, err := o.plan()
	if err != nil {
		return 0, err
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout, errTimeout)
		defer cancel()
	}
	var m *machine
	if p.kernel.uml {
		dir, err := os.MkdirTemp("", "hw-test-uml-")
		if err != nil {
			return 0, fmt.Errorf("make a directory for User-Mode Linux's files: %w", err)
		}
		defer os.RemoveAll(dir)
		m = o.uml(p.kernel, dir)
	} else if m, err = o.qemu(p.kernel); err != nil {
		return 0, err
	}
	p.config.Console, p.config.Channel = "/dev/"+m.console, "/dev/"+m.channel
	t := &terminal{in: stdin, out: stdout, ended: make(chan struct{})}
	if o.Shell {
		p.config.Rows, p.config.Columns = t.size()
	}
	initramfs, err := memoryFile(p.write)
	if err != nil {
		return 0, err
	}
	defer initramfs.Close()
	v, err := start(m, initramfs)
	if err != nil {
		return 0, err
	}
	defer v.close()
	defer t.restore()
	return v.wait(ctx, o.Grace, t, stdout, stderr)
}

var errTimeout = fmt.Errorf("--timeout: %w", os.ErrDeadlineExceeded)

// vm is a running machine.
type vm struct {
	*machine
	cmd     *exec.Cmd
	console *os.File // our end
	channel *os.File // our end
	last    console  // what came out of console
}

// start starts the machine in a process group of its own, so that ^C comes
// here only, and such that it dies with this process.
func start(m *machine, initramfs *os.File) (_ *vm, err error) {
	v := &vm{machine: m}
	var theirs [2]*os.File
	for i, ours := range []**os.File{&v.console, &v.channel} {
		if *ours, theirs[i], err = socketPair(); err != nil {
			return nil, err
		}
		defer theirs[i].Close()
	}
	v.cmd = exec.Command(m.argv[0], m.argv[1:]...)
	v.cmd.Stdin, v.cmd.Stdout, v.cmd.Stderr = theirs[0], theirs[0], theirs[0]
	v.cmd.ExtraFiles = []*os.File{initramfs, theirs[1]}
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	hint := ""
	if m.guarded {
		guarded(v.cmd)
		hint = ": it needs a PID namespace of its own, which takes root or user namespaces (sysctls user.max_user_namespaces, " +
			"kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
	}
	if err := netlab.Start(v.cmd); err != nil {
		v.console.Close()
		v.channel.Close()
		return nil, fmt.Errorf("start %s: %w%s", m.argv[0], err, hint)
	}
	return v, nil
}

// wait passes the output on until the guest says its exit status, or ctx or
// the user ends it. The machine is gone when it returns.
func (v *vm) wait(ctx context.Context, grace time.Duration, t *terminal, stdout, stderr io.Writer) (status int, err error) {
	consoleRead, channelRead := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(consoleRead)
		_, _ = io.Copy(io.MultiWriter(&v.last, t), v.console) // its end is the machine's
	}()
	var started atomic.Bool
	var said int
	var saidErr error
	go func() {
		defer close(channelRead)
		said, saidErr = relay(v.channel, stdout, stderr, func(kind byte) error {
			started.Store(true)
			if kind == frameShell {
				return t.attach(v.console)
			}
			return nil
		})
	}()
	finished := false
	select {
	case <-channelRead:
		finished = true
	case <-t.ended:
		err = &cli.StatusError{Status: cli.ExitInterrupted, Err: errors.New("the machine was ended by Ctrl-]")}
	case <-ctx.Done():
		finished = grace > 0 && started.Load() && v.interrupt(grace, channelRead)
	}
	if finished {
		v.kill()
		settle(consoleRead)
		if saidErr != nil {
			return 0, deathOf(&v.last, started.Load(), saidErr)
		}
		return said, nil
	}
	v.kill()
	settle(consoleRead)
	settle(channelRead)
	cause := context.Cause(ctx)
	switch {
	case err != nil:
		return 0, err
	case !errors.Is(cause, errTimeout):
		return 0, &cli.StatusError{Status: cli.ExitInterrupted, Err: fmt.Errorf("the machine was killed: %w", cause)}
	case !started.Load():
		return 0, fmt.Errorf("the guest's kernel did not start init in time, and was killed: %w%s", cause, v.last.tail())
	}
	return 0, fmt.Errorf("the command in the guest did not end in time, and the machine was killed: %w%s", cause, v.last.tail())
}

// interrupt interrupts the command and tells whether it ended in time.
func (v *vm) interrupt(grace time.Duration, ended <-chan struct{}) bool {
	if _, err := v.channel.Write([]byte{interruptByte}); err != nil {
		return false
	}
	select {
	case <-ended:
		return true
	case <-time.After(grace):
		return false
	}
}

// settle waits for the reader of a dead machine's line. It is given up if
// nobody takes what it read.
func settle(read <-chan struct{}) {
	select {
	case <-read:
	case <-time.After(2 * time.Second):
	}
}

// kill ends the machine with all its processes, for User-Mode Linux has one for
// each of the guest's, and returns when it is gone. What it has said is there
// to be read for a moment.
func (v *vm) kill() {
	if v.cmd.ProcessState != nil {
		return
	}
	_ = unix.Kill(-v.cmd.Process.Pid, unix.SIGKILL) // it is there, if only to be waited for
	_ = v.cmd.Wait()                                // its status says nothing: QEMU's is 0 even after a panic
	moment := time.Now().Add(time.Second)
	_ = v.console.SetReadDeadline(moment)
	_ = v.channel.SetReadDeadline(moment)
}

func (v *vm) close() {
	v.kill()
	v.console.Close()
	v.channel.Close()
}

// memoryFile is a file without a name, with what write writes.
func memoryFile(write func(io.Writer) error) (*os.File, error) {
	fd, err := unix.MemfdCreate("hw-test-initramfs", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory for the initramfs: %w", err)
	}
	f := os.NewFile(uintptr(fd), "initramfs")
	if err := write(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// socketPair is a line whose ends both read and write. Ours does not block a
// thread.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fds[0], true)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair for the machine's serial line: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "line"), os.NewFile(uintptr(fds[1]), "line"), nil
}
