package meter

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// A script is a receive queue that plays what the test says: next gives how
// many packets have come by now, since the last time it was asked.
type script struct {
	feed
	probes  *probes
	seq     uint64
	next    func() (int, error)
	packets atomic.Uint64
}

func newScript(t testing.TB, stream uint16, next func() (int, error)) *script {
	return &script{feed: *newFeed(t, 64), probes: newProbes(t, stream), next: next}
}

func (q *script) Ring() *netmap.Ring { return q.ring }

func (q *script) Sync() error {
	if q.room() == 0 {
		return nil
	}
	n, err := q.next()
	for range min(n, q.room()) {
		q.put(q.probes.probe(q.seq), 0)
		q.seq++
		q.packets.Add(1)
	}
	return err
}

func (q *script) Wait(d time.Duration) error {
	d = min(d, 5*time.Millisecond)
	for begin := time.Now(); q.ring.Space() == 0; {
		if err := q.Sync(); err != nil {
			return err
		}
		rest := d - time.Since(begin)
		if rest <= 0 {
			break
		}
		time.Sleep(min(rest, 100*time.Microsecond))
	}
	return nil
}

func (q *script) Stats() engine.Stats { return engine.Stats{Packets: q.packets.Load()} }

func endless() (int, error) { return 7, nil }
func silent() (int, error)  { return 0, nil }

// until plays n packets, some at a time, then nothing.
func until(n int) func() (int, error) {
	return func() (int, error) {
		k := min(n, 11)
		n -= k
		return k, nil
	}
}

// runFor runs a meter that is to end by itself.
func runFor(t *testing.T, c Config, next ...func() (int, error)) (Snapshot, time.Duration) {
	t.Helper()
	s, d, err := tryRun(t, c, next...)
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

func tryRun(t *testing.T, c Config, next ...func() (int, error)) (Snapshot, time.Duration, error) {
	t.Helper()
	var queues []engine.RxQueue
	for i, f := range next {
		queues = append(queues, newScript(t, uint16(i), f))
	}
	m, err := newMeter(queues, engine.Info{Spec: "script"}, &c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() { // a reader beside it
		for last := uint64(0); ; {
			s := m.Snapshot()
			if s.Packets < last || s.Seconds < 0 || s.Seconds > 10 {
				t.Errorf("%+v after %d packets", s, last)
			}
			last = s.Packets
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	begin := time.Now()
	err = m.Run(ctx)
	d := time.Since(begin)
	close(done)
	if ctx.Err() != nil {
		t.Error("the run did not end by itself")
	}
	return m.Snapshot(), d, err
}

func TestCountTakesExactlyN(t *testing.T) {
	for _, n := range []uint64{1, 10, 63, 64, 1000, 12345} {
		for queues := 1; queues <= 4; queues++ {
			next := make([]func() (int, error), queues)
			for i := range next {
				next[i] = endless
			}
			next[queues-1] = silent
			if queues == 1 {
				next[0] = endless
			}
			s, _ := runFor(t, Config{Count: n}, next...)
			var distinct uint64
			for _, st := range s.Streams {
				distinct += st.Distinct
				if st.Lost+st.Duplicates+st.Reordered+st.Late != 0 {
					t.Errorf("%+v", st)
				}
			}
			if s.Packets != n || distinct != n || s.Bytes != 60*n || s.NotProbe != 0 {
				t.Errorf("of %d queues, %d packets and %d probes, want %d: %+v", queues, s.Packets, distinct, n, s)
			}
		}
	}
}

func TestNoProbeOnlyCounts(t *testing.T) {
	s, _ := runFor(t, Config{Count: 1000, NoProbe: true}, endless, endless)
	if s.Packets != 1000 || s.Bytes != 60000 || s.NotProbe != 0 || len(s.Streams) != 0 {
		t.Errorf("%+v", s)
	}
}

// Idle counts from the last packet of any queue, and not before the first.
func TestIdle(t *testing.T) {
	begin := time.Now()
	later := until(50)
	s, d := runFor(t, Config{Idle: 100 * time.Millisecond}, until(100), silent, func() (int, error) {
		if time.Since(begin) < 300*time.Millisecond {
			return 0, nil
		}
		return later()
	})
	// The first queue's packets end the run before the third's come.
	if s.Packets != 100 || d < 100*time.Millisecond {
		t.Errorf("%d packets in %v", s.Packets, d)
	}
	begin = time.Now()
	later = until(50)
	s, d = runFor(t, Config{Idle: 100 * time.Millisecond}, silent, func() (int, error) {
		if time.Since(begin) < 300*time.Millisecond {
			return 0, nil
		}
		return later()
	})
	if s.Packets != 50 || d < 390*time.Millisecond {
		t.Errorf("%d packets in %v", s.Packets, d)
	}
}

func TestWaitFirst(t *testing.T) {
	s, d := runFor(t, Config{WaitFirst: 50 * time.Millisecond, Idle: time.Hour}, silent, silent)
	if s.Packets != 0 || s.Seconds != 0 || d < 50*time.Millisecond {
		t.Errorf("%+v in %v", s, d)
	}
	// Once something came, it says nothing any more.
	s, d = runFor(t, Config{WaitFirst: 50 * time.Millisecond, Duration: 200 * time.Millisecond}, silent, until(5))
	if s.Packets != 5 || d < 200*time.Millisecond {
		t.Errorf("%+v in %v", s, d)
	}
}

func TestDuration(t *testing.T) {
	for _, next := range []func() (int, error){endless, silent} {
		s, d := runFor(t, Config{Duration: 100 * time.Millisecond}, next, silent)
		if d < 100*time.Millisecond || s.Seconds > d.Seconds() {
			t.Errorf("%+v in %v", s, d)
		}
	}
}

// A queue that fails ends the run, with what came before it counted.
func TestFailingQueue(t *testing.T) {
	broken := errors.New("broken")
	left := 100
	s, _, err := tryRun(t, Config{}, func() (int, error) {
		if left == 0 {
			return 0, broken
		}
		left -= 10
		return 10, nil
	}, silent)
	if !errors.Is(err, broken) || s.Packets != 100 || len(s.Streams) != 1 || s.Streams[0].Distinct != 100 {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestNoQueues(t *testing.T) {
	if _, err := newMeter(nil, engine.Info{Spec: "x"}, nil); err == nil || !strings.Contains(err.Error(), "port x was opened without receive queues") {
		t.Error(err)
	}
}
