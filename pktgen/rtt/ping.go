package rtt

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cputime"
	"github.com/ringwalk/ringwalk/internal/frame"
)

// Config says what to send and for how long. The zero value sends one packet
// after the other, each when the one before is answered, until its context ends.
type Config struct {
	Count    uint64        // pings; 0: no limit
	Duration time.Duration // of sending; 0: no limit
	// Rate is pings a second, whether answered or not; 0: the next batch goes
	// when all of the one before are answered or given up.
	Rate  float64
	Burst int // pings per batch; 1, as in pkt-gen

	// Timeout is how long an answer may take: what comes later counts as late,
	// and for as long answers are awaited after the last ping. 1 s.
	Timeout time.Duration

	// Len is the length of a frame without CRC in bytes, of a payload on a
	// port that carries payloads; 60.
	Len            int
	Src, Dst       netip.AddrPort   // zero: 10.0.0.1:1234 and 10.1.0.1:1234, as in pkt-gen
	SrcMAC, DstMAC net.HardwareAddr // nil: the port's own, and broadcast

	// Shape is all else that a ping can be; of what varies in it, pings have
	// the first value.
	Shape frame.Shape

	// CPUs are those the thread may run on; empty: all.
	CPUs []int
	// DrainTimeout bounds the wait for pings in the ring to leave at the end,
	// beyond Timeout; 1 s.
	DrainTimeout time.Duration
}

// A Pinger sends pings from one port and times their answers.
type Pinger struct {
	cfg   Config
	rx    []engine.RxQueue
	tx    engine.TxQueue
	base  engine.Stats // of tx, before Run
	stage *pingStage
	frame []byte

	log       log
	cpu       cputime.Meter
	begin     atomic.Int64 // engine.Monotonic
	ended     atomic.Bool
	seconds   float64 // of sending; written before ended is set
	undrained uint64  // written before ended is set
}

// NewPinger makes a pinger for a port opened with receive queues and at least
// one transmit queue. It does not close the port. Nothing is sent before Run.
func NewPinger(port *engine.Port, c *Config) (*Pinger, error) {
	return newPinger(port.RX(), port.TX(), port.Info(), c)
}

func newPinger(rx []engine.RxQueue, tx []engine.TxQueue, info engine.Info, c *Config) (*Pinger, error) {
	p := &Pinger{rx: rx}
	if c != nil {
		p.cfg = *c
	}
	if len(rx) == 0 || len(tx) == 0 {
		return nil, fmt.Errorf("port %s was opened with %d receive and %d transmit queues: ping needs both", info.Spec, len(rx), len(tx))
	}
	if info.Peers {
		return nil, fmt.Errorf("port %s has nobody to ping but those who send to it: add REMOTE:PORT", info.Spec)
	}
	p.tx = tx[0]
	if err := p.cfg.complete(); err != nil {
		return nil, err
	}
	fc := frame.Config{SrcMAC: p.cfg.SrcMAC, DstMAC: p.cfg.DstMAC, Src: p.cfg.Src, Dst: p.cfg.Dst, Len: p.cfg.Len, Shape: p.cfg.Shape}
	if info.Link == engine.Payload {
		fc.Link = frame.Payload
	}
	if fc.SrcMAC == nil {
		fc.SrcMAC = info.MAC
	}
	t, err := frame.New(fc)
	if err != nil {
		return nil, err
	}
	if p.frame = t.Bytes(); len(p.frame) > info.MaxFrame {
		return nil, fmt.Errorf("pings of %d bytes are longer than the %d that %s takes", len(p.frame), info.MaxFrame, info.Spec)
	}
	echo, err := t.Echo()
	if err != nil {
		return nil, err
	}
	p.log.init(p.cfg.Timeout)
	p.base = p.tx.Stats()
	p.stage = &pingStage{
		cfg: &p.cfg, echo: echo, frame: p.frame, head: info.VnetHdr, ether: fc.Link == frame.Ethernet,
		table: make([]int64, tableSize(&p.cfg)), log: &p.log,
	}
	return p, nil
}

// complete fills in the defaults and refuses what makes no sense.
func (c *Config) complete() error {
	if c.Burst == 0 {
		c.Burst = 1
	}
	if c.Timeout == 0 {
		c.Timeout = time.Second
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = time.Second
	}
	switch {
	case c.Burst < 0:
		return fmt.Errorf("burst of %d pings: want at least 1", c.Burst)
	case c.Duration < 0:
		return fmt.Errorf("duration of %v: want a positive one", c.Duration)
	case c.Rate < 0 || math.IsNaN(c.Rate) || math.IsInf(c.Rate, 0):
		return fmt.Errorf("rate of %v pings a second: want a positive one", c.Rate)
	case c.Timeout < time.Millisecond || c.Timeout > time.Hour:
		return fmt.Errorf("timeout of %v: want 1 ms to 1 h", c.Timeout)
	}
	return nil
}

