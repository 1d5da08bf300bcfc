package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// onThread runs f on a thread of its own that ends with f, because a thread
// that changed its namespace must not run other goroutines, and putting it
// back can fail (a process in a user namespace may not enter the one outside).
//
// The process's first thread is spared: Go parks it for ever instead of
// ending it, so it would hold a namespace until the process ends, and
// /proc/self/net shows its view.
func onThread(f func() error) (err error) {
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // no unlock: that is what ends the thread
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			err = onThread(f) // elsewhere, as this goroutine sits on the first thread
		} else {
			err = f()
		}
		returned = true
	}()
	<-done
	if !returned {
		runtime.Goexit() // as f did
	}
	return err
}

func newNS() (*NS, error) {
	var n *NS
	err := onThread(func() error {
		h, err := netns.New()
		if errors.Is(err, unix.EINVAL) {
			err = fmt.Errorf("%w; %w", err, ErrNotSupported) // a kernel without CONFIG_NET_NS
		}
		if err != nil {
			return opError("make a network namespace", err)
		}
		n = &NS{os.NewFile(uintptr(h), "network namespace")}
		lo, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.LinkSetUp(lo)
		}
		if err != nil {
			n.Close()
			return opError("set lo up in a new network namespace", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (n *NS) do(f func() error) error {
	return onThread(func() error {
		err := n.withFD(func(fd int) error { return netns.Set(netns.NsHandle(fd)) })
		if err != nil {
			return opError("enter a network namespace", err)
		}
		return f()
	})
}

// withFD holds the descriptor open while f uses it.
func (n *NS) withFD(f func(fd int) error) error {
	conn, err := n.f.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := conn.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return os.ErrClosed
	}
	return ferr
}

// start starts cmd on a thread that enter provides.
func start(enter func(func() error) error, cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil || cmd.SysProcAttr.Pdeathsig == 0 {
		return enter(cmd.Start)
	}
	started := make(chan error, 1)
	go func() {
		err := enter(func() error {
			if err := cmd.Start(); err != nil {
				return err
			}
			pid := cmd.Process.Pid
			started <- nil
			waitEnd(pid)
			return nil
		})
		if err != nil {
			started <- err
		}
	}()
	return <-started
}

// waitEnd blocks the thread until the child has ended, and leaves it to
// cmd.Wait to collect. ECHILD: that has happened already.
func waitEnd(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// opError says what was tried, and what the errno means for the caller.
func opError(op string, err error) error {
	var missing netlink.LinkNotFoundError
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("netlab: %s: %w", op, unix.ENODEV)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("netlab: %s: %w; %w", op, err, ErrNoPrivilege)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("netlab: %s: %w; %w", op, err, ErrNotSupported)
	}
	return fmt.Errorf("netlab: %s: %w", op, err)
}
