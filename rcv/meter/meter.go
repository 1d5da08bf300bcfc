package meter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
)

// MaxStreams is the most streams that are told apart.
const MaxStreams = 1024

// Config says when a Meter ends. The zero value runs until its context does.
type Config struct {
	Count     uint64        // end after this many packets of all queues; 0: no limit
	Duration  time.Duration // end after this time; 0: no limit
	Idle      time.Duration // end this long after the last packet, once there was one; 0: never
	WaitFirst time.Duration // end if no packet came for this long from the start; 0: never
	// WantProbes says that probes are expected: a few other frames before the
	// first of them do not start the Idle time.
	WantProbes bool
	// NoProbe only counts, and looks into no packet.
	NoProbe bool
	// Sequence checks, in place of probes, the numbers that pkt-gen's txseq
	// puts into every slot: one stream, which begins with the lowest number
	// seen and has no end records. Any UDP passes for a number.
	Sequence bool
	// CPUs are those the queues' threads run on, queue i on CPUs[i mod len];
	// empty: any.
	CPUs []int
	// Delay records how long each new probe was on its way: from the time in it
	// to the time the port says it came ([netmap.Meta]), or else to one reading
	// of the clock for each batch, once the batch is there.
	Delay bool
	// ClockAhead is how far the clock of those times is ahead of the senders':
	// it is taken off every delay. 0: not known, or one clock.
	ClockAhead time.Duration
	// Write, if not nil, gets a copy of every packet, by a goroutine of Run's
	// with 32 MiB of buffers; what does not fit is left out and counted. The
	// Meter owns the file while it runs, and does not close it. An error of the
	// file ends the run.
	Write *engine.CaptureFile
	// Dump, if not nil, is shown copies of the first ten packets and then of at
	// most ten a second, by a goroutine of Run's.
	Dump func(frame []byte)
}

// A Meter counts the packets of all receive queues of one port.
type Meter struct {
	queues []engine.RxQueue
	cfg    Config
	stages []*stage
	write  *writer // nil: none
	dump   *dumper // nil: none

	mu      sync.Mutex // comes after a stream's: who has it locks no stream
	streams map[uint16]*stream

	left  atomic.Int64 // packets until Count; only if Count is set
	begin int64        // of Run, monotonic ns
	// Batches with anything, with probes, with end records.
	any, probes, ends span

	noting sync.Mutex
	noted  counts
}

// New makes a meter for a port, which it does not close.
func New(port *engine.Port, c *Config) (*Meter, error) {
	return newMeter(port.RX(), port.Info(), c)
}

func newMeter(queues []engine.RxQueue, info engine.Info, c *Config) (*Meter, error) {
	m := &Meter{queues: queues, streams: map[uint16]*stream{}}
	if c != nil {
		m.cfg = *c
	}
	if len(queues) == 0 {
		return nil, fmt.Errorf("port %s was opened without receive queues", info.Spec)
	}
	m.left.Store(int64(min(m.cfg.Count, 1<<62)))
	m.write, m.dump = newWriter(m.cfg.Write), newDumper(m.cfg.Dump)
	link := frame.Ethernet
	if info.Link == engine.Payload {
		link = frame.Payload
	}
	for range queues {
		st := &stage{m: m, link: link, head: header{length: info.VnetHdr}}
		st.tally.longest = longestFrame(info)
		m.stages = append(m.stages, st)
	}
	return m, nil
}

// longestFrame is the longest frame that an interface's MTU allows, with an
// Ethernet header and a VLAN tag; where there is no MTU, any is.
func longestFrame(info engine.Info) int {
	if info.MTU == 0 || info.Link == engine.Payload {
		return math.MaxInt
	}
	return info.MTU + 14 + 4
}

