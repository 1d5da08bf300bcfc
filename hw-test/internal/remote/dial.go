package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxHops bounds the jump hosts, which may name each other in circles.
const maxHops = 8

// Dial connects to t, over its jump hosts, looks at the host and puts hw-test
// there. The end of ctx ends Dial, and not the Host.
func Dial(ctx context.Context, t Target, conf *Config) (*Host, error) {
	c := conf.withDefaults()
	config, err := readSSHConfig(c.SSHConfig)
	if err != nil {
		return nil, err
	}
	route, err := config.route(t, c)
	if err != nil {
		return nil, err
	}
	h := &Host{name: route[len(route)-1].String(), config: c, gone: make(chan struct{})}
	for _, hop := range route {
		if err := h.connect(ctx, hop); err != nil {
			h.disconnect()
			return nil, err
		}
	}
	h.watch()
	err = h.probe(ctx)
	if err == nil {
		err = h.deploy(ctx)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// route is t behind its jump hosts, and the first of these behind its own.
func (c *sshConfig) route(t Target, conf *Config) ([]*hop, error) {
	var route []*hop
	ahead := []Target{t}
	for len(ahead) > 0 {
		if len(route)+len(ahead) > maxHops {
			return nil, fmt.Errorf("connect to %s: more than %d jump hosts; does ProxyJump lead in a circle?", t.Host, maxHops-1)
		}
		last := len(ahead) - 1
		h, err := c.look(ahead[last], conf)
		if err != nil {
			return nil, err
		}
		route = append([]*hop{h}, route...)
		if last == 0 {
			ahead = h.jump
			continue
		}
		ahead = ahead[:last]
	}
	return route, nil
}

// noAnswer is how long was waited for one.
type noAnswer time.Duration

func (n noAnswer) Error() string {
	return fmt.Sprintf("no answer within %v (is the host up, and the way to it open?)", time.Duration(n))
}

func (noAnswer) Unwrap() error { return context.DeadlineExceeded }

// unreached adds what to look at.
func unreached(err error) error {
	for errno, look := range map[syscall.Errno]string{
		syscall.ECONNREFUSED: "does sshd run there, and listen on this port?",
		syscall.ENETUNREACH:  "is the link up here, and is there a route?",
		syscall.EHOSTUNREACH: "is the host up, and the link to it?",
	} {
		if errors.Is(err, errno) {
			return fmt.Errorf("%w (%s)", err, look)
		}
	}
	return err
}

// connect makes the next connection, through the last one if there is one.
func (h *Host) connect(ctx context.Context, hop *hop) error {
	ctx, cancel := context.WithTimeoutCause(ctx, h.config.Timeout, noAnswer(h.config.Timeout))
	defer cancel()
	fail := func(err error) error {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // the error is that of a connection we closed
		}
		via := ""
		if n := len(h.hops); n > 0 {
			via = fmt.Sprintf(" through %v", h.hops[n-1])
		}
		if hop.String() != h.name {
			via += ", on the way to " + h.name
		}
		return fmt.Errorf("connect to %s%s: %w", hop.where(), via, err)
	}
	keys, err := readHostKeys(hop)
	if err != nil {
		return fail(err)
	}
	id, err := readIdentity(hop)
	if err != nil {
		return fail(err)
	}
	defer id.close()
	address := net.JoinHostPort(hop.host, strconv.Itoa(hop.port))
	var conn net.Conn
	if last := h.client(); last != nil {
		conn, err = last.DialContext(ctx, "tcp", address)
	} else {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		if refused, ok := errors.AsType[*ssh.OpenChannelError](err); ok && refused.Reason == ssh.Prohibited {
			err = fmt.Errorf("the jump host does not do that (is AllowTcpForwarding off there?): %w", err)
		}
		return fail(unreached(err))
	}
	h.conns = append(h.conns, conn)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, keys.address(), &ssh.ClientConfig{
		User:              hop.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(id.signers...)},
		HostKeyCallback:   keys.check,
		HostKeyAlgorithms: keys.algorithms(),
	})
	switch {
	case err == nil && stop():
		h.hops, h.clients = append(h.hops, hop), append(h.clients, ssh.NewClient(c, channels, requests))
		return nil
	case keys.err != nil:
		return fail(keys.err)
	case err != nil && strings.Contains(err.Error(), "unable to authenticate"): // has no type
		return fail(id.refused(hop, err))
	case err != nil:
		return fail(keys.noCommonKey(err))
	}
	return fail(context.Cause(ctx))
}
