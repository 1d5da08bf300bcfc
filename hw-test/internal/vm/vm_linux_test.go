package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// This test's binary is what hw-test's is otherwise: the guest's init, a
// program by another name, and hw-test itself.
func TestMain(m *testing.M) {
	if IsInit(os.Args[0]) {
		os.Exit(Init())
	}
	switch filepath.Base(os.Args[0]) {
	case "noise":
		n, _ := strconv.Atoi(os.Args[1])
		_, _ = os.Stdout.Write(noise(n))
		os.Exit(0)
	case "hw-test":
		status := 0
		cmd := Command(&status, "noise")
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.Execute(); err != nil {
			status = cli.Fail(os.Stderr, "hw-test", err)
		}
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// noise is n bytes, all values among them.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}

// The environment of the tests that boot a machine.
const (
	// envVM: boot machines; one that cannot be had is a failure then.
	envVM = "RINGWALK_VM"
	// envUML and envNetmap, envNetmapUML: what build-uml.sh and
	// build-netmap.sh made.
	envUML, envNetmap, envNetmapUML = "RINGWALK_UML", "RINGWALK_NETMAP", "RINGWALK_NETMAP_UML"
)

func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv(envVM) != "" {
		t.Fatalf(format+" ("+envVM+" is set)", args...)
	}
	t.Skipf(format, args...)
}

// onMachines runs a test with the flags for QEMU and for User-Mode Linux.
func onMachines(t *testing.T, test func(t *testing.T, flags ...string)) {
	if os.Getenv(envVM) == "" {
		t.Skipf("booting machines takes minutes: set %s to do it", envVM)
	}
	t.Run("qemu", func(t *testing.T) {
		if _, err := exec.LookPath(qemuName); err != nil {
			lacking(t, "this test needs QEMU: %v", err)
		}
		k, err := defaultKernel(bootDir, "")
		if err != nil {
			lacking(t, "this test needs a kernel: %v", err)
		}
		test(t, "--kernel", k)
	})
	t.Run("uml", func(t *testing.T) {
		if race {
			t.Skip("the race detector needs more address space than User-Mode Linux has")
		}
		k := os.Getenv(envUML)
		if k == "" {
			lacking(t, "this test needs a User-Mode-Linux kernel (scripts/build-uml.sh) in %s", envUML)
		}
		test(t, "--kernel", k)
	})
}

func runVM(t *testing.T, stdin string, args ...string) (status int, stdout, stderr []byte, err error) {
	t.Helper()
	o := options(t, args...)
	o.Programs = []string{"noise"}
	var out, errOut bytes.Buffer
	status, err = Run(context.Background(), o, strings.NewReader(stdin), &out, &errOut)
	return status, out.Bytes(), errOut.Bytes(), err
}

// TestOutput holds that output and status come through as they are, of
// builtins, of the binary's own programs and of included ones.
func TestMachineOutput(t *testing.T) {
	onMachines(t, func(t *testing.T, flags ...string) {
		bash, err := exec.LookPath("bash")
		if err != nil {
			lacking(t, "this test needs a program to include: %v", err)
		}
		const size = 1 << 18
		flags = append(flags, "--include", bash, "--run",
			"echo hello && noise "+strconv.Itoa(size)+" && veth a b && link wait a b && bash -c 'echo on $$ >&2; exit $((6*7))'")
		status, stdout, stderr, err := runVM(t, "", flags...)
		if err != nil {
			t.Fatal(err)
		}
		if status != 42 || !bytes.HasPrefix(stderr, []byte("on ")) {
			t.Errorf("status %d, standard error %q", status, stderr)
		}
		if want := append([]byte("hello\n"), noise(size)...); !bytes.Equal(stdout, want) {
			t.Errorf("%d bytes came out, not the %d that went in", len(stdout), len(want))
		}
	})
}

func TestMachineHang(t *testing.T) {
	onMachines(t, func(t *testing.T, flags ...string) {
		begin := time.Now()
		_, stdout, _, err := runVM(t, "", append(flags, "--timeout", "15s", "--run", "echo before; sleep 1000")...)
		if !errors.Is(err, os.ErrDeadlineExceeded) || cli.Status(err) != cli.ExitHarness || time.Since(begin) > 20*time.Second {
			t.Errorf("after %v: status %d, error %v", time.Since(begin), cli.Status(err), err)
		}
		wantError(t, err, "in time", "console")
		if strings.Contains(err.Error(), "the command in the guest") && string(stdout) != "before\n" {
			t.Errorf("the output before is %q", stdout)
		}
		nothingLeft(t, os.Getpid(), "")
	})
}

func TestMachinePanic(t *testing.T) {
	onMachines(t, func(t *testing.T, flags ...string) {
		_, stdout, _, err := runVM(t, "", append(flags, "--run", "echo before && sleep 1 && write /proc/sysrq-trigger c; echo after")...)
		wantError(t, err, "kernel panicked: sysrq triggered crash", "last lines:\n", "Call Trace")
		if !errors.Is(err, errNoStatus) || cli.Status(err) != cli.ExitHarness || string(stdout) != "before\n" {
			t.Errorf("status %d, output %q", cli.Status(err), stdout)
		}
		nothingLeft(t, os.Getpid(), "")
	})
}

// TestMachineInterrupt ends hw-test from outside, by ^C and by kill -9.
func TestMachineInterrupt(t *testing.T) {
	onMachines(t, func(t *testing.T, flags ...string) {
		for i, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
			memory := fmt.Sprint(517 + i) // to find the machine by
			cmd := exec.Command("/proc/self/exe", append(flags, "--mem", memory, "--run", "echo started; sleep 1000")...)
			cmd.Args[0] = "hw-test"
			tmp := t.TempDir()
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, len("started\n"))
			if _, err := io.ReadFull(stdout, b); err != nil || string(b) != "started\n" {
				_ = cmd.Process.Kill()
				t.Fatalf("it began with %q, %v: %v %s", b, err, cmd.Wait(), &stderr)
			}
			begin := time.Now()
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%v took %v", sig, took)
			}
			if status := cmd.ProcessState.ExitCode(); sig == syscall.SIGINT && status != cli.ExitInterrupted {
				t.Errorf("%v: status %d: %s", sig, status, &stderr)
			}
			nothingLeft(t, -1, memory)
			if sig == syscall.SIGINT {
				if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
					t.Errorf("%v left files: %v %v", sig, left, err)
				}
			}
		}
	})
}