// mostOpen bounds the table of pings that may still be answered.
const mostOpen = 1 << 22

// tableSize is a power of two with room for all pings that can be under way
// within the timeout, up to mostOpen.
func tableSize(c *Config) int {
	n := 2 * max(c.Rate*c.Timeout.Seconds(), float64(c.Burst), 512)
	if n >= mostOpen {
		return mostOpen
	}
	return 1 << bits.Len(uint(n))
}

// Run pings; it blocks until all pings are sent, the duration is over or ctx
// ends, none of which is an error, and then until the last is answered or
// Timeout has passed. It may be called once.
func (p *Pinger) Run(ctx context.Context) error {
	p.cpu.Start()
	defer p.cpu.Stop()
	s := p.stage
	s.begin = engine.Monotonic()
	s.wall = time.Now().UnixNano() - s.begin
	p.begin.Store(s.begin)
	if p.cfg.Duration > 0 {
		s.until = s.begin + int64(p.cfg.Duration)
	}
	err := p.work(ctx)
	end := engine.Monotonic()
	var left int
	if err == nil {
		// The stragglers, and what still waits in the ring to leave.
		s.linger = true
		rest, cancel := context.WithTimeout(context.Background(), p.cfg.Timeout+p.cfg.DrainTimeout)
		err = p.work(rest)
		cancel()
	}
	if err == nil {
		left, err = p.tx.Drain(p.cfg.DrainTimeout)
		for _, q := range p.rx {
			// The last answers are given back: on a pipe, only then have they
			// left their sender.
			err = errors.Join(err, q.Sync())
		}
	} else {
		left = p.tx.Ring().Pending()
	}
	switch t, ok := s.paced(); {
	case ok:
		end = t
	case s.cfg.Count > 0 && s.next == s.cfg.Count:
		end = engine.Monotonic() // one after the other, the last one's answer too
	}
	if s.until != 0 {
		end = min(end, s.until)
	}
	p.seconds = float64(end-s.begin) / 1e9
	s.conclude()
	p.undrained = uint64(left)
	p.ended.Store(true)
	return err
}

// work runs the stage; that ctx ends is no error.
func (p *Pinger) work(ctx context.Context) error {
	w := engine.Worker{In: p.rx, Out: []engine.TxQueue{p.tx}, Stage: p.stage, CPUs: p.cfg.CPUs}
	err := w.Run(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// A Snapshot is what has become of the pings until now.
type Snapshot struct {
	Sent       uint64        // pings that have left
	Bytes      uint64        // of those, without CRC
	Batches    uint64        // syncs that sent at least one
	Calls      uint64        // system calls, of all queues, that moved or tried to move packets; those that wait are not counted
	Undrained  uint64        // pings that were in the ring and had not left at the end
	Received   uint64        // answered within the timeout, each counted once
	Lost       uint64        // not answered within the timeout; after Run, all that left and are not in Received
	Duplicates uint64        // answers to what had been answered
	Late       uint64        // first answers to pings that count as lost
	Foreign    uint64        // packets that are no answer to any ping of this run
	GivenUp    time.Duration // of a paced schedule: time that was too far behind to catch up
	Seconds    float64       // of sending
	CPU        time.Duration // of the thread, user and system, the answers too; see cputime.Meter.Used
	RTT        Times         // of Received
	Engine     engine.Stats  // of the receive queues
}

// Snapshot may be called from any goroutine at any time. It does not hold up
// the thread that measures.
func (p *Pinger) Snapshot() Snapshot {
	done := p.ended.Load()
	c := &p.stage.pub
	sn := Snapshot{
		Received: c.received.Load(), Lost: c.lost.Load(), Duplicates: c.duplicates.Load(),
		Late: c.late.Load(), Foreign: c.foreign.Load(), GivenUp: time.Duration(c.givenUp.Load()),
	}
	tx := p.tx.Stats()
	// A ring may tell of what has left only when it runs short of room; what
	// is answered has left.
	sn.Sent = max(tx.Packets-p.base.Packets, sn.Received)
	sn.Bytes, sn.Batches = sn.Sent*uint64(len(p.frame)), tx.Batches-p.base.Batches
	for _, q := range p.rx {
		sn.Engine.Add(q.Stats())
	}
	sn.Calls = tx.Syncs - p.base.Syncs + sn.Engine.Syncs
	sn.RTT, sn.CPU = p.log.total(), p.cpu.Used()
	switch begin := p.begin.Load(); {
	case begin == 0:
	case done:
		sn.Seconds, sn.Undrained = p.seconds, p.undrained
		sn.Lost = sn.Sent - min(sn.Sent, sn.Received)
	default:
		sn.Seconds = float64(engine.Monotonic()-begin) / 1e9
	}
	return sn
}

// Interval returns the times of the answers since the last Interval. It is for
// one caller; else it is as Snapshot.
func (p *Pinger) Interval() Times { return p.log.interval() }
