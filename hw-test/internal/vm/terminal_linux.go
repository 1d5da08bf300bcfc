package vm

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/term"
)

// terminal is the user's, joined to the guest's console while there is a shell.
type terminal struct {
	in    io.Reader
	out   io.Writer
	ended chan struct{} // closed when the user has asked for the machine's end

	attached atomic.Bool
	before   atomic.Pointer[term.State] // nil if in is no terminal, or not attached
}

// escape is Ctrl-], which ends the machine, as it does telnet.
const escape = 0x1d

// size is the terminal's, 0 if it is none.
func (t *terminal) size() (rows, columns int) {
	if f, ok := t.out.(*os.File); ok {
		columns, rows, _ = term.GetSize(int(f.Fd())) // zero where it fails
	}
	return rows, columns
}

// attach passes the user's input on to the console from now on, and what is
// written to t to the user. A terminal is raw until restore: the guest's
// terminal echoes, and ^C goes to the guest.
func (t *terminal) attach(console io.Writer) error {
	if t.attached.Swap(true) {
		return nil
	}
	if f, ok := t.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		before, err := term.MakeRaw(int(f.Fd()))
		if err != nil {
			return fmt.Errorf("make the terminal raw for the guest's shell: %w", err)
		}
		t.before.Store(before)
	}
	go t.pass(console) // a read from a terminal cannot be called back: it ends with the process
	return nil
}

// restore makes the terminal what it was.
func (t *terminal) restore() {
	if before := t.before.Swap(nil); before != nil {
		_ = term.Restore(int(t.in.(*os.File).Fd()), before)
	}
}

// Write shows what the console says, once attached. It never fails, for the
// console is read further in any case.
func (t *terminal) Write(p []byte) (int, error) {
	if t.attached.Load() {
		_, _ = t.out.Write(p)
	}
	return len(p), nil
}

func (t *terminal) pass(console io.Writer) {
	buf := make([]byte, 256)
	for {
		n, err := t.in.Read(buf)
		input, _, end := bytes.Cut(buf[:n], []byte{escape})
		if err != nil {
			input = append(input, 4) // ^D, as who has no more to say types it
		}
		if _, err := console.Write(input); err != nil {
			return
		}
		if end {
			close(t.ended)
		}
		if end || err != nil {
			return
		}
	}
}
