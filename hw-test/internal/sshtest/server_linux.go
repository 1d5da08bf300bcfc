package sshtest

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// sshd takes itself for an absolute path only.
const sshd = "/usr/sbin/sshd"

// A Server is a host with an sshd of its own. It has the users root and tester,
// whose number is 1000 and who may do nothing; both have the same home, and
// Lab.Identity logs in as either.
type Server struct {
	NS      *netlab.NS
	Address string
	Link    string // the interface of where it was joined to, that leads here
	Dir     string // its files: configuration, keys, authorized_keys
	Home    string
	Tmp     string // what $TMPDIR is there
	HostKey ssh.PublicKey

	cmd *exec.Cmd
}

// Serve starts a host that is joined to Here by a veth pair: the first one by
// the network 10.9.1.0/24, where its address is 10.9.1.2. setup are shell
// commands in its mount namespace, where $HOME and $TMPDIR are the host's.
func (l *Lab) Serve(name, setup string) *Server {
	l.t.Helper()
	return l.ServeBehind(l.Here, name, setup)
}

// ServeBehind is Serve for a host that only what is in from can reach, such as
// another server's NS.
func (l *Lab) ServeBehind(from *netlab.NS, name, setup string) *Server {
	l.t.Helper()
	s := &Server{NS: testnet.NS(l.t), Link: "to-" + name, Dir: filepath.Join(l.Dir, name)}
	l.nets++
	prefix := func(last byte) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, l.nets, last}), 24)
	}
	_, err := netlab.NewPair(from, s.NS, &netlab.PairOptions{NameA: s.Link, NameB: "eth0",
		AddrsA: []netip.Prefix{prefix(1)}, AddrsB: []netip.Prefix{prefix(2)}})
	if err != nil {
		l.t.Fatal(err)
	}
	s.Address, s.Home = prefix(2).Addr().String(), filepath.Join(s.Dir, "home")
	if err := os.MkdirAll(s.Home, 0o711); err != nil {
		l.t.Fatal(err)
	}
	s.Tmp = filepath.Join(s.Dir, "tmp")
	if err := errors.Join(os.Mkdir(s.Tmp, 0), os.Chmod(s.Tmp, os.ModeSticky|0o777)); err != nil {
		l.t.Fatal(err)
	}
	l.configure(s)
	s.cmd = exec.Command("/bin/sh", "-ec", `
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount -t tmpfs tmpfs /run
mkdir /run/sshd
mount -t proc proc /proc
mount -t sysfs sysfs /sys
HOME=$1/home TMPDIR=$1/tmp
`+setup+`
exec `+sshd+` -D -e -f "$1/config"`, "sh", s.Dir)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	l.start(s)
	return s
}

// configure writes the server's files.
func (l *Lab) configure(s *Server) {
	l.t.Helper()
	file := func(name string) string { return filepath.Join(s.Dir, name) }
	s.HostKey = NewKey(l.t, file("host_key"), "")
	write(l.t, file("authorized_keys"), string(ssh.MarshalAuthorizedKey(l.Key)))
	// bash reads ~/.bashrc for sshd, and that prints: it must not disturb.
	write(l.t, filepath.Join(s.Home, ".bashrc"), "echo welcome; printf without-newline\n")
	write(l.t, file("passwd"), "root:x:0:0::"+s.Home+":/bin/bash\ntester:x:1000:1000::"+s.Home+":/bin/sh\nsshd:x:105:65534::/run/sshd:/usr/sbin/nologin\n")
	write(l.t, file("shadow"), "root:*:20000:0:99999:7:::\ntester:*:20000:0:99999:7:::\n")
	for _, name := range []string{"passwd", "authorized_keys"} {
		if err := os.Chmod(file(name), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	// With the race detector every process would sleep a second at its end.
	write(l.t, file("config"), fmt.Sprintf(`
SetEnv GORACE=atexit_sleep_ms=0 TMPDIR=%s
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
StrictModes no
UseDNS no
PasswordAuthentication no
`, s.Tmp, file("host_key"), file("authorized_keys")))
}

// start starts sshd and waits until it listens.
func (l *Lab) start(s *Server) {
	l.t.Helper()
	said, err := s.cmd.StderrPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := s.NS.Start(s.cmd); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(s.Kill)
	ready := make(chan string, 1)
	go func() {
		var log strings.Builder
		for in := bufio.NewScanner(said); in.Scan(); {
			fmt.Fprintln(&log, in.Text())
			if strings.Contains(in.Text(), "Server listening on 0.0.0.0") {
				ready <- ""
			}
		}
		select {
		case ready <- log.String():
		default:
		}
	}()
	select {
	case log := <-ready:
		if log != "" {
			l.t.Fatalf("sshd did not start: %s", log)
		}
	case <-time.After(10 * time.Second):
		l.t.Fatal("sshd does not listen after 10 s")
	}
}

// Kill ends the host as kill -9 does: sshd and with it all its processes.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// KillSessions kills what of sshd serves connections. All that runs goes on,
// and new connections are taken.
func (s *Server) KillSessions() error {
	pid := strconv.Itoa(s.cmd.Process.Pid)
	children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		return err
	}
	for child := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(child); err == nil && isSSHD(arguments(n)) {
			syscall.Kill(n, syscall.SIGKILL)
		}
	}
	return nil
}

// Path is a file of the host, whose mounts are not ours.
func (s *Server) Path(file string) string {
	return fmt.Sprintf("/proc/%d/root%s", s.cmd.Process.Pid, file)
}

// A Process runs on a host.
type Process struct {
	PID  int // here
	Args []string
}

// Processes are all that run on the host, except sshd.
func (s *Server) Processes() (list []Process) {
	space := func(pid int) string {
		name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
		return name
	}
	there := space(s.cmd.Process.Pid)
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if args := arguments(pid); len(args) > 0 && !isSSHD(args) && there != "" && space(pid) == there {
			list = append(list, Process{pid, args})
		}
	}
	return list
}

// arguments are none for a process that has ended.
func arguments(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

func isSSHD(args []string) bool {
	return len(args) > 0 && (strings.HasPrefix(args[0], "sshd") || args[0] == sshd)
}
