package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// hop is a Target with everything looked up.
type hop struct {
	name       string // the Target's
	host, user string
	port       int
	jump       []Target
	alias      string // HostKeyAlias, or ""
	known      []string
	identities []string
	given      bool   // the identities were asked for, so that a missing one is an error
	only       bool   // IdentitiesOnly
	agent      string // "" is none
}

// String is what whoever asked for it calls it.
func (h *hop) String() string {
	s := h.user + "@" + h.name
	if h.port != 22 {
		s += ":" + strconv.Itoa(h.port)
	}
	return s
}

// where is String with the address, if that is another.
func (h *hop) where() string {
	if h.host == h.name {
		return h.String()
	}
	return fmt.Sprintf("%v (%s)", h, h.host)
}

// sshConfig is ssh's configuration files, the one that wins first.
type sshConfig struct {
	names []string
	files []*ssh_config.Config
}

func readSSHConfig(name string) (*sshConfig, error) {
	var c sshConfig
	names := []string{name}
	switch name {
	case "none":
		return &c, nil
	case "":
		names = []string{atHome(".ssh/config"), "/etc/ssh/ssh_config"}
	}
	for _, n := range names {
		text, err := os.ReadFile(n)
		if name == "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read ssh's configuration: %w", err)
		}
		f, err := ssh_config.DecodeBytes(text)
		if err != nil {
			return nil, fmt.Errorf("ssh's configuration %s: %w; what is not supported can be left out by a file of its own for hw-test", n, err)
		}
		// The library reads "Include" only when asked, and says nothing where
		// one cannot be read. So does ssh.
		c.names, c.files = append(c.names, n), append(c.files, f)
	}
	return &c, nil
}

// all is every value of a keyword for an alias, the one that wins first.
func (c *sshConfig) all(alias, keyword string) ([]string, error) {
	var all []string
	for i, f := range c.files {
		v, err := f.GetAll(alias, keyword)
		if err != nil {
			return nil, fmt.Errorf("ssh's configuration %s: %s of %s: %w", c.names[i], keyword, alias, err)
		}
		all = append(all, v...)
	}
	return all, nil
}

// refused are keywords that are dangerous to ignore, with the values that do
// no harm.
var refused = []struct{ keyword, harmless string }{
	{"ProxyCommand", "none"}, {"RevokedHostKeys", "none"}, {"CanonicalizeHostname", "no"}, {"KnownHostsCommand", "none"},
}

// look looks t up.
func (c *sshConfig) look(t Target, conf *Config) (*hop, error) {
	values := map[string][]string{}
	for _, k := range []string{"HostName", "User", "Port", "IdentityFile", "IdentitiesOnly", "IdentityAgent",
		"ProxyJump", "HostKeyAlias", "UserKnownHostsFile", "GlobalKnownHostsFile"} {
		v, err := c.all(t.Host, k)
		if err != nil {
			return nil, err
		}
		values[k] = v
	}
	first := func(keyword, otherwise string) string {
		if v := values[keyword]; len(v) > 0 {
			return strings.Trim(v[0], `"`)
		}
		return otherwise
	}
	h := &hop{name: t.Host, port: t.Port, user: t.User, jump: t.Jump, alias: first("HostKeyAlias", ""), only: first("IdentitiesOnly", "no") == "yes"}
	for _, r := range refused {
		v, err := c.all(t.Host, r.keyword)
		if err != nil {
			return nil, err
		}
		// ProxyJump before ProxyCommand switches the latter off, as in ssh, and
		// so does a list of jump hosts.
		if len(v) == 0 || v[0] == r.harmless || r.keyword == "ProxyCommand" && (t.Jump != nil || values["ProxyJump"] != nil) {
			continue
		}
		return nil, fmt.Errorf("ssh's configuration (%s) has %s for %s, which hw-test does not do and must not ignore; use ProxyJump, or a file of its own for hw-test",
			strings.Join(c.names, ", "), r.keyword, t.Host)
	}
	if h.user == "" {
		h.user = first("User", userName())
	}
	if h.port == 0 {
		n, err := strconv.Atoi(first("Port", "22"))
		if err != nil {
			return nil, fmt.Errorf("ssh's configuration: Port of %s: %w", t.Host, err)
		}
		h.port = n
	}
	var err error
	if h.host, err = expand(first("HostName", t.Host), map[byte]string{'h': t.Host}); err != nil {
		return nil, fmt.Errorf("ssh's configuration: HostName of %s: %w", t.Host, err)
	}
	if err := h.lookJump(first("ProxyJump", "none")); err != nil {
		return nil, fmt.Errorf("ssh's configuration: ProxyJump of %s: %w", t.Host, err)
	}
	return h, h.lookFiles(values, first, conf)
}

