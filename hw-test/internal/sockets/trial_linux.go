package sockets

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
)

// A pitch is where one trial is played: both sides, opened.
type pitch struct {
	l    *bench.Lab
	tx   sender
	rx   receivers
	wide bool // the sender sends from each CPU in turn
	t    trial
	// What the turns took, of either side.
	sends, receives turned
}

// try plays one trial of about the given number of packets, of the given bytes
// on the wire without headers (UDP) or with (AF_PACKET).
func try(ctx context.Context, l *bench.Lab, r *row, packet []byte, packets int) (t trial, err error) {
	p := &pitch{l: l, wide: r.rx.byCPU}
	open := openBareReceivers
	if r.rx.engine {
		open = openEngineReceivers
	}
	if p.rx, err = open(l, &r.rx); err != nil {
		return t, fmt.Errorf("receive by %s: %w", r.rx.name, err)
	}
	defer func() { err = errors.Join(err, p.rx.close()) }()
	openTX := openBareSender
	if r.tx.engine {
		openTX = openEngineSender
	}
	if p.tx, err = openTX(l, &r.tx, packet); err != nil {
		return t, fmt.Errorf("send by %s: %w", r.tx.name, err)
	}
	defer func() { err = errors.Join(err, p.tx.close()) }()
	err = onThread(l.Environment.CPUs[0], func() error { return p.play(ctx, r, packets) })
	return p.t, err
}

func (p *pitch) play(ctx context.Context, r *row, packets int) error {
	fill := fillTurns
	if r.kind == parallel {
		fill = fillParallel
	}
	if err := p.warmUp(r, &fill, segments(r.size)); err != nil {
		return err
	}
	sent, received, device, err := p.counts()
	if err != nil {
		return err
	}
	p.sends, p.receives = turned{}, turned{}
	p.t = trial{fill: fill, queues: make([]uint64, len(p.rx.queues))}
	for i := range received {
		p.t.queues[i] = -received[i].packets
	}
	if r.kind == together {
		err = p.together(ctx, packets)
	} else {
		for n := 0; n < packets && err == nil && ctx.Err() == nil; n += fill {
			err = p.turn(r.kind, fill)
		}
		p.t.send, p.t.recv = p.sends.usage(), p.receives.usage()
	}
	if err != nil {
		return err
	}
	sent2, received2, device2, err := p.counts()
	p.t.sent, p.t.notTaken = sent2.packets-sent.packets, sent2.notTaken-sent.notTaken
	p.t.send.calls = sent2.calls - sent.calls
	p.t.deviceDrops = device2 - device
	for i := range received2 {
		p.t.queues[i] += received2[i].packets
		p.t.received += p.t.queues[i]
		p.t.socketDrops += received2[i].drops - received[i].drops
		p.t.recv.calls += received2[i].calls - received[i].calls
	}
	return err
}

// warmUp plays until all buffers have been used, with fewer packets at a time
// where the receiving socket drops some.
func (p *pitch) warmUp(r *row, fill *int, least int) error {
	for good := 0; good < 2; {
		_, before, _, err := p.counts()
		if err == nil {
			err = p.turn(min(r.kind, parallel), *fill)
		}
		if err != nil {
			return err
		}
		_, after, _, err := p.counts()
		if err != nil {
			return err
		}
		var drops uint64
		for i := range after {
			drops += after[i].drops - before[i].drops
		}
		if good++; drops > 0 && *fill/2 >= least {
			*fill, good = *fill/2, 0
		}
	}
	return nil
}

// counts reads all counters.
func (p *pitch) counts() (sent counts, received []counts, device uint64, err error) {
	if sent, err = p.tx.counts(); err != nil {
		return
	}
	for _, q := range p.rx.queues {
		c, err := q.counts()
		if err != nil {
			return sent, nil, 0, err
		}
		received = append(received, c)
	}
	// What the other end has no room for counts there and here.
	c, err := p.l.A.NS.Counters(bench.NameA)
	return sent, received, c.TxDropped, err
}

