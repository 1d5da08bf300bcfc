package gen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
)

// Probe says whether frames are numbered and timed.
type Probe uint8

// Auto is On, unless the frame length asked for leaves no room for a probe.
const (
	Auto Probe = iota
	On
	Off
)

// Config says what to send. The zero value sends probes of 60 bytes from
// 10.0.0.1:1234 to 10.1.0.1:1234, as fast as it goes, until its context ends.
type Config struct {
	Count    uint64        // frames of all threads together; 0: no limit
	Duration time.Duration // 0: no limit
	Rate     float64       // frames a second, of all threads together; 0: as fast as it goes
	Burst    int           // most frames per batch and thread; 512

	// Len is the length of a frame without CRC in bytes, of a payload on a
	// port that carries payloads. 0: the larger of 60 and what a probe needs.
	Len            int
	Src, Dst       netip.AddrPort   // zero: see above; if nothing varies, thread i sends from the source port + i
	SrcMAC, DstMAC net.HardwareAddr // nil: the port's own, and broadcast
	// Shape is all else that frames can be. Where it makes them differ, frame n
	// of the run has the n-th values, whichever thread sends it: thread i of t
	// sends the frames i, i+t, i+2t, …, so that Count frames are the first
	// Count ones.
	Shape   frame.Shape
	Rubbish bool // send what the buffers hold: nothing is written but lengths
	Probe   Probe
	Stream  uint16 // stream id of the first thread; thread i has Stream + i

	// CPUs are those the threads run on, thread i on CPUs[i mod len]; empty:
	// any.
	CPUs []int
	// DrainTimeout bounds the wait for frames in the rings to leave at the
	// end; 1 s.
	DrainTimeout time.Duration
}

// A Generator sends from all transmit queues of one port, a thread each.
type Generator struct {
	queues  []engine.TxQueue
	info    engine.Info // of the port
	cfg     Config
	senders []*sender
	probe   bool
	notice  string
	frame   []byte

	begin   atomic.Int64
	ended   atomic.Bool
	seconds float64 // of the whole run; written before ended is set
}

// New makes a generator for a port, which it does not close. Nothing is sent
// before Run.
func New(port *engine.Port, c *Config) (*Generator, error) {
	return newGenerator(port.TX(), port.Info(), c)
}

