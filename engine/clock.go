package engine

import "time"

// A Clock tells a stage the time. It reads the system's clock at most once
// between two calls of Process, and only if asked: a reading costs tens of
// nanoseconds, and much more where there is no vDSO.
//
// It belongs to the Worker's goroutine and is valid during Process.
type Clock struct {
	now, wall int64
	read      uint8
	wake      int64
}

const (
	readMono = 1 << iota
	readWall
)

// base is what monotonic times count from.
var base = time.Now()

// Now returns the monotonic time in nanoseconds since a fixed moment of this
// process, the same for all workers.
func (c *Clock) Now() int64 {
	if c.read&readMono == 0 {
		c.now = int64(time.Since(base))
		c.read |= readMono
	}
	return c.now
}

// Wall returns CLOCK_REALTIME in nanoseconds since 1970. Asking for it before
// Now makes both come from one reading.
func (c *Clock) Wall() int64 {
	if c.read&readWall == 0 {
		t := time.Now()
		c.wall, c.now = t.UnixNano(), int64(t.Sub(base))
		c.read = readMono | readWall
	}
	return c.wall
}

// WakeAt asks for the next Process at the time t (as of Now) at the latest,
// when this one reports that it moved nothing. Of several calls the earliest
// counts.
func (c *Clock) WakeAt(t int64) {
	if c.wake == 0 || t < c.wake {
		c.wake = max(t, 1)
	}
}

// next starts a new batch.
func (c *Clock) next() { c.read, c.wake = 0, 0 }

// Monotonic reads the time that [Clock.Now] counts in, for use outside of
// Process.
func Monotonic() int64 { return int64(time.Since(base)) }