// TestShell drives a shell by its terminal.
func TestMachineShell(t *testing.T) {
	onMachines(t, func(t *testing.T, flags ...string) {
		bash, err := exec.LookPath("bash")
		if err != nil {
			lacking(t, "this test needs a shell to include: %v", err)
		}
		flags = append(flags, "--include", bash, "--shell", "--run", "echo lab is set up")
		status, stdout, _, err := runVM(t, "test -t 0 && echo x$((6*7))x; exit 3\n", flags...)
		if err != nil || status != 3 || !bytes.Contains(stdout, []byte("x42x\r\n")) || !bytes.Contains(stdout, []byte("lab is set up\n")) ||
			!bytes.HasSuffix(stdout, []byte("exit\r\n")) {
			t.Errorf("status %d, error %v, output %q", status, err, stdout)
		}
		_, _, _, err = runVM(t, "sleep 1000\n\x1d", flags...)
		if cli.Status(err) != cli.ExitInterrupted {
			t.Errorf("Ctrl-] gives the status %d, error %v", cli.Status(err), err)
		}
		nothingLeft(t, os.Getpid(), "")
	})
}

// TestNetmap loads netmap's modules, and under QEMU has a pair of cards.
func TestMachineNetmap(t *testing.T) {
	onMachines(t, func(t *testing.T, flags ...string) {
		env, script := envNetmapUML, "exists /dev/netmap && cat /sys/module/netmap/parameters/ring_size"
		if strings.HasSuffix(t.Name(), "qemu") {
			env = envNetmap
			flags = []string{"--nics", "1"}
			script += " && link up eth0 eth1 && link wait eth0 eth1 && cat /sys/class/net/eth1/address"
		}
		dir := os.Getenv(env)
		if dir == "" {
			lacking(t, "this test needs netmap's modules (scripts/build-netmap.sh --out) in %s", env)
		}
		flags = append(flags, "--netmap", dir, "--param", "netmap.ring_size=65792")
		want := "65792\n"
		if env == envNetmap {
			want += "52:54:00:00:00:01\n"
		}
		status, stdout, stderr, err := runVM(t, "", append(flags, "--run", script)...)
		if status != 0 || err != nil || string(stdout) != want {
			t.Errorf("status %d, error %v, output %q, want %q; %s", status, err, stdout, want, stderr)
		}
	})
}

// nothingLeft fails if there is a machine among the processes: a child of the
// parent, or one whose command line has the memory size.
func nothingLeft(t *testing.T, parent int, memory string) {
	t.Helper()
	var left []string
	for range 50 { // the kernel kills within a moment
		left = left[:0]
		all, _ := filepath.Glob("/proc/[0-9]*")
		for _, p := range all {
			cmdline, _ := os.ReadFile(p + "/cmdline")
			stat, _ := os.ReadFile(p + "/stat")
			_, after, _ := strings.Cut(string(stat), ") ")
			words := strings.Fields(after)
			isChild := len(words) > 1 && words[1] == fmt.Sprint(parent)
			if isChild || memory != "" && bytes.Contains(cmdline, []byte("\x00mem="+memory+"M\x00")) ||
				memory != "" && bytes.Contains(cmdline, []byte("\x00-m\x00"+memory+"\x00")) {
				left = append(left, p+" "+string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("left behind: %q", left)
}
