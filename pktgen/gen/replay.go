package gen

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// Replay says to send the frames of a capture file, in its order.
//
// With several threads each flow (both its directions) belongs to one of them:
// its order is kept, the order between flows is kept by the schedule alone. A
// file of up to 64 MiB is held in memory; each thread reads a larger one for
// itself as it sends.
type Replay struct {
	// File is a pcap or pcapng file, or a FIFO, which takes a single thread.
	File string
	// Speed divides the original times between frames; 1. +Inf is as fast as
	// it goes. A Config.Rate goes instead of the original times.
	Speed float64
	// Loops is how often the file is sent; 0: once, or until Count or
	// Duration end it, if one is given. One loop follows the other after the
	// mean time between frames.
	Loops uint64
	// MaxGap shortens longer times between frames to this, before Speed does;
	// 0: none.
	MaxGap time.Duration
	// Strict makes an error of a frame that cannot be sent, which otherwise is
	// passed over and counted.
	Strict bool
	// Map moves addresses in IP headers and ARP, source and destination alike,
	// by the first that fits. Config.SrcMAC and DstMAC, if given, are set in
	// all frames. Checksums stay as right as they were.
	Map []PrefixMap
}

// A PrefixMap gives an address in From the prefix of To, and leaves its other
// bits.
type PrefixMap struct{ From, To netip.Prefix }

// Replayed is what became of a capture file, over all loops.
type Replayed struct {
	Loops    uint64        // times the file was sent to its end
	Complete bool          // all that was asked was handed over
	Frames   uint64        // sent or handed over, of all threads
	Schedule time.Duration // what these take by their times or rate; 0: as fast as it goes

	engine.Skipped
	TooShort uint64 // shorter than an Ethernet header
}

// A player is a sender's part of a replay.
type player struct {
	tape
	thread, threads uint32
	limit           uint64 // frames of all threads
	loops           uint64 // 0: no limit
	speed           float64
	maxGap          int64
	rate            bool // by a rate instead of original times

	index    uint64 // frames of all threads before the next one
	loop     uint64 // loops done
	staged   int    // length of the frame in the slot at head, that waits for its time; 0: none
	started  bool   // this loop has had a frame
	latest   int64  // latest time of a frame in this loop, ns since 1970
	inLoop   uint64 // frames of this loop so far
	loopTime int64  // ns from this loop's first frame to the one before the next
	complete bool
}

// lookahead is how many frames of other threads are passed in one go.
const lookahead = 4096

// checkReplay refuses what makes no sense together.
func (g *Generator) checkReplay() error {
	c := &g.cfg
	r := c.Replay
	switch {
	case r == nil:
		return nil
	case g.info.Link != engine.Ethernet:
		return fmt.Errorf("capture files hold Ethernet frames, and port %s takes payloads", g.info.Spec)
	case c.Probe == On:
		return errors.New("frames of a capture file are sent as they are: they have no probes")
	case c.Len != 0 || c.Src.IsValid() || c.Dst.IsValid():
		return errors.New("frames of a capture file have their own lengths and addresses; a map of networks moves these")
	case r.Speed < 0 || math.IsNaN(r.Speed):
		return fmt.Errorf("a replay %v times as fast: want a positive factor", r.Speed)
	case r.MaxGap < 0:
		return fmt.Errorf("gaps of %v at most: want a positive time", r.MaxGap)
	}
	return nil
}

// timed reports whether the run follows a schedule.
func (g *Generator) timed() bool {
	r := g.cfg.Replay
	return g.cfg.Rate > 0 || r != nil && !math.IsInf(r.Speed, 1)
}

// play makes the sender of thread i.
func (g *Generator) play(i int, q engine.TxQueue) (*sender, error) {
	c := &g.cfg
	p := &player{
		thread: uint32(i), threads: uint32(len(g.queues)), limit: c.Count, loops: c.Replay.Loops,
		speed: c.Replay.Speed, maxGap: int64(c.Replay.MaxGap), rate: c.Rate > 0,
	}
	if p.limit == 0 {
		p.limit = math.MaxUint64
	}
	if p.maxGap == 0 {
		p.maxGap = math.MaxInt64
	}
	if p.loops == 0 && c.Count == 0 && c.Duration == 0 {
		p.loops = 1
	}
	var err error
	if p.tape, err = g.tape(i); err != nil {
		return nil, err
	}
	return &sender{queue: q, burst: g.burst(q), base: q.Stats(), limit: math.MaxUint64, play: p, head: g.info.VnetHdr}, nil
}

// replay is Process for a capture file.
func (s *sender) replay(ring *netmap.Ring, clk *engine.Clock) (int, bool, error) {
	p := s.play
	if s.until != 0 && clk.Now() >= s.until {
		return 0, true, nil
	}
	if s.limit != math.MaxUint64 {
		return s.rest(clk, ring)
	}
	room := min(ring.Space(), s.burst)
	n, slot := 0, ring.Head()
	var was, horizon float64
	for n < room {
		if p.staged == 0 {
			buf := ring.Buffer(ring.Slot(slot))
			clear(buf[:s.head])
			wake, err := p.stage(buf[s.head:], s.pace, clk)
			if err == io.EOF {
				s.limit = s.placed + uint64(n) // all is placed
				break
			}
			if err != nil {
				ring.Advance(n)
				s.placed += uint64(n)
				return n, false, err
			}
			if p.staged == 0 {
				if n == 0 {
					s.sleep(ring, clk, wake)
				}
				break
			}
		}
		if s.pace != nil && n == 0 {
			wake, ok := s.pace.ready(clk.Now())
			if !ok {
				s.sleep(ring, clk, wake)
				break
			}
			s.pace.begin(clk.Now())
			was = s.pace.at
			horizon = s.horizon(clk.Now())
		} else if s.pace != nil && s.pace.at > horizon {
			break
		}
		sl := ring.Slot(slot)
		sl.Len, sl.Flags = uint16(s.head+p.staged), 0
		p.went(s.pace)
		slot = ring.Next(slot)
		n++
	}
	if n > 0 && s.pace != nil {
		s.pace.ended(was)
	}
	ring.Advance(n)
	s.placed += uint64(n)
	if n == 0 && s.limit != math.MaxUint64 {
		return s.rest(clk, ring)
	}
	return n, false, nil
}

