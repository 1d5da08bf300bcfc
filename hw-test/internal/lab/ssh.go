package lab

import (
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
)

// Access says how the hosts of environment SSH are reached. Paths are from the
// lab file's directory; what is not said is as ssh's configuration has it.
type Access struct {
	Config     string            `json:"config,omitempty"` // instead of ssh's own files; "none" is no file
	KnownHosts []string          `json:"known_hosts,omitempty"`
	Identities []string          `json:"identities,omitempty"` // private key files
	Agent      string            `json:"agent,omitempty"`      // a socket, $VARIABLE or "none"
	CacheDir   string            `json:"cache_dir,omitempty"`  // on the hosts: where hw-test is put
	Binaries   map[string]string `json:"binaries,omitempty"`   // hw-test for other systems, by "linux/arm64"
	Timeout    time.Duration     `json:"timeout_ns,omitempty"` // to connect and log in, each hop; 0 is the default
	Silence    time.Duration     `json:"silence_ns,omitempty"` // after which a host counts as lost; 0 is the default

	files []file // of this host
}

// Remote is the same for package remote; a may be nil.
func (a *Access) Remote() *remote.Config {
	if a == nil {
		return &remote.Config{}
	}
	return &remote.Config{
		SSHConfig: a.Config, KnownHosts: a.KnownHosts, Identities: a.Identities, Agent: a.Agent,
		CacheDir: a.CacheDir, Binaries: a.Binaries, Timeout: a.Timeout, Silence: a.Silence,
	}
}

// A Host is one of the hosts of environment SSH. It is connected to once,
// however many nodes it has.
type Host struct {
	Name   string // as Node.Host has it
	Target remote.Target
	Nodes  []string // in the file's order
}

// Hosts are those of all nodes that have one, in the file's order.
func (l *Lab) Hosts() []Host {
	hosts := []Host{}
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if n.Host == "" {
			continue
		}
		at := slices.IndexFunc(hosts, func(h Host) bool { return h.Name == n.Host })
		if at < 0 {
			at, hosts = len(hosts), append(hosts, Host{Name: n.Host, Target: n.target()})
		}
		hosts[at].Nodes = append(hosts[at].Nodes, n.Name)
	}
	return hosts
}

// target is the node's host for package remote.
func (n *Node) target() remote.Target {
	t, _ := parseTarget(n.Host) // an error would have been Parse's
	switch {
	case len(n.Jump) == 1 && n.Jump[0] == none:
		t.Jump = []remote.Target{}
	case len(n.Jump) > 0:
		for _, s := range n.Jump {
			j, _ := parseTarget(s)
			t.Jump = append(t.Jump, j)
		}
	}
	return t
}

// parseTarget reads [user@]host[:port].
func parseTarget(s string) (remote.Target, error) {
	if len(s) > 300 || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsGraphic(c) || unicode.IsSpace(c) }) {
		return remote.Target{}, fmt.Errorf("%.40q is no host: [user@]host[:port]", s)
	}
	t, err := remote.ParseTarget(s)
	if err != nil {
		return t, err
	}
	if inner, ok := strings.CutPrefix(t.Host, "["); ok {
		t.Host = strings.TrimSuffix(inner, "]")
	}
	if _, err := netip.ParseAddr(t.Host); err != nil && strings.ContainsAny(t.Host, ":[]/@") || t.Host == "" {
		return t, fmt.Errorf("%.40q is no host: [user@]host[:port], with an IPv6 address and a port [user@][address]:port", s)
	}
	// No program would get it, but people copy such a line into a command.
	if strings.HasPrefix(t.Host, "-") || strings.HasPrefix(t.User, "-") {
		return t, fmt.Errorf("%.40q is no host: no name of a host or a user begins with -", s)
	}
	if strings.Contains(t.User, ":") {
		return t, fmt.Errorf("a user's name has no colon; %s", noSecrets)
	}
	return t, nil
}

// writeTarget is the one way to write a target.
func writeTarget(t remote.Target) string {
	s := t.Host
	if t.Port != 0 && strings.Contains(s, ":") {
		s = "[" + s + "]"
	}
	if t.Port != 0 {
		s += ":" + strconv.Itoa(t.Port)
	}
	if t.User != "" {
		s = t.User + "@" + s
	}
	return s
}

const (
	none      = "none"
	noSecrets = "a lab file has no place for secrets: log in by a key, and have an agent hold one that has a passphrase (ssh-add)"
)

// secret is what people call keys that are not for lab files.
var secret = regexp.MustCompile(`(?i)pass|secret|token|credential|^pin$`)

// target reads a host or a jump host.
func (r *reader) target(n *yaml.Node, what string) string {
	s := r.text(n, what)
	if s == "" {
		return ""
	}
	t, err := parseTarget(s)
	if err != nil {
		r.fail(at(n), "%s: %w", what, err)
		return ""
	}
	return writeTarget(t)
}

// jump reads the hosts on the way.
func (r *reader) jump(n *yaml.Node) []string {
	if n.Kind == yaml.ScalarNode && n.Value == none {
		return []string{none}
	}
	return r.several(n, "jump", func(v *yaml.Node) string { return r.target(v, "jump") })
}

