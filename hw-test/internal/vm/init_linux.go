package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

func initMain() int {
	if os.Getpid() == 1 && len(os.Args) > 1 && os.Args[1] == guardArg {
		return guard(os.Args[2:])
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: this is for the first process of a machine that hw-test vm has made")
		return 1
	}
	g, err := openGuest()
	if err != nil {
		// The host has nothing else to read it from.
		fmt.Fprintln(os.Stderr, "init:", err)
		return 1
	}
	if status, err := g.run(); err != nil {
		_ = g.channel.send(frameFailed, []byte(err.Error()))
	} else {
		_ = g.channel.send(frameExit, []byte{byte(status)})
	}
	for { // until the host ends the machine: the end of init would be a panic, as would a deadlock
		time.Sleep(time.Hour)
	}
}

// guest is the inside of the machine.
type guest struct {
	guestConfig
	line    *os.File // to the host
	channel *frameWriter
}

// openGuest mounts what everything needs, and opens the channel.
func openGuest() (*guest, error) {
	for _, m := range []struct{ kind, at, data string }{
		{"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"devtmpfs", "/dev", ""},
		{"tmpfs", "/run", "mode=755"}, {"tmpfs", "/tmp", "mode=1777"}, {"devpts", "/dev/pts", "ptmxmode=666"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return nil, err
		}
		err := unix.Mount(m.kind, m.at, m.kind, 0, m.data)
		if err != nil && m.kind != "devpts" { // only shells need it
			return nil, fmt.Errorf("mount %s on %s: %w", m.kind, m.at, err)
		}
	}
	text, err := os.ReadFile(configFile)
	if err != nil {
		return nil, err
	}
	g := &guest{}
	if err := json.Unmarshal(text, &g.guestConfig); err != nil {
		return nil, fmt.Errorf("read %s: %w", configFile, err)
	}
	fd, err := unix.Open(g.Channel, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the line %s to the host: %w", g.Channel, err)
	}
	if _, err := term.MakeRaw(fd); err != nil {
		return nil, fmt.Errorf("make the line %s to the host raw: %w", g.Channel, err)
	}
	g.line = os.NewFile(uintptr(fd), g.Channel)
	g.channel = &frameWriter{w: g.line}
	return g, g.channel.send(frameInit, nil)
}

// run does what the host asked for and returns the exit status.
func (g *guest) run() (status int, err error) {
	os.Clearenv()
	for _, e := range g.Env {
		name, value, _ := strings.Cut(e, "=")
		if err := os.Setenv(name, value); err != nil {
			return 0, err
		}
	}
	quietIPv6()
	for _, m := range g.Modules {
		if err := m.load(); err != nil {
			return 0, err
		}
	}
	if lo, err := netlink.LinkByName("lo"); err == nil {
		_ = netlink.LinkSetUp(lo) // who needs it will say so
	}
	if g.Busybox != "" {
		// It says what is there already, which is as it should be.
		_ = exec.Command(g.Busybox, "--install", "-s", "/bin").Run()
	}
	status, err = g.commands()
	if err == nil && g.Shell != nil {
		status, err = g.shell()
	}
	return status, err
}

// commands runs the script or the command. Everything in it writes to one pipe
// for standard output and one for standard error, as it would outside. What
// still runs in the background at the end is left behind: the host kills the
// machine.
func (g *guest) commands() (status int, err error) {
	jobs := []job{{steps: []step{{argv: g.Args}}}}
	switch {
	case len(g.Args) > 0:
	case g.Run == "":
		return 0, nil
	default:
		if jobs, err = parseScript(g.Run); err != nil {
			return 0, err
		}
	}
	var copied sync.WaitGroup
	var broken [2]error
	var readers, writers [2]*os.File
	for i, kind := range []byte{frameStdout, frameStderr} {
		if readers[i], writers[i], err = os.Pipe(); err != nil {
			return 0, fmt.Errorf("make a pipe: %w", err)
		}
		copied.Go(func() { broken[i] = g.copy(kind, readers[i]) })
	}
	r := &runner{stdout: writers[0], stderr: writers[1], running: newRunning()}
	go g.listen(r.running)
	status = r.run(jobs)
	for _, pipe := range readers {
		if err := pipe.SetReadDeadline(time.Now()); err != nil { // no end of file as long as there is a background
			return 0, err
		}
	}
	copied.Wait()
	return status, errors.Join(broken[:]...)
}

// listen waits for the host's word that the commands are to be interrupted.
func (g *guest) listen(r *running) {
	b := make([]byte, 1)
	for {
		if n, err := g.line.Read(b); err != nil {
			return
		} else if n == 1 && b[0] == interruptByte {
			r.interrupt()
		}
	}
}

// copy copies a pipe to the channel until the pipe's deadline, and then what is
// still in it, but not what comes later: the pipe holds no more than one frame.
func (g *guest) copy(kind byte, pipe *os.File) error {
	if err := g.channel.stream(kind, pipe); !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	line, err := pipe.SyscallConn()
	if err != nil {
		return err
	}
	buf := make([]byte, maxPayload)
	n := 0
	if err := line.Control(func(fd uintptr) { n, err = unix.Read(int(fd), buf) }); err != nil {
		return err
	}
	if err != nil || n <= 0 { // EAGAIN: it is empty
		return nil
	}
	return g.channel.send(kind, buf[:n])
}

// shell runs the shell on the console, as its controlling terminal.
func (g *guest) shell() (int, error) {
	tty, err := os.OpenFile(g.Console, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return 0, fmt.Errorf("open the console for the shell: %w", err)
	}
	defer tty.Close()
	if g.Rows > 0 {
		_ = unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(g.Rows), Col: uint16(g.Columns)})
	}
	if err := g.channel.send(frameShell, nil); err != nil {
		return 0, err
	}
	cmd := exec.Command(g.Shell[0], g.Shell[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Run()
	_ = unix.IoctlSetInt(int(tty.Fd()), unix.TCSBRK, 1) // tcdrain(3): all is out before the status
	if cmd.ProcessState == nil {
		return 0, fmt.Errorf("start the shell %s: %w", g.Shell[0], err)
	}
	return exitStatus(cmd.ProcessState), nil
}

// load loads the module by finit_module(2).
func (m *guestModule) load() error {
	f, err := os.Open(m.File)
	if err != nil {
		return fmt.Errorf("load the module %s: %w", m.Name, err)
	}
	defer f.Close()
	err = unix.FinitModule(int(f.Fd()), m.Params, 0)
	if err == nil || errors.Is(err, unix.EEXIST) {
		return nil
	}
	hint := ""
	switch {
	case errors.Is(err, unix.ENOEXEC):
		hint = " (it was built for another kernel)"
	case errors.Is(err, unix.ENOENT):
		hint = " (it uses a symbol that the kernel does not have, or does not know a parameter)"
	}
	log := strings.Split(strings.TrimSpace(kernelLog()), "\n")
	return fmt.Errorf("load the module %s with the parameters %q: %w%s; the kernel's log ends:\n  %s",
		m.Name, m.Params, err, hint, strings.Join(log[max(0, len(log)-5):], "\n  "))
}

// quietIPv6 turns IPv6 off for interfaces that come later. A kernel without it
// has no such file.
func quietIPv6() {
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
}

// kernelLog is all of the kernel's log, or why it is not.
func kernelLog() string {
	size, err := unix.Klogctl(unix.SYSLOG_ACTION_SIZE_BUFFER, nil)
	if err != nil {
		return err.Error()
	}
	buf := make([]byte, size)
	n, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, buf)
	if err != nil {
		return err.Error()
	}
	return string(buf[:n])
}
