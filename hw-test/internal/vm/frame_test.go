package vm

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestRelay(t *testing.T) {
	var line bytes.Buffer
	w := &frameWriter{w: &line}
	big := bytes.Repeat([]byte{0, 1, '\r', '\n', 255}, maxPayload/3) // more than one frame
	send := func(kind byte, b string) {
		if err := w.send(kind, []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	send(frameInit, "")
	if err := w.stream(frameStdout, bytes.NewReader(big)); err != nil {
		t.Fatal(err)
	}
	send(frameStderr, "oops")
	send(frameStdout, "")
	whole := line.Len()
	send(frameExit, "\x2a")
	send(frameStdout, "nothing comes after the status")

	var stdout, stderr bytes.Buffer
	started := 0
	status, err := relay(bytes.NewReader(line.Bytes()), &stdout, &stderr, func(kind byte) error { started += int(kind); return nil })
	if status != 42 || err != nil || started != frameInit || stderr.String() != "oops" || !bytes.Equal(stdout.Bytes(), big) {
		t.Errorf("status %d, error %v, started %d times, %d bytes of %d, stderr %q", status, err, started, stdout.Len(), len(big), &stderr)
	}

	// Wherever it breaks off before the status, there is none.
	for cut := range whole + frameHeader {
		if cut > 100 && cut < whole-100 {
			continue
		}
		_, err := relay(bytes.NewReader(line.Bytes()[:cut]), io.Discard, io.Discard, func(byte) error { return nil })
		if !errors.Is(err, errNoStatus) {
			t.Fatalf("cut off after %d bytes: %v", cut, err)
		}
	}
}

func TestRelayFailures(t *testing.T) {
	closed, w := io.Pipe()
	closed.Close()
	for _, c := range []struct {
		frames, want string
		stdout       io.Writer
	}{
		{"f\x00\x00\x00\x03no!", "in the guest: no!", io.Discard},
		{"o\x00\x01\x00\x01", "garbled", io.Discard},
		{"x\x00\x00\x00\x00", "garbled", io.Discard},
		{"x\x00\x00\x00\x0212", "garbled", io.Discard},
		{"Boot\x00", "garbled", io.Discard},
		{"o\x00\x00\x00\x01a", "closed pipe", w},
	} {
		_, err := relay(strings.NewReader(c.frames), c.stdout, io.Discard, func(byte) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, errNoStatus) {
			t.Errorf("%q: error %v, want one with %q", c.frames, err, c.want)
		}
		if got := deathOf(&console{}, true, err); got != err {
			t.Errorf("the error %q, which says why, became %q", err, got)
		}
	}
}

func TestConsole(t *testing.T) {
	var c console
	if got := c.tail(); got != "; its console is empty" {
		t.Errorf("an empty console says %q", got)
	}
	for range 3 * consoleLines {
		io.WriteString(&c, "old\r\n")
	}
	io.WriteString(&c, "\x1bc\x1b[?7l\x1b[2J\r\n\r\n[    1.0] Kernel pan")
	io.WriteString(&c, "ic - not syncing: sysrq \xff\r\nthe e\x1b[1mnd")
	lines := strings.Split(c.tail(), "\n  ")
	if len(lines) != consoleLines+2 || lines[1] != "old" || lines[consoleLines] != "[    1.0] Kernel panic - not syncing: sysrq ?" || lines[consoleLines+1] != "the end" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	err := deathOf(&c, true, errNoStatus)
	if !errors.Is(err, errNoStatus) || !strings.HasPrefix(err.Error(), "the guest's kernel panicked: sysrq ? (") || !strings.HasSuffix(err.Error(), "\n  the end") {
		t.Errorf("a panic is told as %q", err)
	}
	// A long trace after it must not push it out.
	for range 2 * consoleLines {
		io.WriteString(&c, "\ntrace")
	}
	if lines := strings.Split(c.tail(), "\n  "); len(lines) != 2*consoleLines+2 || !strings.Contains(lines[consoleLines], "panic") {
		t.Errorf("%d lines after a long trace: %q", len(lines), lines)
	}
	if err := deathOf(&console{}, false, errNoStatus); !strings.Contains(err.Error(), "before its kernel had started init") {
		t.Errorf("a machine that never started is told as %q", err)
	}
}

// FuzzRelay holds that no bytes on the channel make it panic or eat memory.
func FuzzRelay(f *testing.F) {
	f.Add([]byte("i\x00\x00\x00\x00o\x00\x00\x00\x01ax\x00\x00\x00\x01\x07"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		status, err := relay(bytes.NewReader(b), &out, &out, func(byte) error { return nil })
		if out.Len() > len(b) || err == nil && (status < 0 || status > 255) {
			t.Fatalf("%d bytes gave %d, status %d", len(b), out.Len(), status)
		}
	})
}
