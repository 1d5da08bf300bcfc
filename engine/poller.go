package engine

import (
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/netmap"
)

// A Mode says when a [Poller] tells of a source again.
type Mode uint8

// The modes. They are those of epoll(7) and kqueue(2), but for what is said of
// queues.
const (
	// Level tells of a source at each Wait for as long as it is ready: a
	// receive queue also for as long as its ring holds packets.
	Level Mode = iota
	// Edge tells of a source when it becomes ready, which saves the kernel a
	// look at it afterwards. A descriptor must then be read or written until
	// EAGAIN (or see [Source.Again]). Of a queue the Poller remembers that
	// itself: it is told of until a Sync has given nothing.
	Edge
	// OneShot tells of a source once, and again only after [Source.Rearm], so
	// that it can be handled in any goroutine. [Boss] stands on it.
	OneShot
)

// Interest is what of a descriptor is waited for.
type Interest uint8

// What can be waited for. Hang-ups and errors are always told.
const (
	ToRead Interest = 1 << iota
	ToWrite
)

// Queue is what an [RxQueue] and a [TxQueue] have in common.
type Queue interface {
	Ring() *netmap.Ring
	Sync() error
	Wait(d time.Duration) error
	Stats() Stats
}

// PollerConfig says how to make a [Poller]. The zero value of each field is its
// default.
type PollerConfig struct {
	// Events is how many events of the kernel, at most, one Wait takes; 256.
	// A few more may come from queues that need no waiting for.
	Events int
}

// A Poller waits for many queues and descriptors in one goroutine, at a cost
// that depends on how many are ready and not on how many there are: epoll(7) on
// Linux, kqueue(2) on FreeBSD and macOS.
//
//	RxQueue ─┐                 table                          ┌─▶ Event{Source, Readable}
//	RxQueue ─┼─ Add ─▶ Source  [ Source │ Source │ … ]        ├─▶ Event{Source, Writable}
//	TxQueue ─┤                    ▲ index and generation      │
//	fd ──────┘ AddFD              └────── kernel ───── Wait ──┘
//
// A receive queue is told of when it has packets. A transmit queue is told of
// when there is room again after a Sync that left packets behind, be it that
// the kernel says so or, after ENOBUFS, that some time has passed; a transmit
// queue that has handed over everything waits for nothing. A queue whose port
// is stopped is told of once more, with Closed set, and has then left the
// Poller.
//
// Wait is for one goroutine at a time. With Level and Edge that goroutine owns
// the queues. With OneShot a queue belongs to whoever handles its event, from
// then until Rearm. All else may be called from any goroutine.
type Poller struct {
	gate  gate
	close sync.Once
	sys   selector
	woken atomic.Bool

	mu      sync.Mutex
	table   []place // a Source's index is the lower half of what the kernel knows it by
	free    []uint32
	waiting bool  // Wait is in the kernel, or is about to be
	until   int64 // for as long (Monotonic)
	ready   fifo  // sources to tell of without asking the kernel
	timers  timers

	// Wait's own.
	max     int
	batch   uint64
	events  []Event
	touched []*Source // told of or synced since: what they wait for may be different now
}

// place is one entry of the table. The generation is the upper half of what the
// kernel knows a source by: an event that was under way when its source left
// finds another one.
type place struct {
	s   *Source
	gen uint32
}

// An Event says what is to be done with a source. It is valid until the next
// Wait, but may be copied.
type Event struct {
	Source   *Source
	Readable bool  // packets have arrived, or bytes; or the end of them
	Writable bool  // there is room
	Hangup   bool  // the other end is gone, or sends no more; what it has sent can be read still
	Closed   bool  // the queue's port was stopped or closed: the source has left the Poller
	Err      error // of a queue what Sync says; of a descriptor its pending error (SO_ERROR), which is then cleared
}

// String names what is set.
func (e Event) String() string {
	var s []string
	for _, f := range []struct {
		is   bool
		name string
	}{{e.Readable, "readable"}, {e.Writable, "writable"}, {e.Hangup, "hang-up"}, {e.Closed, "closed"}, {e.Err != nil, fmt.Sprint("error: ", e.Err)}} {
		if f.is {
			s = append(s, f.name)
		}
	}
	return strings.Join(s, ", ")
}

// NewPoller makes a Poller, which the caller must Close. A nil PollerConfig is
// the zero one.
func NewPoller(c *PollerConfig) (*Poller, error) {
	p := &Poller{max: 256}
	if c != nil && c.Events != 0 {
		if p.max = c.Events; p.max < 1 || p.max > 1<<20 {
			return nil, fmt.Errorf("poller: %d events for a Wait: want 1 to %d", p.max, 1<<20)
		}
	}
	p.events = make([]Event, 0, 2*p.max)
	if err := p.sys.open(p.max); err != nil {
		return nil, fmt.Errorf("poller: %w", noDescriptors(err))
	}
	return p, nil
}

