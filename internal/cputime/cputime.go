// Package cputime tells how much CPU time one thread has used.
//
//	goroutine ── Start ── locked to its thread, works ── Stop
//	                           │
//	             the kernel's clock of that thread ◀── Used, from anywhere
//
// The kernel keeps the clock, so the work is not disturbed: it is read at the
// beginning, at the end, and when somebody asks.
package cputime

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Meter measures a goroutine between Start and Stop, once. The zero value is
// ready.
type Meter struct {
	mu       sync.Mutex
	clock    int32
	anywhere bool // the clock can be read by other threads, now
	base     time.Duration
	used     time.Duration
}

// Start begins. It locks the calling goroutine to its thread, until Stop.
func (m *Meter) Start() {
	runtime.LockOSThread()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock, m.anywhere = threadClock()
	m.base = read(m.clock)
}

// Stop ends it. It is called by the goroutine that called Start.
func (m *Meter) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used, m.anywhere = max(0, read(m.clock)-m.base), false
	runtime.UnlockOSThread()
}

// Used returns the CPU time between Start and Stop, user and system; before
// Stop, that until now, or 0 where only Linux tells it. It is 0 where the
// kernel does not tell at all. It may be called from any goroutine.
func (m *Meter) Used() time.Duration {
	m.mu.Lock() // until it is unlocked, the thread is there
	defer m.mu.Unlock()
	if m.anywhere {
		return max(0, read(m.clock)-m.base)
	}
	return m.used
}

// read returns 0 if the clock cannot be read.
func read(clock int32) time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(clock, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
