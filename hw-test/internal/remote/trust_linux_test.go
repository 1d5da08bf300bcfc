package remote

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
)

func TestHostKeys(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.Serve("a", "")
	target := Target{Host: s.Address}
	fingerprint := ssh.FingerprintSHA256(s.HostKey)

	t.Run("unknown", func(t *testing.T) {
		c := l.config()
		_, err := l.dial(target, c)
		wants(t, err, "connect to root@10.9.1.2: the host key of 10.9.1.2 is unknown", fingerprint, c.KnownHosts[0], "ssh-keygen -lf", "ssh-keyscan")
		if !knownhosts.IsHostUnknown(err) {
			t.Error("it does not wrap the library's error")
		}
	})
	t.Run("no file", func(t *testing.T) {
		c := l.config()
		c.KnownHosts = []string{filepath.Join(l.Dir, "nosuch")}
		_, err := l.dial(target, c)
		wants(t, err, "is unknown", c.KnownHosts[0])
	})
	t.Run("changed", func(t *testing.T) {
		other := *s
		other.HostKey = sshtest.NewKey(t, filepath.Join(l.Dir, "other"), "")
		c := l.config(&other)
		_, err := l.dial(target, c)
		wants(t, err, "the host key of 10.9.1.2 has CHANGED", "it shows ssh-ed25519 "+fingerprint,
			"line 1 of "+c.KnownHosts[0], ssh.FingerprintSHA256(other.HostKey), "ssh-keygen -R '10.9.1.2' -f "+c.KnownHosts[0])
		if !knownhosts.IsHostKeyChanged(err) {
			t.Error("it does not wrap the library's error")
		}
	})
	t.Run("another type", func(t *testing.T) {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		other := *s
		if other.HostKey, err = ssh.NewPublicKey(private.Public()); err != nil {
			t.Fatal(err)
		}
		_, err = l.dial(target, l.config(&other))
		wants(t, err, "has CHANGED: it has only keys of the types ssh-ed25519, but known is line 1 of", ssh.FingerprintSHA256(other.HostKey))
		// With both there the one that fits is asked for.
		l.mustDial(target, l.config(&other, s)).Close()
	})
	t.Run("revoked", func(t *testing.T) {
		c := l.config(s)
		text, _ := os.ReadFile(c.KnownHosts[0])
		write(t, c.KnownHosts[0], string(text)+"@revoked "+string(text))
		_, err := l.dial(target, c)
		wants(t, err, "which line 2 of "+c.KnownHosts[0]+" has revoked")
	})
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.Serve("a", "")
	target := Target{Host: s.Address}

	t.Run("refused", func(t *testing.T) {
		c := l.config(s)
		c.Identities = []string{filepath.Join(l.Dir, "stranger")}
		sshtest.NewKey(t, c.Identities[0], "")
		_, err := l.dial(target, c)
		wants(t, err, "connect to root@10.9.1.2: the host takes none of our keys for the user root",
			"no agent", c.Identities[0], "authorized_keys")
	})
	t.Run("missing", func(t *testing.T) {
		c := l.config(s)
		c.Identities = []string{filepath.Join(l.Dir, "nosuch")}
		_, err := l.dial(target, c)
		wants(t, err, c.Identities[0])
		if !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})
	t.Run("passphrase", func(t *testing.T) {
		locked := filepath.Join(l.Dir, "locked")
		pub := sshtest.NewKey(t, locked, "secret")
		write(t, filepath.Join(s.Dir, "authorized_keys"), string(ssh.MarshalAuthorizedKey(pub)))
		c := l.config(s)
		c.Identities = []string{locked}
		_, err := l.dial(target, c)
		wants(t, err, "the private key "+locked+" is protected by a passphrase", "ssh-add "+locked)
		// With the agent it works, whether or not the file is named.
		text, _ := os.ReadFile(locked)
		key, err := ssh.ParseRawPrivateKeyWithPassphrase(text, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		c.Agent = serveAgent(t, key)
		l.mustDial(target, c).Close()
		c.Identities = []string{}
		l.mustDial(target, c).Close()
		c.Identities = []string{locked + ".pub"}
		write(t, locked+".pub", string(ssh.MarshalAuthorizedKey(pub)))
		l.mustDial(target, c).Close()
		c.Agent = "none"
		_, err = l.dial(target, c)
		wants(t, err, locked+".pub is a public key whose private one no agent holds")
	})
}

// TestNoKey: what there is to log in with is named, and the remedy for that.
func TestNoKey(t *testing.T) {
	dir := t.TempDir()
	h := &hop{name: "gen", host: "gen", user: "u", port: 22, identities: []string{filepath.Join(dir, "id_a"), filepath.Join(dir, "id_b")}}
	refused := func() error {
		t.Helper()
		id, err := readIdentity(h)
		if err != nil {
			t.Fatal(err)
		}
		return id.refused(h, syscall.EACCES)
	}
	wants(t, refused(), "for the user u; tried: no agent, no "+h.identities[0]+", no "+h.identities[1]+". Put the public key into")
	sshtest.NewKey(t, h.identities[1], "secret")
	err := refused()
	wants(t, err, "is protected by a passphrase", "ssh-add "+h.identities[1])
	if !errors.Is(err, syscall.EACCES) || strings.Contains(err.Error(), "authorized_keys") || strings.Contains(err.Error(), h.identities[0]) {
		t.Error(err)
	}
}

// serveAgent is an ssh agent that holds one key.
func serveAgent(t *testing.T, key any) (socket string) {
	t.Helper()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "agent") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, conn)
		}
	}()
	return socket
}

