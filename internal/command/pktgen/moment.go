package pktgen

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// A moment is the flag of a time of day, zero for none.
type moment struct{ time.Time }

// furthest is how far ahead a start may be: what is further is a mistake in a
// date or a time zone.
const furthest = 24 * time.Hour

// near refuses what is too far ahead.
func (m *moment) near() error {
	if time.Until(m.Time) > furthest {
		return cli.Usagef("--start-at %v: that is more than a day ahead; it is %s now", m, time.Now().In(m.Location()).Format(time.RFC3339))
	}
	return nil
}

func (m *moment) Set(s string) (err error) {
	if seconds, ok := strings.CutPrefix(s, "@"); ok {
		m.Time, err = sinceEpoch(seconds)
	} else {
		m.Time, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return fmt.Errorf("time %q is neither RFC 3339, as 2026-05-04T12:00:00.5Z or 2026-05-04T14:00:00+02:00, nor @SECONDS[.FRACTION] since 1970", s)
	}
	return nil
}

// sinceEpoch reads SECONDS[.FRACTION], to the ns.
func sinceEpoch(s string) (t time.Time, err error) {
	whole, fraction, _ := strings.Cut(s, ".")
	if strings.Trim(fraction, "0123456789") != "" {
		return t, strconv.ErrSyntax
	}
	sec, err := strconv.ParseUint(whole, 10, 40)
	if err != nil {
		return t, err
	}
	ns, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 32)
	return time.Unix(int64(sec), int64(ns)).UTC(), err
}

func (m *moment) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339Nano)
}

func (m *moment) Type() string { return "time" }
