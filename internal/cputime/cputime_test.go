package cputime

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// burn works until its own thread's clock is d ahead.
func burn(d time.Duration) {
	for end := read(unix.CLOCK_THREAD_CPUTIME_ID) + d; read(unix.CLOCK_THREAD_CPUTIME_ID) < end; {
	}
}

// Work is counted, sleep is not, and neither is what other threads do, nor what
// comes before and after.
func TestMeter(t *testing.T) {
	var m Meter
	if m.Used() != 0 {
		t.Errorf("%v before Start", m.Used())
	}
	working, asked, done := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		burn(30 * time.Millisecond)
		m.Start()
		burn(20 * time.Millisecond)
		time.Sleep(50 * time.Millisecond)
		close(working)
		<-asked
		burn(20 * time.Millisecond)
		m.Stop()
		burn(30 * time.Millisecond)
	}()
	<-working
	burn(30 * time.Millisecond)
	between := m.Used()
	if want := 20 * time.Millisecond; runtime.GOOS == "linux" && (between < want || between > want+10*time.Millisecond) {
		t.Errorf("%v while it runs, want %v", between, want)
	}
	close(asked)
	<-done
	if got, want := m.Used(), 40*time.Millisecond; got < want || got > want+15*time.Millisecond {
		t.Errorf("%v in the end, want %v", got, want)
	}
	if a := m.Used(); a != m.Used() {
		t.Error("it goes on after Stop")
	}
}

func TestNoClock(t *testing.T) {
	if d := read(-12345); d != 0 {
		t.Errorf("a clock that is not there shows %v", d)
	}
}

func BenchmarkUsed(b *testing.B) {
	var m Meter
	m.Start()
	defer m.Stop()
	for b.Loop() {
		m.Used()
	}
}