// Wake has the Wait that is under way, or the next one, return at once.
func (p *Poller) Wake() {
	if p.gate.enter() {
		p.woken.Store(true)
		p.sys.wake()
		p.gate.leave()
	}
}

// Close ends a Wait under way, lets go of all sources and releases what the
// Poller holds. Ports and descriptors stay open. Further calls do nothing.
func (p *Poller) Close() (err error) {
	p.close.Do(func() {
		p.gate.close()
		p.sys.wake()
		p.gate.wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range p.table {
			if s := p.table[i].s; s != nil {
				p.drop(s)
			}
		}
		err = p.sys.close()
	})
	return err
}

// errPoller is what the methods of a closed Poller return.
var errPoller = fmt.Errorf("poller: %w", netmap.ErrClosed)

// Wait waits until a source is ready, at most for d (negative: without limit;
// 0: not at all), and returns the events, at most one for each source. The
// slice is the Poller's and valid until the next Wait. No events and no error
// mean that d is over, or Wake was called. An error that wraps netmap.ErrClosed
// says that the Poller was closed.
//
// Wait allocates nothing.
func (p *Poller) Wait(d time.Duration) ([]Event, error) {
	if !p.gate.enter() {
		return nil, errPoller
	}
	defer p.gate.leave()
	var deadline int64
	if d > 0 {
		deadline = Monotonic() + int64(d)
	}
	for {
		n, err := p.sys.wait(p.prepare(d))
		if err != nil && err != unix.EINTR {
			return nil, fmt.Errorf("poller: %w", os.NewSyscallError("wait", err))
		}
		p.collect(n)
		woken := p.woken.Swap(false)
		switch {
		case p.gate.closed():
			return nil, errPoller
		case len(p.events) > 0 || woken || d == 0:
			return p.events, nil
		case d > 0:
			if d = time.Duration(deadline - Monotonic()); d <= 0 {
				return nil, nil
			}
		}
	}
}

// prepare finds out what the sources that were in use wait for now, and returns
// how long the kernel may be asked to wait.
func (p *Poller) prepare(d time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.touched {
		s.touched = false
		if err := p.settle(s); err != nil {
			p.failed(s, err)
		}
	}
	p.touched = p.touched[:0]
	switch {
	case p.ready.n > 0:
		d = 0
	case len(p.timers) > 0 && d != 0:
		if t := max(0, time.Duration(p.timers[0].expires-Monotonic())); d < 0 || t < d {
			d = t
		}
	}
	if p.waiting = d != 0; p.waiting {
		if p.until = math.MaxInt64; d > 0 {
			p.until = Monotonic() + int64(d)
		}
	}
	return d
}

// collect makes events of what the kernel has said, of timers and of sources
// that are ready anyway.
func (p *Poller) collect(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = false
	p.batch++
	p.events = p.events[:0]
	for i := range n {
		data, revents, err := p.sys.at(i)
		if s := p.find(data); s != nil {
			p.fired(s, revents, err)
		}
	}
	if len(p.timers) > 0 {
		for now := Monotonic(); len(p.timers) > 0 && p.timers[0].expires <= now; {
			p.expired(p.timers.pop())
		}
	}
	// Those that come to the list from now on wait for the next time.
	for k := p.ready.n; k > 0 && len(p.events) < cap(p.events); k-- {
		p.told(p.ready.pop())
	}
}

// find returns the source that the kernel knows by data, nil if it has left.
func (p *Poller) find(data uint64) *Source {
	i, gen := uint32(data), uint32(data>>32)
	if uint64(i) < uint64(len(p.table)) && p.table[i].gen == gen {
		return p.table[i].s
	}
	return nil
}

// event is the source's event of this batch.
func (p *Poller) event(s *Source) *Event {
	if s.batch != p.batch {
		s.batch, s.at = p.batch, len(p.events)
		p.events = append(p.events, Event{Source: s})
		switch {
		case s.mode == OneShot:
			s.armed = false
		case s.q != nil:
			s.hot = s.mode == Edge && !s.tx
			p.touch(s)
		}
	}
	return &p.events[s.at]
}

// touch has the next Wait look at what a queue waits for. Only the goroutine
// that waits calls it.
func (p *Poller) touch(s *Source) {
	if !s.touched {
		s.touched = true
		p.touched = append(p.touched, s)
	}
}
