package sshtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// A Lab is the controller's side: its namespace and its keys.
type Lab struct {
	Here     *netlab.NS
	Dir      string        // for files; a server's are below, in one of its name
	Identity string        // the file of a private key that every server takes
	Key      ssh.PublicKey // of Identity

	t    testing.TB
	nets byte // used so far
}

// New makes a lab without servers. Where there is no right to or no sshd, it
// ends the test as package testnet does.
func New(t testing.TB) *Lab {
	t.Helper()
	here := testnet.NS(t)
	testnet.NeedTool(t, sshd)
	l := &Lab{t: t, Dir: t.TempDir(), Here: here}
	// Users of the hosts are let in.
	for _, dir := range []string{filepath.Dir(l.Dir), l.Dir} {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	l.Identity = filepath.Join(l.Dir, "id")
	l.Key = NewKey(t, l.Identity, "")
	return l
}

// NewKey writes a new private key; a passphrase of "" is none.
func NewKey(t testing.TB, file, passphrase string) ssh.PublicKey {
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

// KnownHosts writes a new file that holds the servers' host keys, and returns
// its name.
func (l *Lab) KnownHosts(servers ...*Server) string {
	l.t.Helper()
	f, err := os.CreateTemp(l.Dir, "known_hosts")
	if err != nil {
		l.t.Fatal(err)
	}
	f.Close()
	var known strings.Builder
	for _, s := range servers {
		known.WriteString(knownhosts.Line([]string{s.Address}, s.HostKey) + "\n")
	}
	write(l.t, f.Name(), known.String())
	return f.Name()
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