func newGenerator(queues []engine.TxQueue, info engine.Info, c *Config) (*Generator, error) {
	g := &Generator{queues: queues, info: info}
	if c != nil {
		g.cfg = *c
	}
	if g.cfg.Burst == 0 {
		g.cfg.Burst = 512
	}
	if g.cfg.DrainTimeout == 0 {
		g.cfg.DrainTimeout = time.Second
	}
	if len(queues) == 0 {
		return nil, fmt.Errorf("port %s was opened without transmit queues", info.Spec)
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	for i, q := range queues {
		s, err := g.sender(i, q)
		if err != nil {
			return nil, err
		}
		g.senders = append(g.senders, s)
	}
	g.frame = g.senders[0].writer.Image()
	return g, nil
}

func (g *Generator) check() error {
	c := &g.cfg
	switch {
	case c.Burst < 0:
		return fmt.Errorf("burst of %d frames: want at least 1", c.Burst)
	case c.Duration < 0:
		return fmt.Errorf("duration of %v: want a positive one", c.Duration)
	case c.Rate < 0 || math.IsNaN(c.Rate) || math.IsInf(c.Rate, 0):
		return fmt.Errorf("rate of %v frames a second: want a positive one", c.Rate)
	case c.Len > g.longest():
		return g.tooLong(c.Len)
	case g.info.Link == engine.Payload && c.Shape.Headers():
		return fmt.Errorf("port %s carries payloads: its socket writes the headers, and nothing in them can be chosen here", g.info.Spec)
	}
	return nil
}

// longest returns the most bytes a frame can have. A port may take a VLAN tag
// beyond the MTU, but these frames have none.
func (g *Generator) longest() int {
	info := &g.info
	if info.MTU > 0 && info.Link == engine.Ethernet {
		return min(info.MaxFrame, info.MTU+etherHeader)
	}
	return info.MaxFrame
}

const etherHeader = 14

func (g *Generator) tooLong(n int) error {
	info := &g.info
	if info.MTU > 0 && info.Link == engine.Ethernet {
		return fmt.Errorf("frames of %d bytes are longer than the %d that %s takes (its MTU is %d)", n, g.longest(), info.Interface, info.MTU)
	}
	return fmt.Errorf("packets of %d bytes are longer than the %d that %s takes", n, info.MaxFrame, info.Spec)
}

// sender makes thread i.
func (g *Generator) sender(i int, q engine.TxQueue) (*sender, error) {
	c := &g.cfg
	w, err := frame.NewWriter(g.frameConfig(), i, len(g.queues))
	if err != nil {
		return nil, err
	}
	s := &sender{queue: q, writer: w, burst: c.Burst, base: q.Stats(), limit: g.share(i)}
	if n := len(w.Image()); n > g.longest() {
		return nil, g.tooLong(n)
	}
	switch {
	case c.Probe == Off:
	case c.Probe == Auto && c.Shape.Bytes != nil:
		g.notice = "no probes: a frame that is given is sent as it is, unless probes are asked for"
	case c.Rubbish:
		err = errors.New("rubbish has no place for one")
	default:
		err = w.Probe(c.Stream + uint16(i))
	}
	if err != nil {
		err = fmt.Errorf("no probes: %w", err)
		if c.Probe == On {
			return nil, err
		}
		g.notice = err.Error()
	}
	s.rubbish, s.writes = c.Rubbish, !w.Static()
	g.probe = w.Probing()
	return s, nil
}

// frameConfig is what a port like this one is to be sent.
func (g *Generator) frameConfig() frame.Config {
	c, info := &g.cfg, &g.info
	if c.Rubbish {
		return frame.Config{Link: frame.Payload, Len: c.Len, Shape: frame.Shape{Sizes: c.Shape.Sizes, Seed: c.Shape.Seed}}
	}
	fc := frame.Config{SrcMAC: c.SrcMAC, DstMAC: c.DstMAC, Src: c.Src, Dst: c.Dst, Len: c.Len, Shape: c.Shape}
	if info.Link == engine.Payload {
		fc.Link = frame.Payload
	}
	if fc.SrcMAC == nil && fc.Bytes == nil {
		fc.SrcMAC = info.MAC
	}
	return fc
}

// share returns how many of Count frames thread i sends: all of them get the
// same, the first ones one more where it does not divide.
func (g *Generator) share(i int) uint64 {
	if g.cfg.Count == 0 {
		return math.MaxUint64
	}
	n := uint64(len(g.queues))
	share := g.cfg.Count / n
	if uint64(i) < g.cfg.Count%n {
		share++
	}
	return share
}

// Notice says in one sentence what was asked for and is not done, "" if all is.
func (g *Generator) Notice() string { return g.notice }

// Probe reports whether the frames are numbered and timed.
func (g *Generator) Probe() bool { return g.probe }

// Frame returns the first thread's frame as it is before anything is written
// into it.
func (g *Generator) Frame() []byte { return append([]byte(nil), g.frame...) }

// Dump describes the first frame of the run, decoded and in hexadecimal.
func (g *Generator) Dump() string {
	w, err := frame.NewWriter(g.frameConfig(), 0, len(g.queues))
	if err == nil && g.probe {
		err = w.Probe(g.cfg.Stream)
	}
	if err != nil { // New would have said so
		return err.Error()
	}
	w.Batch(uint64(time.Now().UnixNano()))
	b := append([]byte(nil), w.Image()...)
	return frame.Dump(w.Link(), b[:w.Next(b)])
}

// Run sends; it blocks until all is sent, the duration is over, or ctx ends,
// none of which is an error. It starts one goroutine for each queue. After the
// last frame it waits until the rings are empty, at most DrainTimeout, and
// sends the end records of its streams. It may be called once.
func (g *Generator) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := engine.Monotonic()
	g.begin.Store(start)
	errs := make([]error, len(g.senders))
	var wg sync.WaitGroup
	for i, s := range g.senders {
		if g.cfg.Duration > 0 {
			s.until = start + int64(g.cfg.Duration)
		}
		if g.cfg.Rate > 0 {
			n, period := float64(len(g.senders)), 1e9/g.cfg.Rate
			// The threads take turns: each is due one of the run's periods later.
			offset := schedule(uint64(i), period)
			s.pace = newPacer(g.cfg.Rate/n, start+offset, min(g.cfg.Burst, s.queue.Ring().NumSlots()-1))
			s.finish = start + schedule(g.cfg.Count, period)
		}
		wg.Go(func() {
			if errs[i] = g.run(ctx, i); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	var end int64
	for _, s := range g.senders {
		end = max(end, s.end)
	}
	g.seconds = float64(end-start) / 1e9
	g.ended.Store(true)
	return errors.Join(errs...)
}

// run is one thread: send, drain, tell the receiver how many left.
func (g *Generator) run(ctx context.Context, i int) error {
	s := g.senders[i]
	w := engine.Worker{Out: []engine.TxQueue{s.queue}, Stage: s}
	if n := len(g.cfg.CPUs); n > 0 {
		w.CPUs = []int{g.cfg.CPUs[i%n]}
	}
	err := w.Run(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	var left int
	if err == nil {
		left, err = s.queue.Drain(g.cfg.DrainTimeout)
	} else {
		left = s.queue.Ring().Pending()
	}
	if now := engine.Monotonic(); s.end == 0 || s.end > now {
		s.end = now
	}
	s.undrained = uint64(left)
	if err != nil || left > 0 || !s.writer.Probing() {
		return err
	}
	return s.sendEnds()
}

// sendEnds repeats the end record with doubling pauses, 255 ms in all: long
// enough for a receiver that lags behind to make room for one of them.
func (s *sender) sendEnds() error {
	const repeats = 9
	st := s.queue.Stats()
	total := st.Packets - s.base.Packets
	s.batches.Store(st.Batches - s.base.Batches)
	s.bytes.Store(st.Bytes - s.base.Bytes)
	s.frames.Store(total + 1)
	for i := range repeats {
		if i > 0 {
			time.Sleep(time.Millisecond << (i - 1))
		}
		if !s.placeEnd(s.queue.Ring(), total) {
			continue
		}
		if _, err := s.queue.Drain(10 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// A Queue is what one transmit queue sent.
type Queue struct {
	Packets, Bytes uint64
}

// A Snapshot is what has been sent until now.
type Snapshot struct {
	Packets    uint64        // frames that have left, end records not among them
	Bytes      uint64        // of those, without CRC
	Batches    uint64        // syncs that moved at least one of those
	EndRecords uint64        // end records that have left
	Undrained  uint64        // frames that were in the rings and had not left when the run ended
	GivenUp    time.Duration // of a paced schedule, over all threads: time that was too far behind to catch up
	Seconds    float64       // from the start until now, or until the last frame had left
	Queues     []Queue
	Engine     engine.Stats // of all queues, end records among the packets
}

// Snapshot may be called from any goroutine at any time. Undrained and GivenUp
// are there only after Run.
func (g *Generator) Snapshot() Snapshot {
	var sn Snapshot
	done := g.ended.Load()
	for _, s := range g.senders {
		n, ends, batches := s.sent()
		q := Queue{Packets: n, Bytes: s.sentBytes(n)}
		sn.Queues = append(sn.Queues, q)
		sn.Packets += q.Packets
		sn.Bytes += q.Bytes
		sn.EndRecords += ends
		sn.Batches += batches
		sn.Engine.Add(s.queue.Stats())
		if done {
			sn.Undrained += s.undrained
			if s.pace != nil {
				sn.GivenUp += time.Duration(s.pace.lost)
			}
		}
	}
	switch begin := g.begin.Load(); {
	case begin == 0:
	case done:
		sn.Seconds = g.seconds
	default:
		sn.Seconds = float64(engine.Monotonic()-begin) / 1e9
	}
	return sn
}
