package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// chunk bounds a frame of standard input: beats go between two of them.
const chunk = 32 << 10

// A Conversation is with a program on a host, by its standard input and output.
// Read, Write and the others may be called at the same time.
//
// A program that does not read holds up Write when 256 KiB are under way and
// what the kernel's pipe takes, and one that prints while nobody calls Read is
// held up in the same way, as is Wait then. Neither holds up what ends it.
type Conversation struct {
	run   *run
	name  string // of the program and its host, for errors
	out   *queue // what the program has printed
	stop  func() bool
	close func() error

	writing sync.Mutex
}

// Converse starts a program as Launcher does, and gives it a standard input.
// What it writes to its standard error goes to stderr; nil is nowhere.
func (h *Host) Converse(ctx context.Context, name string, args []string, stderr io.Writer) (*Conversation, error) {
	if stderr == nil {
		stderr = io.Discard
	}
	r, err := h.run(ctx, order{Name: name, Args: args, Stdin: true})
	if err != nil {
		return nil, err
	}
	c := &Conversation{run: r, name: name + " on " + h.name, out: newQueue(window)}
	c.close = sync.OnceValue(c.end)
	c.stop = context.AfterFunc(ctx, func() {
		c.out.loosen()
		r.terminate()
	})
	h.tasks.Go(func() {
		r.read(c.out, stderr)
		if err := c.failed(); err != nil {
			c.out.end(err)
			r.room.end(err)
		}
		c.out.end(io.EOF)
		r.room.end(syscall.EPIPE)
	})
	h.tasks.Go(func() {
		select {
		case <-r.done:
		case <-h.gone:
			c.out.loosen() // r.read must not wait for a Read that never comes
		}
	})
	return c, nil
}

// failed says what was wrong with the program's end, if anything was but its
// status.
func (c *Conversation) failed() error {
	if _, err := c.Wait(); err != nil {
		return fmt.Errorf("%s %w", c.name, err)
	}
	return nil
}

// Read reads what the program prints. It returns io.EOF when that was all and
// the program has exited, whatever its status; else its error is that of Wait,
// which wraps ErrLost if the connection ended, and some of the output may be
// missing.
func (c *Conversation) Read(b []byte) (int, error) { return c.out.Read(b) }

// Write writes to the program's standard input. It returns when all of b is
// under way, which does not say that the program has read it. Its error wraps
// ErrLost if the connection ended and os.ErrClosed after Close or CloseWrite;
// else the program has closed its standard input, which is syscall.EPIPE, or
// has ended, which is that or Wait's error.
func (c *Conversation) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for done := 0; ; {
		if done == len(b) {
			return done, nil
		}
		n, err := c.run.room.take(min(chunk, len(b)-done))
		if err == nil {
			if err = c.run.send(kindStdin, b[done:done+n]); err != nil {
				err = c.broken()
			}
		}
		switch {
		case err == nil:
			done += n
		case errors.Is(err, syscall.EPIPE), errors.Is(err, os.ErrClosed):
			return done, fmt.Errorf("write to %s: %w", c.name, err)
		default:
			return done, err
		}
	}
}

// broken says why nothing can be sent.
func (c *Conversation) broken() error {
	if err := c.failed(); err != nil {
		return err
	}
	return syscall.EPIPE
}

// CloseWrite ends the program's standard input, after what was written. What it
// prints can still be read.
func (c *Conversation) CloseWrite() error {
	c.run.room.end(os.ErrClosed) // ends a Write that waits
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.run.send(kindEOF, nil) != nil {
		return c.failed() // none if the program has exited
	}
	return nil
}

// Close ends the program's standard input, gives it Config.Grace to exit by
// itself, and then ends it as the end of Converse's ctx does: by SIGTERM, and
// SIGKILL after as long. What it prints from now on is lost. Close returns when
// the program has ended, with Wait's error.
func (c *Conversation) Close() error { return c.close() }

func (c *Conversation) end() error {
	c.out.drop()
	defer time.AfterFunc(c.run.grace, c.run.terminate).Stop()
	c.CloseWrite()
	return c.failed()
}

// Wait waits until the program has ended, and returns what that of a Launcher
// does.
func (c *Conversation) Wait() (int, error) {
	<-c.run.done
	c.stop()
	return c.run.outcome()
}