// TestJump reaches a host that only the jump host can reach, by an alias.
func TestJump(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	jump := l.Serve("jump", "")
	b := l.ServeBehind(jump.NS, "b", "")
	c := l.config(jump, b)
	c.SSHConfig = filepath.Join(l.Dir, "ssh_config")
	write(t, c.SSHConfig, strings.NewReplacer("JUMP", jump.Address, "B", b.Address, "ID", l.Identity, "KNOWN", c.KnownHosts[0]).Replace(`
Host gen
	HostName B
	ProxyJump door
Host door
	HostName JUMP
Host *
	User root
	IdentityFile ID
	UserKnownHostsFile KNOWN
`))
	c.KnownHosts, c.Identities = nil, nil
	h := l.mustDial(Target{Host: "gen"}, c)
	if !strings.HasPrefix(h.path, b.Home) {
		t.Errorf("hw-test is in %s", h.path)
	}
	stdout, _, status, err := launch(t, h, t.Context(), "play-exit", "3")
	if err != nil || status != 3 || stdout != "to stdout\n" {
		t.Errorf("%q, status %d, %v", stdout, status, err)
	}
	wait := starts(t, h, t.Context(), "play-stay", token("jump"))
	if err := jump.KillSessions(); err != nil {
		t.Fatal(err)
	}
	if _, err := wait(); !errors.Is(err, ErrLost) {
		t.Errorf("without the jump host: %v", err)
	}
	within(t, 10*time.Second, "without the program on the host", func() bool { return len(processes(token("jump"))) == 0 })

	// What fails on the way or behind the jump host says so.
	c.KnownHosts = []string{l.KnownHosts(jump)}
	_, err = l.dial(Target{Host: "gen"}, c)
	wants(t, err, "connect to root@gen ("+b.Address+") through root@door: the host key of "+b.Address+" is unknown")
	c.KnownHosts = []string{l.KnownHosts(b)}
	_, err = l.dial(Target{Host: "gen"}, c)
	wants(t, err, "connect to root@door ("+jump.Address+"), on the way to root@gen: the host key of "+jump.Address+" is unknown")
	c = l.config(jump)
	_, err = l.dial(Target{Host: b.Address, Jump: []Target{{Host: jump.Address, User: "root"}}}, c)
	wants(t, err, "connect to root@10.9.2.2 through root@10.9.1.2: the host key of 10.9.2.2 is unknown")
	_, err = l.dial(Target{Host: b.Address, Jump: []Target{{Host: jump.Address, User: "root"}}, Port: 1}, l.config(jump))
	wants(t, err, "connect to root@10.9.2.2:1 through root@10.9.1.2: ", "Connection refused")
}

// TestDialTimes: a port where nobody speaks ssh holds Dial up for its timeout.
func TestDialTimes(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	target := Target{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port}
	c := &Config{SSHConfig: "none", KnownHosts: []string{}, Identities: []string{}, Agent: "none", Timeout: 100 * time.Millisecond}
	_, err = Dial(context.Background(), target, c)
	wants(t, err, "connect to", "no answer within 100ms (is the host up, ")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	c.Timeout = time.Minute
	if _, err := Dial(ctx, target, c); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
