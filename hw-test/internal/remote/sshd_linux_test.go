package remote

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// A server is a host with an sshd of its own, in namespaces of its own: of the
// network, of mounts and of processes. With the sshd all its processes end.
type server struct {
	ns      *netlab.NS
	address string
	dir     string // its files: host key, configuration, home
	home    string
	key     ssh.PublicKey
	cmd     *exec.Cmd
}

// A lab is the controller's namespace and its keys.
type lab struct {
	t    *testing.T
	dir  string
	here *netlab.NS
	id   string // a private key that every server takes
	pub  ssh.PublicKey
}

func newLab(t *testing.T) *lab {
	t.Helper()
	here := testnet.NS(t) // skips where there are no rights
	testnet.NeedTool(t, "/usr/sbin/sshd")
	l := &lab{t: t, dir: t.TempDir(), here: here}
	// Users of the hosts are let in.
	for _, dir := range []string{filepath.Dir(l.dir), l.dir} {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	l.id = filepath.Join(l.dir, "id")
	l.pub = newKey(t, l.id, "")
	return l
}

// newKey writes a new private key.
func newKey(t *testing.T, file, passphrase string) ssh.PublicKey {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(pem.EncodeToMemory(block)))
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve starts a host that is joined to from by a veth pair. setup are shell
// commands in its mount namespace, where $HOME is the user's home.
func (l *lab) serve(name string, from *netlab.NS, net byte, setup string) *server {
	l.t.Helper()
	s := &server{ns: testnet.NS(l.t), dir: filepath.Join(l.dir, name)}
	prefix := func(last byte) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, net, last}), 24)
	}
	_, err := netlab.NewPair(from, s.ns, &netlab.PairOptions{NameA: "to-" + name, NameB: "eth0",
		AddrsA: []netip.Prefix{prefix(1)}, AddrsB: []netip.Prefix{prefix(2)}})
	if err != nil {
		l.t.Fatal(err)
	}
	s.address, s.home = prefix(2).Addr().String(), filepath.Join(s.dir, "home")
	if err := os.MkdirAll(s.home, 0o711); err != nil {
		l.t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(s.dir, name) }
	s.key = newKey(l.t, file("host_key"), "")
	write(l.t, file("authorized_keys"), string(ssh.MarshalAuthorizedKey(l.pub)))
	// bash reads ~/.bashrc for sshd, and that prints: it must not disturb.
	write(l.t, filepath.Join(s.home, ".bashrc"), "echo welcome; printf without-newline\n")
	write(l.t, file("passwd"), "root:x:0:0::"+s.home+":/bin/bash\ntester:x:1000:1000::"+s.home+":/bin/sh\nsshd:x:105:65534::/run/sshd:/usr/sbin/nologin\n")
	write(l.t, file("shadow"), "root:*:20000:0:99999:7:::\ntester:*:20000:0:99999:7:::\n")
	for _, name := range []string{"passwd", "authorized_keys"} {
		if err := os.Chmod(file(name), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	// With the race detector every process would sleep a second at its end.
	write(l.t, file("config"), fmt.Sprintf(`
SetEnv GORACE=atexit_sleep_ms=0
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
StrictModes no
UseDNS no
PasswordAuthentication no
`, file("host_key"), file("authorized_keys")))
	s.cmd = exec.Command("/bin/sh", "-ec", `
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount -t tmpfs tmpfs /run
mkdir /run/sshd
mount -t proc proc /proc
HOME=$1/home
`+setup+`
exec /usr/sbin/sshd -D -e -f "$1/config"`, "sh", s.dir)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	said, err := s.cmd.StderrPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := s.ns.Start(s.cmd); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	})
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
	return s
}

// config trusts the servers and uses nothing of this machine's user.
func (l *lab) config(servers ...*server) *Config {
	known := ""
	for _, s := range servers {
		known += knownhosts.Line([]string{s.address}, s.key) + "\n"
	}
	f, err := os.CreateTemp(l.dir, "known")
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	io.WriteString(f, known)
	return &Config{SSHConfig: "none", KnownHosts: []string{f.Name()}, Identities: []string{l.id}, Agent: "none", Timeout: 20 * time.Second}
}

// dial connects from the controller's namespace.
func (l *lab) dial(t Target, c *Config) (h *Host, err error) {
	if t.User == "" {
		t.User = "root"
	}
	// An address is dialled on the calling thread, which is in the namespace.
	doErr := l.here.Do(func() error { h, err = Dial(context.Background(), t, c); return nil })
	if doErr != nil {
		l.t.Fatal(doErr)
	}
	if h != nil {
		l.t.Cleanup(func() { h.Close() })
	}
	return h, err
}

func (l *lab) mustDial(t Target, c *Config) *Host {
	l.t.Helper()
	h, err := l.dial(t, c)
	if err != nil {
		l.t.Fatal(err)
	}
	return h
}

// token is an argument that no other run of these tests has.
func token(name string) string { return name + "-" + strconv.Itoa(os.Getpid()) }

// processes are those that have token as an argument, in any namespace below.
func processes(token string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for arg := range bytes.SplitSeq(text, []byte{0}) {
			if string(arg) == token {
				pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

// within waits for a condition.
func within(t *testing.T, d time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(d); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v: not %s", d, what)
		}
	}
}

// wants checks that an error says all that.
func wants(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%v\nlacks %q", err, s)
		}
	}
}