// horizon returns the position up to which frames go with the one that is due
// now. By their own times none goes early; of a rate those do that would follow
// sooner than a thread can sleep.
func (s *sender) horizon(now int64) float64 {
	p := s.pace
	switch {
	case !s.play.rate:
		return min(p.at+wakeEvery, float64(now-p.start))
	case p.burst > 1 || p.period() >= wakeEvery:
		return p.at
	}
	return math.Nextafter(p.at+wakeEvery, 0)
}

// sleep asks to be called at the time wake, or at the end of the run.
func (s *sender) sleep(ring *netmap.Ring, clk *engine.Clock, wake int64) {
	if wake = s.bounded(wake); wake == s.until {
		s.over(ring, clk, wake)
	}
	clk.WakeAt(wake)
}

// went counts the staged frame as placed.
func (p *player) went(pace *pacer) {
	p.pass(pace, p.staged)
	p.staged = 0
}

// pass counts a frame, of any thread. By a rate that brings the next one's
// time.
func (p *player) pass(pace *pacer, length int) {
	p.index++
	p.inLoop++
	if pace != nil && p.rate {
		pace.pass(1, uint64(length), pace.draw())
	}
}

// stage reads the thread's next frame into buf, and moves pace to its time. It
// returns io.EOF when there is no other; a time to be called again if it is too
// early to look on.
func (p *player) stage(buf []byte, pace *pacer, clk *engine.Clock) (wake int64, err error) {
	for range lookahead {
		if p.index == p.limit {
			p.complete = true
			return 0, io.EOF
		}
		n, ns, flow, err := p.next(buf)
		if err == io.EOF {
			if err = p.again(pace); err != nil {
				return 0, err
			}
			continue
		}
		if err == engine.ErrAgain {
			return clk.Now() + 1e6, nil
		}
		if err != nil {
			return 0, err
		}
		p.elapse(pace, ns)
		if p.threads == 1 || flow%p.threads == p.thread {
			p.staged = n
			return 0, nil
		}
		p.pass(pace, n)
		if pace != nil && pace.due() > clk.Now() {
			return pace.due(), nil
		}
	}
	return 1, nil // at once
}

// elapse lets the time between the last frame and one captured at ns pass.
// Times that go back are taken for no time at all.
func (p *player) elapse(pace *pacer, ns int64) {
	if !p.started {
		p.started, p.latest = true, ns
		return
	}
	if ns <= p.latest {
		return
	}
	gap := ns - p.latest
	if gap < 0 || gap > p.maxGap {
		gap = p.maxGap
	}
	p.latest = ns
	p.loopTime += min(gap, math.MaxInt64-p.loopTime)
	if pace != nil && !p.rate {
		pace.at += float64(gap) / p.speed
	}
}

// again begins the next loop, or returns io.EOF.
func (p *player) again(pace *pacer) error {
	p.loop++
	p.started = false
	switch {
	case p.inLoop == 0:
		return p.nothing()
	case p.loop == p.loops:
		p.complete = true
		return io.EOF
	case pace != nil && !p.rate && p.loopTime == 0:
		return fmt.Errorf("the frames of %s were all captured at one moment (%d of them): to send them again and again takes a rate, or top speed", p.name, p.inLoop)
	case pace != nil && !p.rate:
		pace.at += float64(p.loopTime) / float64(p.inLoop-1) / p.speed
	}
	p.inLoop, p.loopTime = 0, 0
	return p.rewind()
}

// replayed is what became of the file, as of the end of the run: every thread
// has passed all frames, so the one that came furthest knows.
func (g *Generator) replayed() *Replayed {
	if g.cfg.Replay == nil {
		return nil
	}
	r := &Replayed{Complete: true}
	var furthest *sender
	for _, s := range g.senders {
		r.Frames += s.placed
		r.Complete = r.Complete && s.play.complete
		if furthest == nil || s.play.index > furthest.play.index {
			furthest = s
		}
	}
	p := furthest.play
	r.Loops = p.loop
	r.Skipped, r.TooShort = p.skippedSoFar(p.loop, p.started)
	if furthest.pace != nil {
		r.Schedule = time.Duration(clamp(furthest.pace.at))
	}
	return r
}

// rewriter returns what changes the frames, nil if nothing does.
func (g *Generator) rewriter() (*frame.Rewriter, error) {
	var maps []frame.PrefixMap
	for _, m := range g.cfg.Replay.Map {
		maps = append(maps, frame.PrefixMap(m))
	}
	r, err := frame.NewRewriter(g.cfg.SrcMAC, g.cfg.DstMAC, maps)
	if err != nil || r.Nothing() {
		return nil, err
	}
	return r, nil
}