func (h *hop) lookJump(proxyJump string) error {
	if h.jump != nil || strings.EqualFold(proxyJump, "none") {
		return nil
	}
	for s := range strings.SplitSeq(proxyJump, ",") {
		j, err := ParseTarget(strings.TrimSpace(s))
		if err != nil {
			return err
		}
		h.jump = append(h.jump, j)
	}
	return nil
}

// lookFiles looks up what is named by files.
func (h *hop) lookFiles(values map[string][]string, first func(keyword, otherwise string) string, conf *Config) error {
	tokens := map[byte]string{'h': h.host, 'r': h.user, 'u': userName(), 'd': atHome("")}
	paths := func(keyword string, list []string) ([]string, error) {
		var all []string
		for _, p := range list {
			p, err := expand(strings.Trim(p, `"`), tokens)
			if err != nil {
				return nil, fmt.Errorf("ssh's configuration: %s: %w", keyword, err)
			}
			if rest, ok := strings.CutPrefix(p, "~/"); ok {
				p = atHome(rest)
			}
			if p != "none" {
				all = append(all, p)
			}
		}
		return all, nil
	}
	h.known, h.identities = conf.KnownHosts, conf.Identities
	if h.known == nil {
		fields := strings.Fields(first("UserKnownHostsFile", "~/.ssh/known_hosts ~/.ssh/known_hosts2"))
		fields = append(fields, strings.Fields(first("GlobalKnownHostsFile", "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"))...)
		var err error
		if h.known, err = paths("UserKnownHostsFile", fields); err != nil {
			return err
		}
	}
	if h.identities == nil {
		var err error
		if h.identities, err = paths("IdentityFile", values["IdentityFile"]); err != nil {
			return err
		}
	}
	if h.given = conf.Identities != nil || len(values["IdentityFile"]) > 0; !h.given {
		h.identities = []string{atHome(".ssh/id_ed25519"), atHome(".ssh/id_ecdsa"), atHome(".ssh/id_rsa")}
	}
	if h.agent = conf.Agent; h.agent == "" {
		h.agent = first("IdentityAgent", "SSH_AUTH_SOCK")
	}
	switch rest, isVariable := strings.CutPrefix(h.agent, "$"); {
	case h.agent == "SSH_AUTH_SOCK":
		h.agent = os.Getenv(h.agent)
	case isVariable:
		h.agent = os.Getenv(strings.Trim(rest, "{}"))
	case h.agent == "none":
		h.agent = ""
	}
	list, err := paths("IdentityAgent", []string{h.agent})
	h.agent = strings.Join(list, "")
	return err
}

// expand replaces %x by its token and %% by %.
func expand(s string, tokens map[byte]string) (string, error) {
	var out bytes.Buffer
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", fmt.Errorf("%q ends in %%", s)
		}
		v, ok := tokens[s[i]]
		if s[i] == '%' {
			v, ok = "%", true
		}
		if !ok {
			return "", fmt.Errorf("%q has %%%c, which hw-test does not know here", s, s[i])
		}
		out.WriteString(v)
	}
	return out.String(), nil
}

// atHome is a path in this user's home directory.
func atHome(p string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	return filepath.Join(home, p)
}
