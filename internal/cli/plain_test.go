package cli

import (
	"bytes"
	"io"
	"testing"
)

func TestPlain(t *testing.T) {
	var out bytes.Buffer
	if w := Plain(&out); w != io.Writer(&out) {
		t.Error("what is no terminal is left alone")
	}
	for in, want := range map[string]string{
		"a line\tand\r\nanother µs → ±\n": "a line\tand\r\nanother µs → ±\n",
		"\x1b[2Jgone":                     "?[2Jgone",
		"a\rb\x07\x7f\x00":                "a?b???",
		"\u009b2J\u0085":                  "??2J??",
	} {
		out.Reset()
		if n, err := (calm{&out}).Write([]byte(in)); n != len(in) || err != nil || out.String() != want {
			t.Errorf("%q: %q, %d, %v", in, out.String(), n, err)
		}
	}
}