// several reads one value or a list of them.
func (r *reader) several(n *yaml.Node, what string, one func(*yaml.Node) string) (all []string) {
	if n.Kind != yaml.SequenceNode {
		return []string{one(n)}
	}
	if len(n.Content) == 0 {
		r.fail(at(n), "%s is an empty list", what)
	}
	r.sequence(n, what, func(v *yaml.Node) { all = append(all, one(v)) })
	return all
}

// path reads the path of a file here; words are left as they are.
func (r *reader) path(n *yaml.Node, what string, words ...string) string {
	p := r.text(n, what)
	rest, atHome := strings.CutPrefix(p, "~/")
	switch {
	case p == "" || slices.Contains(words, p):
		return p
	case atHome:
		home, err := os.UserHomeDir()
		if err != nil {
			r.fail(at(n), "%s: %.60q begins at the home directory, which is not known: %w", what, p, err)
		}
		return filepath.Join(home, rest)
	case strings.HasPrefix(p, "~"):
		r.fail(at(n), "%s: %.60q begins in another home directory: write it out, or ~/ for your own", what, p)
	case !filepath.IsAbs(p):
		return filepath.Join(filepath.Dir(r.file), p)
	}
	return p
}

const (
	shortest = time.Second // a busy host is silent for a moment
	longest  = 10 * time.Minute
)

func (r *reader) duration(n *yaml.Node, what string) time.Duration {
	d, err := time.ParseDuration(r.text(n, what))
	if err != nil || d < shortest || d > longest {
		r.fail(at(n), "%s is a time from %v to %v, such as 30s, and not %s", what, shortest, longest, kind(n))
	}
	return d
}

// system is GOOS/GOARCH.
var system = regexp.MustCompile(`^[a-z0-9]{1,16}/[a-z0-9]{1,16}$`)

func (r *reader) access(n *yaml.Node) *Access {
	a := &Access{}
	here := func(v *yaml.Node, what string, words ...string) string {
		p := r.path(v, what, words...)
		if p != "" && !slices.Contains(words, p) {
			a.files = append(a.files, file{what, p, at(v)})
		}
		return p
	}
	files := func(to *[]string, what string) func(*yaml.Node) {
		return func(v *yaml.Node) {
			*to = r.several(v, what, func(v *yaml.Node) string { return here(v, what) })
		}
	}
	r.fields(n, "ssh",
		field{"config", func(v *yaml.Node) { a.Config = here(v, "config", none) }},
		field{"known_hosts", files(&a.KnownHosts, "known_hosts")},
		field{"identities", files(&a.Identities, "identities")},
		field{"agent", func(v *yaml.Node) {
			if a.Agent = v.Value; v.Kind != yaml.ScalarNode || !strings.HasPrefix(v.Value, "$") {
				a.Agent = r.path(v, "agent", none)
			}
		}},
		field{"cache_dir", func(v *yaml.Node) {
			a.CacheDir = r.text(v, "cache_dir")
			if !path.IsAbs(a.CacheDir) || strings.ContainsFunc(a.CacheDir, unicode.IsControl) {
				r.fail(at(v), "cache_dir is on the hosts and has to be an absolute path there, and is %s", kind(v))
			}
		}},
		field{"binaries", func(v *yaml.Node) {
			a.Binaries = map[string]string{}
			r.entries(v, "binaries", func(name string, k, v *yaml.Node) {
				if !system.MatchString(name) {
					r.fail(at(k), "%.40q is no system like linux/arm64 or freebsd/amd64", name)
				}
				a.Binaries[name] = here(v, "binaries")
			})
		}},
		field{"timeout", func(v *yaml.Node) { a.Timeout = r.duration(v, "timeout") }},
		field{"silence", func(v *yaml.Node) { a.Silence = r.duration(v, "silence") }},
	)
	return a
}

// checkHosts finds nodes whose host is missing, not wanted, or said in two ways.
func (l *Lab) checkHosts(r *reader) {
	type place struct {
		host string
		port int
	}
	seen := map[place]*Node{}
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if l.Environment != SSH {
			if n.Host != "" || n.Jump != nil {
				r.fail(n.hostAt, "node %s has host or jump, which are for environment ssh, and this is %s", n.Name, l.Environment)
			}
			continue
		}
		if n.Host == "" {
			l.checkHostless(r, n)
			continue
		}
		t := n.target()
		first := seen[place{t.Host, t.Port}]
		if first == nil {
			seen[place{t.Host, t.Port}] = n
			continue
		}
		if n.Host != first.Host || !slices.Equal(n.Jump, first.Jump) {
			r.fail(n.hostAt, "nodes %s and %s are on one host, %s, and reach it by another user or jump: "+
				"write both alike; if they are two hosts, give each a name in ssh's configuration", first.Name, n.Name, t.Host)
		}
	}
}

func (l *Lab) checkHostless(r *reader, n *Node) {
	switch {
	case n.Role == TG:
		r.fail(n.at, "node %s is a tg of environment ssh and has no host, like host: user@gen1", n.Name)
		return
	case n.Jump != nil:
		r.fail(n.hostAt, "node %s has a jump and no host", n.Name)
	}
	for _, p := range n.Ports {
		if p.Interface+p.PCI+p.MAC != "" {
			r.fail(p.at, "port %s.%s says which interface it is, and node %s has no host: give it one, or leave the interface out", n.Name, p.Name, n.Name)
		}
	}
}
