package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Plain is w, and where that is a terminal a writer that shows control
// characters as "?": what other hosts say of themselves is not to move the
// cursor, or more. Lines and tabs stay. Writes are as atomic as w's.
func Plain(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return calm{w}
	}
	return w
}

type calm struct{ w io.Writer }

func (p calm) Write(b []byte) (int, error) {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c
		switch {
		case c == '\n', c == '\t', c == '\r' && i+1 < len(b) && b[i+1] == '\n':
		case c < ' ', c == 0x7f, c == 0xc2 && i+1 < len(b) && b[i+1] >= 0x80 && b[i+1] < 0xa0:
			// The last of these begins U+0080 to U+009F.
			out[i] = '?'
		case c >= 0x80 && c < 0xa0 && i > 0 && b[i-1] == 0xc2:
			out[i] = '?'
		}
	}
	return p.w.Write(out)
}
