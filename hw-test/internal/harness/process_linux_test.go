package harness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

func ignoreTerm() { signal.Ignore(syscall.SIGTERM) }

// noRights is called as root of a user namespace. It forbids further ones and
// executes this program once more, as a root that may do nothing.
func noRights() {
	err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0)
	runtime.LockOSThread()
	for c := uintptr(0); err == nil && c <= unix.CAP_LAST_CAP; c++ {
		err = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	if err == nil {
		os.Setenv(faultEnv, "")
		err = syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, "give up all rights:", err)
	os.Exit(1)
}

// markEnv marks hw-test and all it starts, so that they can be found.
const markEnv = "RINGWALK_HWTEST_MARK"

// A test of hw-test as a process.
type hwtest struct {
	*exec.Cmd
	t      *testing.T
	mark   string
	stderr bytes.Buffer
	stdout *bufio.Reader
}

// command makes this test binary an hw-test, in a process group of its own
// like a shell's job.
func command(t *testing.T, args ...string) *hwtest {
	h := &hwtest{t: t, mark: fmt.Sprintf("%s=%s.%d", markEnv, t.Name(), os.Getpid())}
	h.Cmd = exec.Command("/proc/self/exe")
	h.Args = append([]string{"hw-test"}, args...)
	h.Env = append(os.Environ(), h.mark)
	h.Stderr = &h.stderr
	h.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return h
}

// asNobody takes all rights away.
func (h *hwtest) asNobody() {
	if os.Getuid() == 0 {
		h.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
}

func (h *hwtest) start() { h.startBy(netlab.Start) }

// startBy is start in a namespace: NS.Start.
func (h *hwtest) startBy(start func(*exec.Cmd) error) {
	out, err := h.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	h.stdout = bufio.NewReader(out)
	if err := start(h.Cmd); err != nil {
		if h.SysProcAttr.Credential != nil && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)) {
			testnet.Skip(h.t, "cannot become another user here: %v", err) // root of a user namespace
		}
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if h.ProcessState == nil {
			h.Process.Kill()
			h.Cmd.Wait()
		}
	})
}

// end waits for the end, returns what is left of stdout and the exit status,
// and checks that no process is left.
func (h *hwtest) end() (stdout string, status int) {
	h.t.Helper()
	rest, err := io.ReadAll(h.stdout)
	if err != nil {
		h.t.Error(err)
	}
	h.Cmd.Wait() // its error is the status
	eventually(h.t, "all its processes are gone", func() bool { return len(h.processes()) == 0 })
	return string(rest), h.ProcessState.ExitCode()
}

// processes finds all processes with the mark: name by pid.
func (h *hwtest) processes() map[int]string {
	found := make(map[int]string)
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		env, _ := os.ReadFile("/proc/" + d.Name() + "/environ")
		if bytes.Contains(append([]byte{0}, env...), []byte("\x00"+h.mark+"\x00")) {
			cmdline, _ := os.ReadFile("/proc/" + d.Name() + "/cmdline")
			name, _, _ := strings.Cut(string(cmdline), "\x00")
			found[pid] = name
		}
	}
	return found
}

// pid waits until a program runs.
func (h *hwtest) pid(name string) (pid int) {
	h.t.Helper()
	eventually(h.t, name+" runs", func() bool {
		for p, n := range h.processes() {
			if n == name {
				pid = p
			}
		}
		return pid != 0
	})
	return pid
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("10 s have passed before %s", what)
		}
	}
}

func needUserNS(t *testing.T) {
	if err := netlab.CanUserNS(); err != nil {
		testnet.Skip(t, "%v", err)
	}
}

// ignoresTerm looks SIGTERM up in a process's SigIgn, see proc(5).
func ignoresTerm(pid int) bool {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(b), "SigIgn:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.ParseUint(mask, 16, 64)
	return n&(1<<(syscall.SIGTERM-1)) != 0
}