// Run counts until one of the Config's ends is reached or ctx ends, which is no
// error; it blocks. It starts one goroutine for each queue, one to write and one
// to dump where that is asked for, and returns when all have ended. It may be called once.
func (m *Meter) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.begin = engine.Monotonic()
	if m.write != nil {
		go m.write.run()
	}
	if m.dump != nil {
		go m.dump.run()
	}
	errs := make([]error, len(m.stages))
	var wg sync.WaitGroup
	for i, s := range m.stages {
		w := engine.Worker{In: m.queues[i : i+1], Stage: s}
		if n := len(m.cfg.CPUs); n > 0 {
			w.CPUs = []int{m.cfg.CPUs[i%n]}
		}
		wg.Go(func() {
			// Whichever queue ends first has seen a reason for all.
			defer cancel()
			s.cpu.Start()
			defer s.cpu.Stop()
			if err := w.Run(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
				errs[i] = err
			}
		})
	}
	wg.Wait()
	for _, s := range m.stages {
		s.publish()
	}
	m.note(&engine.Clock{})
	if m.dump != nil {
		m.dump.finish()
	}
	if m.write != nil {
		if err := m.write.finish(); !slices.ContainsFunc(errs, func(e error) bool { return e == err }) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// rest tells a worker without packets whether the run is over, and the clock
// when to ask again.
func (m *Meter) rest(clk *engine.Clock) (done bool) {
	if m.cfg.Duration <= 0 && m.cfg.Idle <= 0 && m.cfg.WaitFirst <= 0 {
		return false
	}
	now := clk.Now()
	ends := func(from int64, d time.Duration) {
		if d <= 0 {
			return
		}
		if at := from + int64(d); at <= now {
			done = true
		} else {
			clk.WakeAt(at)
		}
	}
	ends(m.begin, m.cfg.Duration)
	if last := m.quiet(); last != 0 {
		ends(last, m.cfg.Idle)
	} else {
		ends(m.begin, m.cfg.WaitFirst)
	}
	return done
}

// take says how many of n packets may still be counted.
func (m *Meter) take(n int) int {
	if m.cfg.Count == 0 {
		return n
	}
	left := m.left.Add(-int64(n))
	if left < 0 {
		n = max(0, n+int(left))
	}
	return n
}

// full reports that nothing more is to be counted.
func (m *Meter) full(clk *engine.Clock) bool {
	if m.cfg.Count > 0 && m.left.Load() <= 0 {
		return true
	}
	return m.cfg.Duration > 0 && clk.Now() >= m.begin+int64(m.cfg.Duration)
}

// A span is the time from one batch to another, monotonic ns; 0 is none yet.
type span struct{ first, last atomic.Int64 }

func (s *span) saw(now int64) {
	if s.first.Load() == 0 {
		s.first.CompareAndSwap(0, now)
	}
	s.last.Store(now)
}

// counts are what has come by all queues.
type counts struct{ packets, probes, ends uint64 }

// note notes the time if anything has come since the last note, by whichever
// queue. Only the first and the last time matter, so a worker asks when it
// finds its queue empty and not with each batch: where there is no vDSO,
// reading the clock costs as much as receiving one.
func (m *Meter) note(clk *engine.Clock) {
	m.noting.Lock()
	defer m.noting.Unlock()
	var n counts
	for _, s := range m.stages {
		n.packets += s.pub.packets.Load()
		n.probes += s.pub.probes.Load()
		n.ends += s.pub.ends.Load()
	}
	if n == m.noted {
		return
	}
	now := max(clk.Now(), 1)
	m.any.saw(now)
	if n.probes > m.noted.probes {
		m.probes.saw(now)
	}
	if n.ends > m.noted.ends {
		m.ends.saw(now)
	}
	m.noted = n
}

// early reports that a batch's time is to be noted because it may be the first
// of its kind.
func (m *Meter) early(probes bool) bool {
	return m.any.first.Load() == 0 || probes && m.probes.first.Load() == 0
}

// strays is how many frames that are no probes may come, when probes are
// wanted, before they are taken for what there is.
const strays = 16

// quiet returns since when nothing has come that Idle waits for, 0 if nothing
// has yet: probes and end records once there were some, so that a stray frame
// does not prolong the wait; nor do a few start it if probes are wanted.
func (m *Meter) quiet() int64 {
	if last := max(m.probes.last.Load(), m.ends.last.Load()); last != 0 {
		return last
	}
	if m.cfg.WantProbes {
		var n uint64
		for _, s := range m.stages {
			n += s.pub.packets.Load()
		}
		if n < strays {
			return 0
		}
	}
	return m.any.last.Load()
}

// seconds is the time that the rate is of. End records come with pauses after
// the last probe, so they do not count.
func (m *Meter) seconds() float64 {
	s := &m.probes
	if s.last.Load() == 0 {
		s = &m.any
	}
	// Workers note these times in any order.
	return float64(max(0, s.last.Load()-s.first.Load())) / 1e9
}

// stream returns the stream of an id, nil if there are too many.
func (m *Meter) stream(id uint16) *stream {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.streams[id]
	if s == nil && len(m.streams) < MaxStreams {
		s = newStream(id, m.cfg.Sequence)
		m.streams[id] = s
	}
	return s
}
