package trial

import (
	"cmp"
	"time"
)

// Spent is how long trials took besides their sending. Between NICs, whose
// counters are waited for, or in an emulated machine that is much more than
// over a veth pair, so it is learnt from the trials done. It is used by one
// goroutine.
type Spent struct {
	trials int
	total  time.Duration
}

func (s *Spent) add(d time.Duration) {
	s.trials++
	s.total += d
}

// Overhead is about what a trial takes besides its sending: the mean of those
// done. Before the first it is a guess: two programs are started, end records
// take 255 ms, and rcv waits for settle.
func (s *Spent) Overhead(settle time.Duration) time.Duration {
	if s == nil || s.trials == 0 {
		return 400*time.Millisecond + cmp.Or(settle, defaultSettle)
	}
	return s.total / time.Duration(s.trials)
}
