package remote

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// ErrLost is of a connection that ended by itself. What ran over it ends on
// the host, too.
var ErrLost = errors.New("the connection was lost")

// A Host is a host that Dial has connected to. Its methods may be called from
// several goroutines at once.
type Host struct {
	name    string // user@host, for errors
	config  *Config
	hops    []*hop
	conns   []net.Conn    // of each hop, the first of them the only socket
	clients []*ssh.Client // of each hop
	facts   Facts
	path    string   // of hw-test there
	copied  bool     // it was not there before
	removed []string // copies that had to make room for it

	once  sync.Once
	gone  chan struct{} // closed when the connection has ended
	cause error         // why; there when gone is closed
	tasks sync.WaitGroup
}

func (h *Host) client() *ssh.Client {
	if n := len(h.clients); n > 0 {
		return h.clients[n-1]
	}
	return nil
}

// Close ends the connection and with it what runs over it, and waits until
// nothing is written any more to what Launcher was given. Further calls do
// nothing.
func (h *Host) Close() error {
	h.fail(net.ErrClosed)
	h.tasks.Wait()
	return nil
}

// fail ends the connection for a reason, unless it has ended already.
func (h *Host) fail(cause error) {
	h.once.Do(func() {
		h.cause = fmt.Errorf("%w (%s): %w", ErrLost, h.name, cause)
		if cause == net.ErrClosed {
			h.cause = fmt.Errorf("the connection to %s: %w", h.name, cause)
		}
		close(h.gone)
		h.disconnect()
	})
}

// disconnect closes the one socket first: what waits to be written to it would
// hold up closing the connections within.
func (h *Host) disconnect() {
	for _, c := range h.conns {
		c.Close()
	}
	for _, c := range h.clients {
		c.Close()
	}
}

// watch notices the end of the connection, also when the other side is silent.
func (h *Host) watch() {
	h.tasks.Go(func() {
		err := cmp.Or(h.client().Wait(), io.EOF)
		if err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
			err = fmt.Errorf("it was closed there (did sshd stop, or the host?): %w", err)
		}
		h.fail(err)
	})
	h.tasks.Go(func() {
		answers := make(chan error, 1)
		for {
			go func() {
				// Refused is an answer, too.
				_, _, err := h.client().SendRequest("keepalive@openssh.com", true, nil)
				answers <- err
			}()
			select {
			case <-answers:
			case <-h.gone:
				return
			case <-time.After(h.config.Silence):
				h.fail(fmt.Errorf("the host has not answered for %v (is it up, and the way to it open?)", h.config.Silence))
				return
			}
			select {
			case <-time.After(h.config.Silence / 10):
			case <-h.gone:
				return
			}
		}
	})
}

// lost waits for the reason of an end that was noticed elsewhere; nil if the
// connection is still there.
func (h *Host) lost() error {
	select {
	case <-h.gone:
		return h.cause
	case <-time.After(500 * time.Millisecond):
		return nil
	}
}

// session opens a channel to run one command in.
func (h *Host) session() (*ssh.Session, error) {
	s, err := h.client().NewSession()
	if err == nil {
		return s, nil
	}
	if lost := h.lost(); lost != nil {
		return nil, lost
	}
	if _, refused := errors.AsType[*ssh.OpenChannelError](err); refused {
		return nil, fmt.Errorf("%s allows no more sessions at a time: raise MaxSessions in its sshd_config, which is 10 unless set: %w", h.name, err)
	}
	return nil, fmt.Errorf("open a session on %s: %w", h.name, err)
}
