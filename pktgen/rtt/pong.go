package rtt

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/engine"
)

// ReflectorConfig says when a Reflector ends. The zero value runs until its
// context does.
type ReflectorConfig struct {
	Count    uint64        // end after this many packets of all queues; 0: no limit
	Duration time.Duration // 0: no limit
	// CPUs are those the threads run on, thread i on CPUs[i mod len]; empty:
	// any.
	CPUs []int
	// DrainTimeout bounds the wait for packets in the rings to leave at the
	// end; 1 s.
	DrainTimeout time.Duration
}

// A Reflector sends back what its port receives, whatever it is: with source
// and destination exchanged where it knows the headers (MAC, IPv4 and IPv6
// addresses, ports of UDP, TCP and SCTP). A packet waits when there is no room
// to send it, and is lost only where the receive queue then overflows.
type Reflector struct {
	cfg    ReflectorConfig
	stages []*reflectStage

	left    atomic.Int64 // packets until Count; only if Count is set
	begin   atomic.Int64
	ended   atomic.Bool
	seconds float64 // written before ended is set
}

// NewReflector makes a reflector for a port opened with receive and transmit
// queues. It does not close the port.
func NewReflector(port *engine.Port, c *ReflectorConfig) (*Reflector, error) {
	return newReflector(port.RX(), port.TX(), port.Info(), c)
}

func newReflector(rx []engine.RxQueue, tx []engine.TxQueue, info engine.Info, c *ReflectorConfig) (*Reflector, error) {
	r := &Reflector{}
	if c != nil {
		r.cfg = *c
	}
	if r.cfg.DrainTimeout == 0 {
		r.cfg.DrainTimeout = time.Second
	}
	if r.cfg.Duration < 0 {
		return nil, fmt.Errorf("duration of %v: want a positive one", r.cfg.Duration)
	}
	if len(rx) == 0 || len(tx) == 0 {
		return nil, fmt.Errorf("port %s was opened with %d receive and %d transmit queues: pong needs both", info.Spec, len(rx), len(tx))
	}
	r.left.Store(int64(min(r.cfg.Count, math.MaxInt64)))
	// A transmit queue has one owner, so receive queues beyond their number
	// share them.
	for i := range min(len(rx), len(tx)) {
		s := &reflectStage{r: r, tx: tx[i], base: tx[i].Stats(), ether: info.Link == engine.Ethernet, head: info.VnetHdr}
		if len(info.MAC) == 6 {
			s.own = (*[6]byte)(info.MAC)
		}
		for k := i; k < len(rx); k += len(tx) {
			s.rx = append(s.rx, rx[k])
		}
		s.dropping = make([]bool, len(s.rx))
		r.stages = append(r.stages, s)
	}
	return r, nil
}

// Run reflects; it blocks until Count, Duration or ctx ends it, none of which
// is an error. It starts one goroutine for each transmit queue that has a
// receive queue. It may be called once.
func (r *Reflector) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begin := engine.Monotonic()
	r.begin.Store(begin)
	errs := make([]error, len(r.stages))
	var wg sync.WaitGroup
	for i, s := range r.stages {
		if r.cfg.Duration > 0 {
			s.until = begin + int64(r.cfg.Duration)
		}
		wg.Go(func() {
			defer cancel() // whichever ends first has seen a reason for all
			errs[i] = r.run(ctx, i)
		})
	}
	wg.Wait()
	end := engine.Monotonic()
	if r.cfg.Duration > 0 {
		end = min(end, begin+int64(r.cfg.Duration))
	}
	r.seconds = float64(end-begin) / 1e9
	r.ended.Store(true)
	return errors.Join(errs...)
}

func (r *Reflector) run(ctx context.Context, i int) error {
	s := r.stages[i]
	s.cpu.Start()
	defer s.cpu.Stop()
	w := engine.Worker{In: s.rx, Out: []engine.TxQueue{s.tx}, Stage: s}
	if n := len(r.cfg.CPUs); n > 0 {
		w.CPUs = []int{r.cfg.CPUs[i%n]}
	}
	err := w.Run(ctx)
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		s.undrained = uint64(s.tx.Ring().Pending())
		return err
	}
	left, err := s.tx.Drain(r.cfg.DrainTimeout)
	s.undrained = uint64(left)
	return err
}

// A Queue is what one thread sent back.
type Queue struct {
	Packets, Bytes uint64
}

// A Reflection is what has been sent back until now.
type Reflection struct {
	Packets   uint64 // that have left
	Bytes     uint64 // of those, without CRC
	Batches   uint64 // syncs that sent at least one
	Calls     uint64 // system calls, of all queues, that moved or tried to move packets; those that wait are not counted
	TooLong   uint64 // packets of more fragments than a ring has slots, dropped
	NoPeer    uint64 // packets without an address to go back to, or with one that the kernel refused, dropped
	Undrained uint64 // packets that were in the rings and had not left when Run ended
	Seconds   float64
	CPU       time.Duration // of the threads, user and system; see cputime.Meter.Used
	Queues    []Queue       // by thread
	Engine    engine.Stats  // of the receive queues
}

// Snapshot may be called from any goroutine at any time.
func (r *Reflector) Snapshot() Reflection {
	var sn Reflection
	done := r.ended.Load()
	for _, s := range r.stages {
		st := s.tx.Stats()
		n := st.Packets - s.base.Packets
		q := Queue{n, st.Bytes - s.base.Bytes - n*uint64(s.head)}
		sn.Queues = append(sn.Queues, q)
		sn.Packets += q.Packets
		sn.Bytes += q.Bytes
		sn.Batches += st.Batches - s.base.Batches
		sn.Calls += st.Syncs - s.base.Syncs
		sn.TooLong += s.tooLong.Load()
		sn.CPU += s.cpu.Used()
		sn.NoPeer += st.NoPeer - s.base.NoPeer
		for _, x := range s.rx {
			rx := x.Stats()
			sn.Engine.Add(rx)
			sn.Calls += rx.Syncs
		}
		if done {
			sn.Undrained += s.undrained
		}
	}
	switch begin := r.begin.Load(); {
	case begin == 0:
	case done:
		sn.Seconds = r.seconds
	default:
		sn.Seconds = float64(engine.Monotonic()-begin) / 1e9
	}
	return sn
}
