package rtt

import (
	"bytes"
	"sync/atomic"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// pingStage sends pings and looks up their answers. Only Run's goroutine
// touches it, but for pub.
type pingStage struct {
	cfg    *Config
	echo   frame.Echo
	frame  []byte
	head   int // bytes of the virtio-net header in front of a frame
	ether  bool
	log    *log
	linger bool // send no more

	begin, until int64 // ns of engine.Clock; until 0: no end
	wall         int64 // what to add to engine.Clock for the time since 1970

	// Ping n was sent at table[n%len]; negative: and is answered. Pings before
	// oldest are decided: answered or lost. From it on, open are neither.
	table        []int64
	oldest, next uint64
	open         int

	shift    int64 // of a paced schedule: given up, ns
	lastSend int64

	received, lost, duplicates, late, foreign uint64
	times                                     []int64 // of this batch

	pub struct {
		received, lost, duplicates, late, foreign atomic.Uint64
		givenUp                                   atomic.Int64
	}
}

// Process takes in the answers that have come and sends the pings that are due.
func (s *pingStage) Process(in, out []*netmap.Ring, clk *engine.Clock) (n int, done bool, err error) {
	now := clk.Now()
	s.expire(now)
	s.times = s.times[:0]
	for _, ring := range in {
		k := ring.Space()
		if k == 0 {
			continue
		}
		a, b := ring.Burst(k)
		s.read(ring, a, now)
		s.read(ring, b, now)
		ring.Advance(k)
		n += k
	}
	s.log.add(s.times)
	var sent int
	if !s.linger {
		sent, done = s.send(out[0], clk)
		n += sent
	}
	s.publish()
	if s.linger {
		done = s.open == 0
	}
	if s.open > 0 {
		// Some are answered meanwhile: then this is early, which does no harm.
		clk.WakeAt(max(now, s.sentAt(s.oldest)+int64(s.cfg.Timeout)+1))
	}
	return n, done, nil
}

func (s *pingStage) slot(n uint64) *int64 { return &s.table[n&uint64(len(s.table)-1)] }

// sentAt is when ping n was sent, whether answered or not.
func (s *pingStage) sentAt(n uint64) int64 {
	t := *s.slot(n)
	return max(t, -t)
}

// expire gives up the pings that have waited too long for their answer.
func (s *pingStage) expire(now int64) {
	limit := now - int64(s.cfg.Timeout)
	for s.oldest < s.next {
		t := *s.slot(s.oldest)
		if t > 0 {
			if t >= limit {
				return
			}
			s.giveUp()
			continue
		}
		s.oldest++
	}
}

// giveUp counts the oldest ping as lost.
func (s *pingStage) giveUp() {
	s.oldest++
	s.open--
	s.lost++
}

// read looks up each answer.
func (s *pingStage) read(ring *netmap.Ring, slots []netmap.Slot, now int64) {
	for i := range slots {
		b := ring.Bytes(&slots[i])
		s.answer(b[min(s.head, len(b)):], now)
	}
}

// answer decides what b, received at now, is. b may be any bytes at all.
func (s *pingStage) answer(b []byte, now int64) {
	low, stamp, ok := s.echo.Read(b)
	if !ok || s.ether && !s.returns(b) {
		s.foreign++
		return
	}
	// The number is 32 bits of a longer one, which is below next.
	back := uint64(uint32(s.next)-1-low) + 1
	if back > s.next || back > uint64(len(s.table)) {
		s.foreign++
		return
	}
	n := s.next - back
	sent := s.sentAt(n)
	if stamp != s.wall+sent {
		s.foreign++
		return
	}
	switch p := s.slot(n); {
	case *p < 0:
		s.duplicates++
	case n < s.oldest:
		*p = -sent
		s.late++
	default:
		*p = -sent
		s.received++
		s.open--
		s.times = append(s.times, now-sent)
	}
}

// returns reports whether the frame came back: it is for the address that the
// ping was from, and from another. What pkt-gen's pong exchanges beyond these,
// and ours beyond pkt-gen's, differs.
func (s *pingStage) returns(b []byte) bool {
	to, from := s.frame[0:6], s.frame[6:12]
	return bytes.Equal(b[0:6], from) && (!bytes.Equal(b[6:12], from) || bytes.Equal(to, from))
}

// send sends the pings that are due; done says that there are no more to come.
func (s *pingStage) send(ring *netmap.Ring, clk *engine.Clock) (n int, done bool) {
	now := clk.Now()
	if s.until != 0 && now >= s.until {
		return 0, true
	}
	n = s.due(now, clk)
	n = min(n, ring.Space())
	if s.cfg.Count > 0 {
		if s.next >= s.cfg.Count {
			return 0, true
		}
		n = int(min(uint64(n), s.cfg.Count-s.next))
	}
	if s.until != 0 {
		clk.WakeAt(s.until)
	}
	if n == 0 {
		return 0, false
	}
	// Answers took time to read: the pings go out later than now.
	s.lastSend = engine.Monotonic()
	a, b := ring.Burst(n)
	s.fill(ring, a)
	s.fill(ring, b)
	ring.Advance(n)
	return n, s.cfg.Count > 0 && s.next == s.cfg.Count
}

// due says how many pings may go now.
func (s *pingStage) due(now int64, clk *engine.Clock) int {
	if s.cfg.Rate == 0 {
		if s.open > 0 {
			return 0
		}
		return s.cfg.Burst
	}
	at := s.schedule()
	if now < at {
		clk.WakeAt(at)
		return 0
	}
	if behind := now - at; behind > maxDebt {
		s.shift += behind - maxDebt
	}
	return s.cfg.Burst
}

// maxDebt is how far behind its schedule a paced run may be and still catch
// up, in ns; what is beyond is given up.
const maxDebt = 100e6

// schedule is when the next ping is due.
func (s *pingStage) schedule() int64 {
	return s.begin + s.shift + int64(min(float64(s.next)*1e9/s.cfg.Rate, 1<<61))
}

// paced reports whether the run has sent all of a schedule, and when that ends:
// n pings at n a second take one second, not the time from the first to the
// last.
func (s *pingStage) paced() (end int64, ok bool) {
	if s.cfg.Rate == 0 || s.cfg.Count == 0 || s.next < s.cfg.Count {
		return 0, false
	}
	return max(s.lastSend, s.schedule()), true
}

func (s *pingStage) fill(ring *netmap.Ring, slots []netmap.Slot) {
	for i := range slots {
		if s.next-s.oldest == uint64(len(s.table)) {
			// More are under way than there is room for.
			if *s.slot(s.oldest) > 0 {
				s.giveUp()
			} else {
				s.oldest++
			}
		}
		slot := &slots[i]
		b := ring.Buffer(slot)[:s.head+len(s.frame)]
		slot.Len, slot.Flags = uint16(len(b)), 0
		clear(b[:s.head])
		b = b[s.head:]
		copy(b, s.frame)
		s.echo.Write(b, uint32(s.next), s.wall+s.lastSend)
		*s.slot(s.next) = s.lastSend
		s.next++
		s.open++
	}
}

// conclude counts what is still open as lost.
func (s *pingStage) conclude() {
	for s.oldest < s.next {
		if *s.slot(s.oldest) > 0 {
			s.giveUp()
		} else {
			s.oldest++
		}
	}
	s.publish()
}

func (s *pingStage) publish() {
	s.pub.received.Store(s.received)
	s.pub.lost.Store(s.lost)
	s.pub.duplicates.Store(s.duplicates)
	s.pub.late.Store(s.late)
	s.pub.foreign.Store(s.foreign)
	s.pub.givenUp.Store(s.shift)
}