// turn has the sender send n packets and then the receivers receive them.
func (p *pitch) turn(k kind, n int) error {
	cpus := p.l.Environment.CPUs
	var send, recv usage
	w := begin()
	if err := p.fill(n, cpus); err != nil {
		return err
	}
	w.end(&send)
	p.sends.add(send)
	if k == parallel {
		return p.drain(cpus)
	}
	w = begin()
	_, err := p.rx.queues[0].receive(n)
	w.end(&recv)
	p.receives.add(recv)
	return err
}

func (p *pitch) fill(n int, cpus []int) error {
	if !p.wide {
		return p.tx.send(n)
	}
	for _, cpu := range cpus {
		if err := pin(cpu); err != nil {
			return err
		}
		if err := p.tx.send(n / len(cpus)); err != nil {
			return err
		}
	}
	return pin(cpus[0])
}

// drain has every queue emptied by a thread of its own; they start at once.
func (p *pitch) drain(cpus []int) error {
	n := len(p.rx.queues)
	var ready atomic.Int32
	var first, last atomic.Int64
	errs, used := make([]error, n), make([]usage, n)
	base := time.Now()
	first.Store(int64(time.Hour))
	var wg sync.WaitGroup
	for i, q := range p.rx.queues {
		wg.Go(func() {
			errs[i] = onThread(cpus[i%len(cpus)], func() error {
				for ready.Add(1); int(ready.Load()) < n; {
					yield()
				}
				lower(&first, int64(time.Since(base)))
				w := begin()
				_, err := q.receive(1 << 30)
				w.end(&used[i])
				raise(&last, int64(time.Since(base)))
				return err
			})
		})
	}
	wg.Wait()
	recv := usage{wall: time.Duration(last.Load() - first.Load())}
	for _, u := range used {
		recv.cpu += u.cpu
	}
	p.receives.add(recv)
	return errors.Join(errs...)
}

// together has the sender send n packets while the receivers receive, each on
// the next CPU. Both sides' time is that of the whole.
func (p *pitch) together(ctx context.Context, n int) error {
	cpus := p.l.Environment.CPUs
	var done atomic.Bool
	var last atomic.Int64
	errs, used := make([]error, len(p.rx.queues)), make([]usage, len(p.rx.queues))
	begun := time.Now()
	var wg sync.WaitGroup
	for i, q := range p.rx.queues {
		wg.Go(func() {
			errs[i] = onThread(cpus[(i+1)%len(cpus)], func() error {
				w := begin()
				defer w.end(&used[i])
				for {
					over := done.Load()
					got, err := q.receive(1 << 30)
					if got > 0 {
						raise(&last, int64(time.Since(begun)))
					}
					switch {
					case err != nil, got == 0 && over:
						return err
					case got == 0:
						if err := q.wait(); err != nil {
							return err
						}
					}
				}
			})
		})
	}
	w := begin()
	var err error
	for sent := 0; sent < n && err == nil && ctx.Err() == nil; sent += fillTurns {
		err = p.tx.send(fillTurns)
	}
	w.end(&p.t.send)
	done.Store(true)
	wg.Wait()
	// At least the sender's: that the last packets were lost makes no rate higher.
	p.t.recv.wall = max(time.Duration(last.Load()), p.t.send.wall)
	for _, u := range used {
		p.t.recv.cpu += u.cpu
	}
	return errors.Join(append(errs, err)...)
}

func lower(a *atomic.Int64, n int64) {
	for old := a.Load(); n < old && !a.CompareAndSwap(old, n); old = a.Load() {
	}
}

func raise(a *atomic.Int64, n int64) {
	for old := a.Load(); n > old && !a.CompareAndSwap(old, n); old = a.Load() {
	}
}

// A watch measures a stretch of the calling thread.
type watch struct {
	wall time.Time
	cpu  time.Duration
}

func begin() watch { return watch{cpu: threadTime(), wall: time.Now()} }

func (w watch) end(u *usage) {
	u.wall += time.Since(w.wall)
	u.cpu += threadTime() - w.cpu
}

func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // cannot fail for this clock
	return time.Duration(t.Nano())
}

// onThread runs f on a thread of its own that runs on one CPU and ends with f.
func onThread(cpu int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := pin(cpu)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// pin has the calling thread run on one CPU.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("run on CPU %d: %w", cpu, err)
	}
	return nil
}

// yield lets another thread have this CPU if one waits for it.
func yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
