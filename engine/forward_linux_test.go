package engine_test

import (
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
)

// Frames that the interface cannot send are dropped and counted, those around
// them arrive: in every place of a vector and of a ring that wraps.
func TestDropTooLong(t *testing.T) {
	from, to, _ := veth(t, nil, &engine.Config{TX: 1, Slots: 7, DropTooLong: true}, &engine.Config{RX: 1})
	tx, rx := from.TX()[0], to.RX()[0]
	const long = 1600 // above the MTU, but no longer than a buffer
	number, short, tooLong := uint64(0), 0, uint64(0)
	for _, sizes := range [][]int{{60, long, 60, long, long, 60}, {long}, {60, 60}, {long, 60}, {60, long}, {long, long, long}, {60}} {
		for _, size := range sizes {
			number = put(tx.Ring(), 1, size, number)
			if size == long {
				tooLong++
			} else {
				short++
			}
		}
		if left, err := from.Drain(time.Second); left != 0 || err != nil {
			t.Fatalf("%v: %d left, %v", sizes, left, err)
		}
	}
	got := 0
	for end := time.Now().Add(5 * time.Second); got < short && time.Now().Before(end); {
		if err := rx.Wait(100 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		got += rx.Ring().Space()
		rx.Ring().Advance(rx.Ring().Space())
		if err := rx.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if _, s := from.Stats(); s.TooLong != tooLong || s.Packets != uint64(short) {
		t.Errorf("sent %+v, want %d and %d too long", s, short, tooLong)
	}
	if s, _ := to.Stats(); s.Packets != uint64(short) {
		t.Errorf("received %+v, want %d", s, short)
	}
}
