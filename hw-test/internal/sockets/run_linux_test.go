package sockets

import (
	"errors"
	"io"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// TestFeatureMissing measures on a kernel that says it has no UDP_SEGMENT and no
// AF_PACKET: rows that need it are skipped, all others measured.
func TestFeatureMissing(t *testing.T) {
	testnet.NS(t) // skips where there are no rights
	o := defaults
	o.packets, o.rounds = 2000, 1
	r, err := newRunner(&o)
	if err != nil {
		t.Fatal(err)
	}
	r.lacks = func(row *row) error {
		switch {
		case row.tx.gso:
			return unix.ENOPROTOOPT
		case row.tx.packet:
			return unix.EAFNOSUPPORT
		}
		return lacks(row)
	}
	s := new(session.Session)
	s.Preflight = new(preflight.Report)
	var table strings.Builder
	if err := r.Run(t.Context(), s, &table, io.Discard); err != nil {
		t.Fatal(err)
	}
	u := s.Suites[0]
	skipped := 0
	for i, c := range u.Cases {
		want := results.Passed
		if row := r.rows[i]; row.tx.gso || row.tx.packet {
			want = results.Skipped
			skipped++
		}
		if c.Verdict != want {
			t.Errorf("%s: %s: %s, want %s", c.Name, c.Verdict, c.Sentence, want)
		}
	}
	if u.ExitStatus != cli.ExitShort || skipped < 10 || strings.Count(table.String(), "  skipped\n") != skipped {
		t.Errorf("status %d, %d rows skipped\n%s", u.ExitStatus, skipped, table.String())
	}
}

// TestLacks: this kernel has everything, and who may not is not told that it
// has not.
func TestLacks(t *testing.T) {
	for _, row := range plan(64) {
		if err := lacks(row); err != nil && !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", row.id(), err)
		}
	}
}

// TestSmallSockets has sockets that hold next to nothing.
func TestSmallSockets(t *testing.T) {
	testnet.NS(t)
	o := defaults
	o.packets, o.rounds, o.rows, o.size = 2000, 1, "recvfrom", 1472
	r, err := newRunner(&o)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.rows {
		row.rx.buf = 4096
	}
	s := new(session.Session)
	s.Preflight = new(preflight.Report)
	if err := r.Run(t.Context(), s, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	u := s.Suites[0]
	if c := u.Cases[0]; c.Name != "receive: recvfrom" || c.Verdict != results.Invalid || !strings.Contains(c.Sentence, "net.core.rmem_max") || u.ExitStatus != cli.ExitShort {
		t.Errorf("%+v, status %d", c, u.ExitStatus)
	}
}
