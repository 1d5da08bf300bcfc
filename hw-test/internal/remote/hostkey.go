package remote

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// hostKeys is what the known_hosts files say of one hop.
type hostKeys struct {
	hop *hop
	db  *knownhosts.HostKeyDB
	err error // of the last check
}

func readHostKeys(h *hop) (*hostKeys, error) {
	var there []string
	for _, f := range h.known {
		if _, err := os.Stat(f); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, f)
		}
	}
	db, err := knownhosts.NewDB(there...)
	if err != nil {
		return nil, fmt.Errorf("read the known host keys: %w", err)
	}
	return &hostKeys{hop: h, db: db}, nil
}

// address is what the files call the host.
func (k *hostKeys) address() string {
	if k.hop.alias != "" {
		return net.JoinHostPort(k.hop.alias, "22")
	}
	return net.JoinHostPort(k.hop.host, strconv.Itoa(k.hop.port))
}

// algorithms are those the host is known by: asked for another key of its
// own, a host would look like an impostor. Of an unknown host all will do.
func (k *hostKeys) algorithms() []string {
	return slices.DeleteFunc(k.db.HostKeyAlgorithms(k.address()), func(a string) bool {
		return a == ssh.KeyAlgoRSA // the one that signs by SHA-1; RSA keys have better ones
	})
}

// check is an ssh.HostKeyCallback.
func (k *hostKeys) check(address string, remote net.Addr, key ssh.PublicKey) error {
	k.err = k.explain(k.db.HostKeyCallback()(address, remote, key), knownhosts.Normalize(address), key)
	return k.err
}

func (k *hostKeys) explain(err error, name string, key ssh.PublicKey) error {
	shown := fmt.Sprintf("%s %s", key.Type(), ssh.FingerprintSHA256(key))
	var mismatch *xknownhosts.KeyError
	var revoked *xknownhosts.RevokedError
	switch {
	case errors.As(err, &revoked):
		return becausef(err, "%s shows the host key %s, which line %d of %s has revoked: do not connect to it, or remove the line",
			name, shown, revoked.Revoked.Line, revoked.Revoked.Filename)
	case !errors.As(err, &mismatch):
		return err
	case len(mismatch.Want) > 0:
		return changed(name, "it shows "+shown, mismatch.Want, err)
	}
	file, lines := "a known_hosts file", "there is no known_hosts file, so nothing"
	if len(k.hop.known) > 0 {
		file, lines = k.hop.known[0], "no line of "+strings.Join(k.hop.known, ", ")
	}
	return becausef(err, "the host key of %s is unknown: it shows %s, and %s is for it. "+
		"Compare the fingerprint with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "+
		"then connect once with ssh, or add the line that ssh-keyscan prints for it to %s",
		name, shown, lines, file)
}

// changed is about a host whose known keys are those of want.
func changed(name, now string, want []xknownhosts.KnownKey, err error) error {
	var known []string
	for _, w := range want {
		known = append(known, fmt.Sprintf("line %d of %s (%s %s)", w.Line, w.Filename, w.Key.Type(), ssh.FingerprintSHA256(w.Key)))
	}
	return becausef(err, "the host key of %s has CHANGED: %s, but known is %s. Somebody may be listening in between, "+
		"or the host was installed anew: ask who runs it, and only if so remove the old key with ssh-keygen -R '%[1]s' -f %[4]s",
		name, now, strings.Join(known, ", "), want[0].Filename)
}

// noCommonKey explains a failed negotiation of algorithms, if that was it: the
// host has no key of a type that it is known by.
func (k *hostKeys) noCommonKey(err error) error {
	negotiation, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err)
	if !ok || negotiation.What != "host key" || len(k.algorithms()) == 0 {
		return err
	}
	nobodys, keyErr := ssh.NewPublicKey(make(ed25519.PublicKey, ed25519.PublicKeySize))
	if keyErr != nil {
		return err
	}
	// Only the check of some key tells the lines.
	mismatch, ok := errors.AsType[*xknownhosts.KeyError](k.db.HostKeyCallback()(k.address(), &net.TCPAddr{}, nobodys))
	if !ok || len(mismatch.Want) == 0 {
		return err
	}
	return changed(knownhosts.Normalize(k.address()), fmt.Sprintf("it has only keys of the types %s", strings.Join(negotiation.RequestedAlgorithms, ", ")), mismatch.Want, err)
}
