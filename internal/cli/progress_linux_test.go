package cli

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTerminal(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here: ", err)
	}
	defer tty.Close()
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 93}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TERM", "xterm")
	size := Terminal(tty)
	if size == nil {
		t.Fatal("a terminal is not recognised")
	}
	if w, h := size(); w != 93 || h != 24 {
		t.Errorf("a terminal of 93 columns and 24 rows has %d and %d", w, h)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if Terminal(null) != nil {
		t.Errorf("%s passes for a terminal", os.DevNull)
	}
	t.Setenv("TERM", "dumb")
	if Terminal(tty) != nil {
		t.Error("a dumb terminal is drawn on")
	}
}
