// Package program starts pktgen, rcv and what else hw-test carries, watches them
// get ready, and collects what they leave behind.
//
//	Launcher: a process in some namespace, or a goroutine
//	   │
//	   ▼            stderr: "rcv: ready: …"        stdout: the JSON result
//	Start ──▶ Program ──▶ IsReady ──▶ Wait, Stop ──▶ Outcome: Result, Failure
package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// A Launcher starts pktgen or rcv. The end of ctx ends it in order (SIGTERM),
// at the latest two seconds after. wait returns its exit status, also of one
// that ended in order so, or an error whose sentence goes on after the program's
// name: ErrHangs if the end of ctx did not end it in order, and then the writers
// may be in use still.
type Launcher func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (wait func() (int, error), err error)

// ErrHangs is of a program that had to be stopped.
var ErrHangs = errors.New("did not end in time and was stopped")

// Process launches by starter, which is cmd.Start in some namespace.
func Process(starter func(*exec.Cmd) error) Launcher {
	return func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
		cmd, err := carried.Command(ctx, name, args...)
		if err != nil {
			return nil, err
		}
		cmd.Stdout, cmd.Stderr = stdout, stderr
		if err := starter(cmd); err != nil {
			return nil, err
		}
		return func() (int, error) {
			err := cmd.Wait()
			_, exited := errors.AsType[*exec.ExitError](err)
			ended := ctx.Err() != nil
			switch state := cmd.ProcessState; {
			case ended && (state == nil || state.ExitCode() < 0 || errors.Is(err, exec.ErrWaitDelay)):
				return 0, ErrHangs
			case err != nil && !exited && !ended: // else it is ctx's
				return 0, fmt.Errorf("was lost sight of: %w", err)
			case state.ExitCode() < 0:
				return 0, fmt.Errorf("was ended by something else (%v)", state)
			default:
				return state.ExitCode(), nil
			}
		}, nil
	}
}

// Goroutine launches inside this process. The program watches for signals by
// itself; one that hangs cannot be stopped and is left behind.
func Goroutine(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
	status := make(chan int, 1)
	go func() { status <- carried.Lookup(name)(args, stdout, stderr) }()
	return func() (int, error) {
		select {
		case s := <-status:
			return s, nil
		case <-ctx.Done():
		}
		select {
		case s := <-status:
			return s, nil
		case <-time.After(2 * time.Second):
			return 0, ErrHangs
		}
	}, nil
}

// A Program is pktgen or rcv under way.
type Program struct {
	ready chan struct{} // closed when it has said that it is ready
	ended chan struct{} // closed when out is there
	out   Outcome
	stop  context.CancelFunc
}

// Start starts a program by l. What goes wrong is in its Outcome, and so is that
// the end of ctx ended it, in order or not.
func Start(ctx context.Context, l Launcher, name string, args []string) *Program {
	var stdout document
	stderr := lines{want: name + ": ready:", seen: make(chan struct{})}
	p := &Program{ready: stderr.seen, ended: make(chan struct{})}
	own, stop := context.WithCancel(ctx)
	p.stop = stop
	wait, err := l(own, name, args, &stdout, &stderr)
	if err != nil {
		stop()
		p.out.Failure = fmt.Sprintf("could not be started: %v", err)
		close(p.ended)
		return p
	}
	go func() {
		defer close(p.ended)
		defer stop()
		status, err := wait()
		if err == ErrHangs || err == nil && ctx.Err() != nil {
			p.out.Failure = ErrHangs.Error()
			return
		}
		if err == nil && stdout.over {
			err = fmt.Errorf("printed more than %d MiB, which is no result", most>>20)
			stdout.text = nil
		}
		p.out = newOutcome(status, err, stdout.text, stderr.tail)
	}()
	return p
}

// most bounds what is kept of a program's output, and longest a line of its
// standard error: it may run on a host that nobody here answers for. A result
// has a few hundred bytes for each stream, of which rcv tells 1024 apart.
const (
	most    = 16 << 20
	longest = 64 << 10
)

// A document keeps a standard output, or its beginning.
type document struct {
	text []byte
	over bool
}

func (d *document) Write(b []byte) (int, error) {
	if d.over = d.over || len(d.text)+len(b) > most; !d.over {
		d.text = append(d.text, b...)
	}
	return len(b), nil
}

// An Outcome is how a program ended.
type Outcome struct {
	Result  *cli.Result // what its --json printed, nil if nothing
	Failure string      // what went wrong, a sentence without the program's name; "" if nothing
}

// newOutcome puts together what a program has left behind.
func newOutcome(status int, err error, stdout []byte, stderr []string) (o Outcome) {
	if err != nil {
		o.Failure = err.Error()
	}
	if len(stdout) > 0 {
		o.Result = new(cli.Result)
		if err := json.Unmarshal(stdout, o.Result); err != nil {
			o.Result, o.Failure = nil, fmt.Sprintf("printed a result that cannot be read: %v", err)
		}
	}
	if o.Failure == "" && status != cli.ExitOK {
		why := stderr
		if o.Result != nil && len(o.Result.Errors) > 0 {
			why = o.Result.Errors
		}
		o.Failure = fmt.Sprintf("ended with status %d: %s", status, strings.Join(why, "; "))
	}
	if o.Failure == "" && o.Result == nil {
		o.Failure = "printed no result"
	}
	return o
}

// Wait waits for the end.
func (p *Program) Wait() Outcome {
	<-p.ended
	return p.out
}

// Stop ends a program that goes on until somebody does, in order, and waits for
// its end: its result is as good as that of one that ends by itself.
func (p *Program) Stop() Outcome {
	p.stop()
	return p.Wait()
}

// HasEnded reports whether it has ended by now.
func (p *Program) HasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// IsReady waits for the program to be ready, and reports whether it is, or was
// before it ended.
func (p *Program) IsReady() bool {
	select {
	case <-p.ready:
		return true
	case <-p.ended:
	}
	select {
	case <-p.ready:
		return true
	default:
		return false
	}
}

// lines is a writer that waits for a line with a certain beginning and keeps
// the last lines.
type lines struct {
	want string
	seen chan struct{}
	tail []string
	part []byte
	once sync.Once
}

const tailLines = 3

func (l *lines) Write(b []byte) (int, error) {
	l.part = append(l.part, b...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte{'\n'})
		if !whole {
			l.part = l.part[:min(len(l.part), longest)]
			return len(b), nil
		}
		l.part = rest
		s := string(line)
		if strings.HasPrefix(s, l.want) {
			l.once.Do(func() { close(l.seen) })
		}
		if l.tail = append(l.tail, s); len(l.tail) > tailLines {
			l.tail = l.tail[1:]
		}
	}
}
