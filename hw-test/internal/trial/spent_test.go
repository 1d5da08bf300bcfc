package trial

import (
	"testing"
	"time"
)

func TestBurst(t *testing.T) {
	for _, c := range []struct {
		every time.Duration
		load  float64
		want  int
	}{{0, 5000, 0}, {20 * time.Millisecond, 5000, 100}, {20 * time.Millisecond, 0, 0}, {time.Millisecond, 10, 1}} {
		r := Runner{Burst: c.every}
		if n := r.burst(c.load); n != c.want {
			t.Errorf("%v at %v: %d frames", c.every, c.load, n)
		}
	}
}

func TestSpent(t *testing.T) {
	var none *Spent
	s := new(Spent)
	if a, b := none.Overhead(0), s.Overhead(time.Second); a != 900*time.Millisecond || b != 1400*time.Millisecond {
		t.Errorf("guesses are %v and %v", a, b)
	}
	s.add(2 * time.Second)
	s.add(4 * time.Second)
	if d := s.Overhead(time.Second); d != 3*time.Second {
		t.Errorf("%v", d)
	}
}
