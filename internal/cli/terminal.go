package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Terminal is the function for Reporter.Size if f is a terminal that can be
// drawn on, else nil.
func Terminal(f *os.File) func() (columns, rows int) {
	fd := int(f.Fd())
	if t := os.Getenv("TERM"); t == "" || t == "dumb" || !term.IsTerminal(fd) {
		return nil
	}
	return func() (int, int) {
		w, h, err := term.GetSize(fd)
		if err != nil {
			return 0, 0
		}
		return w, h
	}
}

// A display is some lines that are redrawn in place, with the cursor at the
// beginning of the line below. It only writes: the terminal keeps its mode, so
// that ^C is a signal still, and needs nothing put back when the program dies.
type display struct {
	lines []string
	drawn []string // as they are on the terminal
}

// draw puts the lines in place of those drawn before, each cut to the width and
// as many as there are rows for, because nothing that has wrapped or scrolled
// away can be drawn over.
func (d *display) draw(w io.Writer, size func() (columns, rows int)) {
	if len(d.lines) == 0 || size == nil {
		return
	}
	columns, rows := size()
	var b strings.Builder
	d.up(&b, columns)
	d.drawn = d.drawn[:0]
	for i, line := range d.lines {
		if rows > 0 && i >= rows-1 {
			break
		}
		line = cut(line, columns-1)
		d.drawn = append(d.drawn, line)
		b.WriteString(line + "\n")
	}
	_, _ = io.WriteString(w, b.String())
}

// erase takes what is drawn away.
func (d *display) erase(w io.Writer, size func() (columns, rows int)) {
	if len(d.drawn) == 0 {
		return
	}
	columns, _ := size()
	var b strings.Builder
	d.up(&b, columns)
	d.drawn = d.drawn[:0]
	_, _ = io.WriteString(w, b.String())
}

// up moves the cursor to where drawing began, and clears from there. A terminal
// that has become narrower has wrapped what was drawn.
func (d *display) up(b *strings.Builder, columns int) {
	n := 0
	for _, line := range d.drawn {
		n++
		if columns > 0 {
			n += max(0, utf8.RuneCountInString(line)-1) / columns
		}
	}
	if n > 0 {
		fmt.Fprintf(b, "\x1b[%dA\r\x1b[J", n)
	}
}

// cut returns the first n characters; all if n is not above zero.
func cut(s string, n int) string {
	if n <= 0 || len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
