package remote

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
)

const (
	// grace is what program.Launcher promises from SIGTERM to SIGKILL.
	grace = 2 * time.Second
	// linger is for the news of the end to arrive.
	linger = 2 * time.Second
)

// Launcher starts the programs that hw-test carries on the host, hw-test by
// that name included. Their standard input is empty. The end of
// ctx sends SIGTERM to the program and its children, and two seconds later
// SIGKILL. wait's error wraps ErrLost if the connection ended; the program
// then ends by itself, within two seconds after the host has noticed: at once
// when the connection broke, after Config.Silence when the network is cut.
func (h *Host) Launcher() program.Launcher {
	return func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
		r, err := h.run(ctx, order{Name: name, Args: args})
		if err != nil {
			return nil, err
		}
		h.tasks.Go(func() { r.read(stdout, stderr) })
		stop := context.AfterFunc(ctx, r.terminate)
		return func() (int, error) {
			<-r.done
			stop()
			return r.outcome()
		}, nil
	}
}

// run starts a program, whose output has to be read then.
func (h *Host) run(ctx context.Context, o order) (*run, error) {
	l, err := h.link(ctx)
	if err != nil {
		return nil, err
	}
	r := &run{link: l, done: make(chan struct{}), room: newCredit(window), grace: grace}
	if o.Stdin {
		r.grace = h.config.Grace
	}
	o.Grace, o.Silence = r.grace, h.config.Silence
	if err := r.start(ctx, &o); err != nil {
		l.close()
		return nil, err
	}
	h.tasks.Go(r.beat)
	return r, nil
}

// A link is the connection to one supervisor.
type link struct {
	host    *Host
	session *ssh.Session
	in      *bufio.Reader
	stderr  *Tail

	mu  sync.Mutex
	out io.Writer
}

// link starts a supervisor.
func (h *Host) link(ctx context.Context) (*link, error) {
	s, err := h.session()
	if err != nil {
		return nil, err
	}
	l := &link{host: h, session: s, stderr: &Tail{}}
	s.Stderr = l.stderr
	if l.out, err = s.StdinPipe(); err != nil {
		return nil, err
	}
	in, err := s.StdoutPipe()
	if err != nil {
		return nil, err
	}
	l.in = bufio.NewReader(in)
	defer context.AfterFunc(ctx, l.close)()
	if err = s.Start("exec " + quote(h.path) + " supervise"); err == nil {
		err = readHello(l.in)
	}
	if err != nil {
		l.close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		err = l.broken(err)
		if status, ok := errors.AsType[*ssh.ExitError](err); ok && status.ExitStatus() == 127 {
			err = fmt.Errorf("the copy there is gone (has somebody cleaned the host?), connect again: %w", err)
		}
		return nil, fmt.Errorf("start hw-test on %s: %w", h.name, err)
	}
	return l, nil
}

// close ends the supervisor, which sees its input end, and what it runs.
func (l *link) close() { l.session.Close() }

func (l *link) send(k kind, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return writeFrame(l.out, k, payload)
}

// broken says why the supervisor has gone, after err.
func (l *link) broken(err error) error {
	if lost := l.host.lost(); lost != nil {
		return lost
	}
	l.close()
	end := l.session.Wait()
	if _, missing := errors.AsType[*ssh.ExitMissingError](end); end == nil || missing {
		end = err
	}
	if said := l.stderr.String(); said != "" {
		return fmt.Errorf("it ended (%w) and said: %s", end, said)
	}
	return fmt.Errorf("its supervisor there ended: %w", end)
}

// A run is a program on the host.
type run struct {
	*link
	done    chan struct{} // closed when end or err is there
	grace   time.Duration // from SIGTERM to SIGKILL
	end     end
	err     error
	once    sync.Once
	stopped atomic.Bool // by terminate
	room    *credit     // for standard input
}

func (r *run) finish(e end, err error) {
	r.once.Do(func() {
		r.end, r.err = e, err
		close(r.done)
	})
}

func (r *run) start(ctx context.Context, o *order) error {
	defer context.AfterFunc(ctx, r.close)()
	err := r.send(kindStart, pack(o))
	var k kind
	var payload []byte
	if err == nil {
		k, payload, err = readFrame(r.in)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("start it on %s: %w", r.host.name, r.broken(err))
	case k == kindExit:
		var e end
		if err := unpack(payload, &e); err != nil {
			return fmt.Errorf("start it on %s: %w", r.host.name, err)
		}
		return fmt.Errorf("start it on %s: %s", r.host.name, e.Failed)
	}
	return nil
}

// read passes the program's output on, until its end.
func (r *run) read(stdout, stderr io.Writer) {
	defer r.close()
	for {
		k, payload, err := readFrame(r.in)
		if err != nil {
			r.finish(end{}, fmt.Errorf("was lost sight of, and ends by itself: %w", r.broken(err)))
			return
		}
		switch k {
		case kindStdout:
			stdout.Write(payload)
		case kindStderr:
			stderr.Write(payload)
		case kindTaken:
			if len(payload) == 4 {
				r.room.add(int(binary.BigEndian.Uint32(payload)))
			}
		case kindDeaf:
			r.room.end(syscall.EPIPE)
		case kindExit:
			var e end
			err := unpack(payload, &e)
			r.finish(e, err)
			return
		}
	}
}

// beat tells the supervisor that we are here.
func (r *run) beat() {
	for {
		select {
		case <-r.done:
			return
		case <-time.After(r.host.config.Silence / 10):
			r.send(kindBeat, nil)
		}
	}
}

// terminate ends the program, whatever the connection does.
func (r *run) terminate() {
	select {
	case <-r.done:
		return
	default:
	}
	r.stopped.Store(true)
	time.AfterFunc(r.grace+linger, func() {
		r.finish(end{}, program.ErrHangs)
		r.close()
	})
	r.send(kindTerm, nil)
}

func (r *run) outcome() (int, error) {
	switch {
	case errors.Is(r.err, ErrLost):
		return 0, r.err
	case r.stopped.Load() && (r.err != nil || r.end.Failed != "" || r.end.Signal != ""):
		return 0, program.ErrHangs
	case r.err != nil:
		return 0, r.err
	case r.end.Failed != "":
		return 0, fmt.Errorf("was lost sight of: %s", r.end.Failed)
	case r.end.Signal != "":
		return 0, fmt.Errorf("was ended by something else (signal: %s)", r.end.Signal)
	}
	return r.end.Status, nil
}

// A Tail keeps the first words of a standard error: 500 bytes. Its methods may be
// called at the same time.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

// Write never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 500 - len(t.text); room > 0 {
		t.text = append(t.text, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// String is the words, without spaces around.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
