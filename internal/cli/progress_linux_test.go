package cli

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWidth(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here: ", err)
	}
	defer tty.Close()
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 93}); err != nil {
		t.Fatal(err)
	}
	width := Width(tty)
	if width == nil || width() != 93 {
		t.Errorf("a terminal of 93 columns is not recognised")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if Width(null) != nil {
		t.Errorf("%s passes for a terminal", os.DevNull)
	}
}
