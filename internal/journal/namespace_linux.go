package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("which boot this is cannot be found out (is /proc mounted?): %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// namespace asks a new socket, which is in the namespace of its thread.
func namespace() (string, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		var cookie uint64
		if cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE); err == nil {
			return fmt.Sprintf("c%d", cookie), nil
		}
	}
	if errors.Is(err, unix.ENOPROTOOPT) {
		var st unix.Stat_t
		if err = unix.Stat("/proc/thread-self/ns/net", &st); err == nil {
			return fmt.Sprintf("i%d", st.Ino), nil
		}
	}
	return "", fmt.Errorf("which network namespace this is cannot be found out: %w", err)
}

// inNamespace looks in the likely places first. Several places may show one
// namespace; each is entered once.
func inNamespace(name string, f func() error) error {
	here, err := namespace()
	if err != nil {
		return err
	}
	if here == name {
		return f()
	}
	seen := map[uint64]bool{}
	hidden := 0
	for _, pattern := range []string{"/run/netns/*", "/proc/[0-9]*/ns/net", "/proc/[0-9]*/task/[0-9]*/ns/net", "/proc/[0-9]*/fd/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if strings.Contains(pattern, "/fd/") {
				if to, _ := os.Readlink(path); !strings.HasPrefix(to, "net:[") {
					continue
				}
			}
			var st unix.Stat_t
			if err := unix.Stat(path, &st); err != nil {
				// Init may be out of reach for everyone, but nobody gives it a
				// namespace that no other process is in.
				if (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)) && !strings.HasPrefix(path, "/proc/1/") {
					hidden++
				}
				continue
			}
			if seen[st.Ino] {
				continue
			}
			seen[st.Ino] = true
			if found, err := tryNamespace(path, name, f); found {
				return err
			} else if err != nil {
				hidden++
			}
		}
	}
	if hidden > 0 {
		return fmt.Errorf("network namespace %s is not among those that this user may enter (needs root): %w", name, unix.EPERM)
	}
	return fmt.Errorf("network namespace %s: %w", name, ErrGone)
}

// tryNamespace runs f in the namespace at path if that is the one called name.
// The error is f's if it was found, else that of entering it.
func tryNamespace(path, name string, f func() error) (found bool, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENXIO) {
		return false, nil // its process has ended since, or it is no namespace
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	err = onThread(func() error {
		switch err := unix.Setns(fd, unix.CLONE_NEWNET); {
		case errors.Is(err, unix.EINVAL):
			return nil // a file in /run/netns without its namespace
		case err != nil:
			return err
		}
		if here, err := namespace(); err != nil || here != name {
			return err
		}
		found = true
		return f()
	})
	return found, err
}

// onThread runs f on a thread of its own, which ends with it. The process's
// first thread does not: Go would park it for ever, in the namespace.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			done <- onThread(f)
			return
		}
		done <- f()
	}()
	return <-done
}
