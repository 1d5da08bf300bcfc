package netlab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// helperEnv makes the test binary play another process.
const helperEnv = "RINGWALK_NETLAB_TEST_HELPER"

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		if err := helper(mode); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func helper(mode string) error {
	switch mode {
	case "inode": // which namespace am I in?
		fmt.Println(netInode())
	case "sleep":
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	case "hold": // a namespace joined to the one at fd 3
		n, err := newNS()
		if err != nil {
			return err
		}
		peer := &NS{os.NewFile(3, "peer")}
		if _, err := newPair(n, peer, nil); err != nil {
			return err
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	case "parent": // a child that is to die with this process
		cmd := helperCmd("sleep")
		cmd.Stdin, cmd.Stdout = os.Stdin, nil
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := Start(cmd); err != nil {
			return err
		}
		fmt.Println(cmd.Process.Pid)
		return cmd.Wait()
	case "can":
		if err := Can(); err != nil {
			return err
		}
		fmt.Println("can, as uid", os.Getuid())
	case "unprivileged": // no rights, and what a user namespace gives instead
		err := Can()
		if !errors.Is(err, ErrNoPrivilege) || !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("as uid %d Can gives %w", os.Getuid(), err)
		}
		if err := CanUserNS(); err != nil {
			return err
		}
		for _, mode := range []string{"can", "traffic"} {
			cmd := helperCmd(mode)
			if err := InUserNS(cmd); err != nil {
				return err
			}
			cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
			cmd.Stdout = os.Stdout
			if err := Start(cmd); err != nil {
				return err
			}
			if err := cmd.Wait(); err != nil {
				return fmt.Errorf("in the user namespace %s: %w", mode, err)
			}
		}
	case "traffic":
		if err := exchange(); err != nil {
			return err
		}
		fmt.Println("exchanged")
	case "denied":
		if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
			return err
		}
		err := CanUserNS()
		if !errors.Is(err, unix.ENOSPC) {
			return fmt.Errorf("with none allowed CanUserNS gives %w", err)
		}
		fmt.Println(err)
	default:
		return fmt.Errorf("no such mode %q", mode)
	}
	return nil
}

func helperCmd(mode string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+mode)
	cmd.Stderr = os.Stderr
	return cmd
}

// netInode identifies the calling thread's namespace.
func netInode() string {
	link, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return err.Error()
	}
	return link
}

// needRights skips where namespaces are not to be had. RINGWALK_NO_SKIP, set
// where they must be, turns that into a failure.
func needRights(t testing.TB) {
	t.Helper()
	err := Can()
	if err == nil {
		return
	}
	if os.Getenv("RINGWALK_NO_SKIP") == "" && (errors.Is(err, ErrNoPrivilege) || errors.Is(err, ErrNotSupported)) {
		t.Skip(err)
	}
	t.Fatal(err)
}

func testNS(t testing.TB) *NS {
	t.Helper()
	needRights(t)
	n, err := NewNS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func fdCount(t testing.TB) int { return entries(t, "/proc/self/fd") }

func threadCount(t testing.TB) int { return entries(t, "/proc/self/task") }

func entries(t testing.TB, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("%q lacks %q", text, w)
		}
	}
}
