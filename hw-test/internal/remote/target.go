package remote

import (
	"fmt"
	"net"
	"os/user"
	"strconv"
	"strings"
	"time"
)

// A Target names a host.
type Target struct {
	Host string // a name, an address, or an alias of ssh's configuration
	User string // "" is what ssh's configuration says, else the name of this user
	Port int    // 0 is what ssh's configuration says, else 22
	// Jump are the hosts on the way, the first one first. Each is connected to
	// through the one before. nil is what ssh's configuration says, an empty
	// list is none.
	Jump []Target
}

// ParseTarget reads [user@]host[:port], as in ProxyJump.
func ParseTarget(s string) (t Target, err error) {
	rest := strings.TrimPrefix(s, "ssh://")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		t.User, rest = rest[:i], rest[i+1:]
	}
	t.Host = rest
	if host, port, err := net.SplitHostPort(rest); err == nil {
		t.Host = host
		if t.Port, err = strconv.Atoi(port); err != nil || t.Port < 1 || t.Port > 65535 {
			return t, fmt.Errorf("%q: the port %q is not a number from 1 to 65535", s, port)
		}
	}
	if t.Host == "" {
		return t, fmt.Errorf("%q names no host; write [user@]host[:port]", s)
	}
	return t, nil
}

// Config says how to reach hosts. nil and the zero value are the default.
type Config struct {
	// SSHConfig is a file to read instead of ~/.ssh/config and
	// /etc/ssh/ssh_config; "none" is no file.
	SSHConfig string
	// KnownHosts are the files with host keys. nil is what ssh's configuration
	// says, else ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.
	KnownHosts []string
	// Identities are private key files. nil is what ssh's configuration says,
	// else those of id_ed25519, id_ecdsa and id_rsa that are in ~/.ssh.
	Identities []string
	// Agent is the socket of an ssh agent. "" is what ssh's configuration says,
	// else $SSH_AUTH_SOCK; "none" is no agent.
	Agent string
	// Binaries are hw-test for hosts that are not like this one, by system and
	// architecture, such as "linux/arm64". For others it is this program.
	Binaries map[string]string
	// CacheDir is an absolute path on the host, where hw-test goes into a
	// directory of its own. "" is $XDG_CACHE_HOME or ~/.cache, and where that
	// does not work $TMPDIR or /tmp.
	CacheDir string
	// Timeout is for connecting and logging in, on each hop. 0 is 10 s.
	Timeout time.Duration
	// Silence is how long the other side may not be heard of before it counts
	// as lost: here the connection, on the host the programs, which are then
	// ended. 0 is 10 s.
	Silence time.Duration
}

const (
	defaultTimeout = 10 * time.Second
	defaultSilence = 10 * time.Second
)

// withDefaults is a copy without zero durations; c may be nil.
func (c *Config) withDefaults() *Config {
	var d Config
	if c != nil {
		d = *c
	}
	if d.Timeout == 0 {
		d.Timeout = defaultTimeout
	}
	if d.Silence == 0 {
		d.Silence = defaultSilence
	}
	return &d
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
