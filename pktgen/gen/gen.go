package gen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
)

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
	seconds float64 // of the whole run; written before ended is set, as is replay
	replay  *Replayed
}

// New makes a generator for a port, which it does not close. Nothing is sent
// before Run, which must follow: it closes what New opened for a replay.
func New(port *engine.Port, c *Config) (*Generator, error) {
	g, err := newGenerator(port.TX(), port.Info(), c)
	if err == nil && g.cfg.Indirect {
		err = g.indirect(port)
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

func newGenerator(queues []engine.TxQueue, info engine.Info, c *Config) (*Generator, error) {
	g := &Generator{queues: queues, info: info}
	if c != nil {
		g.cfg = *c
	}
	if r := g.cfg.Replay; r != nil {
		own := *r
		if own.Speed == 0 {
			own.Speed = 1
		}
		g.cfg.Replay = &own
	}
	if g.cfg.DrainTimeout == 0 {
		g.cfg.DrainTimeout = time.Second
	}
	if len(queues) == 0 {
		return nil, fmt.Errorf("port %s was opened without transmit queues", info.Spec)
	}
	if info.Peers {
		return nil, fmt.Errorf("port %s has nobody to send to but those who send to it: add REMOTE:PORT", info.Spec)
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	sender := g.sender
	if g.cfg.Replay != nil {
		sender = g.play
	}
	for i, q := range queues {
		s, err := sender(i, q)
		if err != nil {
			return nil, errors.Join(err, g.closeFiles())
		}
		g.senders = append(g.senders, s)
	}
	if w := g.senders[0].writer; w != nil {
		g.frame = w.Image()[w.Head():]
	}
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
	case c.Probe == Seq && len(g.queues) > 1:
		return fmt.Errorf("%d transmit queues: txseq is one stream of numbers, from one queue", len(g.queues))
	case c.Unit > WireBits, c.Gaps > Poisson:
		return fmt.Errorf("unit %d, gaps %d: there are no such", c.Unit, c.Gaps)
	case c.BurstSize < 0:
		return fmt.Errorf("bursts of %d frames: want at least 1", c.BurstSize)
	case c.BurstSize > 1 && (c.Rate == 0 || c.Unit != Frames || c.Gaps != Constant):
		return fmt.Errorf("bursts of %d frames need a rate in frames a second, and constant gaps", c.BurstSize)
	case c.Gaps != Constant && c.Rate == 0:
		return errors.New("random gaps need a rate that they are random about")
	case c.Len > g.longest():
		return g.tooLong(c.Len)
	case g.info.Link == engine.Payload && c.Shape.Headers():
		return fmt.Errorf("port %s carries payloads: its socket writes the headers, and nothing in them can be chosen here", g.info.Spec)
	}
	if err := g.checkReplay(); err != nil {
		return err
	}
	if err := g.checkIndirect(); err != nil {
		return err
	}
	return g.checkFrags()
}

// closeFiles closes the capture files that are still read.
func (g *Generator) closeFiles() error {
	var errs []error
	for _, s := range g.senders {
		if s.play != nil {
			errs = append(errs, s.play.close())
		}
	}
	return errors.Join(errs...)
}

// sender makes thread i.
func (g *Generator) sender(i int, q engine.TxQueue) (*sender, error) {
	c := &g.cfg
	w, err := frame.NewWriter(g.frameConfig(), i, len(g.queues))
	if err != nil {
		return nil, err
	}
	s := &sender{queue: q, writer: w, burst: g.burst(q), base: q.Stats(), limit: g.share(i)}
	s.head = w.Head()
	if n := len(w.Image()) - s.head; n > g.longest() {
		return nil, g.tooLong(n)
	}
	switch {
	case c.Probe == Off:
	case c.Probe == Seq:
		if err := w.Number(); err != nil {
			return nil, err
		}
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
	if c.fragmented() {
		return s, g.fragment(s)
	}
	return s, nil
}

// burst returns the most frames of a batch of q: as few system calls as can be.
func (g *Generator) burst(q engine.TxQueue) int {
	n := q.Ring().NumSlots() - 1
	if b := g.cfg.Burst; b > 0 {
		n = min(n, b)
	}
	return n
}

// frameConfig is what a port like this one is to be sent.
func (g *Generator) frameConfig() frame.Config {
	c, info := &g.cfg, &g.info
	if c.Rubbish {
		return frame.Config{Link: frame.Payload, Len: c.Len, Head: info.VnetHdr, Shape: frame.Shape{Sizes: c.Shape.Sizes, Seed: c.Shape.Seed}}
	}
	fc := frame.Config{SrcMAC: c.SrcMAC, DstMAC: c.DstMAC, Src: c.Src, Dst: c.Dst, Len: c.Len, Head: info.VnetHdr, Shape: c.Shape}
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
// into it, nothing for a replay.
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
	return frame.Dump(w.Link(), b[w.Head():w.Next(b)])
}

// Run waits for StartAt and sends; it blocks until all is sent, the duration is
// over, or ctx ends, none of which is an error. It starts one goroutine for each queue. After the
// last frame it waits until the rings are empty, at most DrainTimeout, and
// sends the end records of its streams. It may be called once.
func (g *Generator) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := engine.Monotonic()
	if ahead := time.Until(g.cfg.StartAt); ahead > 0 {
		start += int64(ahead)
	}
	g.begin.Store(start)
	errs := make([]error, len(g.senders))
	var wg sync.WaitGroup
	for i, s := range g.senders {
		s.start, s.waits = start, true
		if g.cfg.Duration > 0 {
			s.until = start + int64(g.cfg.Duration)
		}
		if g.timed() {
			g.pace(i, start)
		}
		wg.Go(func() {
			if errs[i] = g.run(ctx, i); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	end := start // of a run that ended before it
	for _, s := range g.senders {
		end = max(end, s.end)
	}
	g.seconds = float64(end-start) / 1e9
	g.replay = g.replayed()
	errs = append(errs, g.closeFiles())
	g.ended.Store(true)
	return errors.Join(errs...)
}

// pace gives thread i its schedule. The threads take turns: each is due one of
// the run's periods later than the one before it.
func (g *Generator) pace(i int, start int64) {
	s, c := g.senders[i], &g.cfg
	most := min(s.burst, s.room(s.queue.Ring().NumSlots()-1))
	if s.play != nil {
		// Every thread follows the schedule of all frames.
		t := tempo{burst: 1}
		if c.Rate > 0 {
			t = c.newTempo(1, 0)
		}
		s.pace = newPacer(t, start, most)
		return
	}
	t := c.newTempo(len(g.senders), uint64(i))
	if c.Unit == Frames && c.Gaps == Constant {
		period := 1e9 / c.Rate
		s.finish = start + schedule(c.Count, period)
		start += schedule(uint64(i)*t.burst, period)
	}
	s.pace = newPacer(t, start, most)
}

// run is one thread: send, drain, tell the receiver how many left.
func (g *Generator) run(ctx context.Context, i int) error {
	s := g.senders[i]
	w := engine.Worker{Out: []engine.TxQueue{s.queue}, Stage: s, CPUs: g.cfg.Node}
	if wrap := g.cfg.Wrap; wrap != nil {
		w.Stage = wrap(s)
	}
	if n := len(g.cfg.CPUs); n > 0 {
		w.CPUs = []int{g.cfg.CPUs[i%n]}
	}
	s.cpu.Start()
	err := w.Run(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	var left int
	if err == nil {
		left, err = s.queue.Drain(g.cfg.DrainTimeout)
	} else {
		left = s.pending()
	}
	s.cpu.Stop()
	if now := engine.Monotonic(); s.end == 0 || s.end > now {
		s.end = now
	}
	s.undrained = uint64(left)
	if err != nil || left > 0 || s.play != nil || !s.writer.Probing() || s.waits {
		return err // of a run that ended before StartAt nobody knows
	}
	return s.sendEnds()
}
