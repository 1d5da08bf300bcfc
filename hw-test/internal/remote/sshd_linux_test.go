package remote

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
)

// A lab dials from the controller's namespace.
type lab struct {
	*sshtest.Lab
	t *testing.T
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return &lab{sshtest.New(t), t}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// config trusts the servers and uses nothing of this machine's user.
func (l *lab) config(servers ...*sshtest.Server) *Config {
	l.t.Helper()
	return &Config{SSHConfig: "none", KnownHosts: []string{l.KnownHosts(servers...)}, Identities: []string{l.Identity}, Agent: "none", Timeout: 20 * time.Second, Grace: 2 * time.Second}
}

// dial connects from the controller's namespace.
func (l *lab) dial(t Target, c *Config) (h *Host, err error) {
	if t.User == "" {
		t.User = "root"
	}
	// An address is dialled on the calling thread, which is in the namespace.
	doErr := l.Here.Do(func() error { h, err = Dial(context.Background(), t, c); return nil })
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
