package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// identity is the keys to log in with.
type identity struct {
	signers []ssh.Signer
	tried   []string // where they are from, and which could not be had
	remedy  bool     // tried says what to do
	conn    net.Conn // to the agent, which signs; nil if there is none
}

// close lets go of the agent.
func (id *identity) close() {
	if id.conn != nil {
		id.conn.Close()
	}
}

// readIdentity collects the keys for a hop: those of files first, for a server
// counts attempts, and the agent may hold many.
func readIdentity(h *hop) (id *identity, err error) {
	id = &identity{}
	defer func() {
		if err != nil {
			id.close()
		}
	}()
	held, err := id.askAgent(h)
	if err != nil {
		return id, err
	}
	var missing []string
	for _, file := range h.identities {
		s, err := readKey(file, held)
		switch {
		case !h.given && errors.Is(err, fs.ErrNotExist):
			missing = append(missing, "no "+file)
			continue
		case err != nil && h.given:
			return id, err
		case err != nil:
			_, locked := errors.AsType[*ssh.PassphraseMissingError](err)
			id.tried, id.remedy = append(id.tried, err.Error()), id.remedy || locked
			continue
		}
		id.signers, id.tried = append(id.signers, s), append(id.tried, file)
	}
	if len(missing) == len(h.identities) {
		id.tried = append(id.tried, missing...)
	}
	if !h.only {
		for _, s := range held {
			if findSigner(id.signers, s.PublicKey()) == nil {
				id.signers = append(id.signers, s)
			}
		}
	}
	return id, nil
}

func (id *identity) askAgent(h *hop) ([]ssh.Signer, error) {
	if h.agent == "" {
		id.tried = append(id.tried, "no agent")
		return nil, nil
	}
	conn, err := net.Dial("unix", h.agent)
	if err != nil {
		id.tried = append(id.tried, fmt.Sprintf("no agent (%v)", err))
		return nil, nil
	}
	id.conn = conn
	held, err := agent.NewClient(conn).Signers()
	if err != nil {
		return nil, fmt.Errorf("ask the ssh agent at %s for its keys: %w", h.agent, err)
	}
	id.tried = append(id.tried, fmt.Sprintf("an agent with %d keys", len(held)))
	return held, nil
}

// readKey reads a private key. For one that is protected by a passphrase it
// takes the agent's.
func readKey(file string, held []ssh.Signer) (ssh.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read a private key: %w", err)
	}
	s, err := ssh.ParsePrivateKey(text)
	if public, _, _, _, pubErr := ssh.ParseAuthorizedKey(text); err != nil && pubErr == nil {
		// A public key stands for the private one of an agent, as with ssh.
		if s := findSigner(held, public); s != nil {
			return s, nil
		}
		return nil, fmt.Errorf("%s is a public key whose private one no agent holds: ssh-add it", file)
	}
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		if err != nil {
			err = fmt.Errorf("the private key %s: %w", file, err)
		}
		return s, err
	}
	public := locked.PublicKey
	if public == nil { // older formats do not have it inside
		if text, err := os.ReadFile(file + ".pub"); err == nil {
			public, _, _, _, _ = ssh.ParseAuthorizedKey(text)
		}
	}
	if public != nil {
		if s := findSigner(held, public); s != nil {
			return s, nil
		}
	}
	return nil, becausef(err, "the private key %s is protected by a passphrase, which hw-test does not ask for, "+
		"and no agent holds it: ssh-add %[1]s", file)
}

func findSigner(list []ssh.Signer, key ssh.PublicKey) ssh.Signer {
	for _, s := range list {
		if bytes.Equal(s.PublicKey().Marshal(), key.Marshal()) {
			return s
		}
	}
	return nil
}

// refused explains that no key was taken.
func (id *identity) refused(h *hop, err error) error {
	remedy := ". Put the public key into ~/.ssh/authorized_keys there (ssh-copy-id), or name the right private key"
	if id.remedy && len(id.signers) == 0 {
		remedy = ""
	}
	return becausef(err, "the host takes none of our keys for the user %s; tried: %s%s", h.user, strings.Join(id.tried, ", "), remedy)
}
