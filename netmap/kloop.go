package netmap

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// KloopConfig says how a port works whose rings the kernel syncs by itself, in a
// loop, see [Port.RunKloop]. The zero value of a field is its default.
type KloopConfig struct {
	// Sleep is how long the loop sleeps between two rounds where Events is not
	// set, at most a second; 0: not at all, it keeps a processor busy.
	Sleep time.Duration
	// Events has loop and queues wake each other by eventfds (Linux): a Sync
	// that gives something wakes the loop, a Wait sleeps until the loop wakes
	// it. Without, both look again and again.
	Events bool
	// Mode is KloopDirectTx, KloopDirectRx, both or none. It wants Events.
	Mode KloopMode
}

// maxKloopSleep is the longest the kernel takes.
const maxKloopSleep = time.Second

// A kloop is what a port in CSB mode has: the shared memory by which its rings'
// head, cur and tail are exchanged, instead of by system calls.
type kloop struct {
	cfg  KloopConfig
	file File
	csb  *OptCSB
	fds  []KloopEventFD // by ring; nil without Events

	mu   sync.Mutex
	done chan struct{} // closed when the loop that runs has ended; nil if none does
}

func (c *KloopConfig) check(f Flags) error {
	switch {
	case f&FlagExclusive == 0:
		return fmt.Errorf("a port that the kernel's loop syncs must be held exclusively (flag x: netmap:eth0/x): %w", syscall.EINVAL)
	case c.Sleep < 0 || c.Sleep > maxKloopSleep:
		return fmt.Errorf("the kernel's loop sleeps for 0 to %v, not %v: %w", maxKloopSleep, c.Sleep, syscall.EINVAL)
	case c.Mode&^(KloopDirectTx|KloopDirectRx) != 0:
		return fmt.Errorf("the kernel's loop has no mode %#x: %w", uint32(c.Mode), syscall.EINVAL)
	case c.Mode != 0 && !c.Events:
		return fmt.Errorf("direct mode of the kernel's loop wants Events: %w", syscall.EINVAL)
	}
	return nil
}

// enableCSB puts a port of one descriptor into CSB mode. Its queues are there,
// transmit before receive, as the kernel counts them.
func (p *Port) enableCSB(c *KloopConfig) (err error) {
	queues := append(p.tx[:len(p.tx):len(p.tx)], p.rx...)
	k := &kloop{cfg: *c, file: p.regs[0].file, csb: NewCSB(len(queues))}
	p.kloop = k
	if c.Events {
		if k.fds, err = newEventFDs(len(queues)); err != nil {
			return err
		}
	}
	r := &Request{Type: ReqCSBEnable, Name: p.info.Spec.Name, Options: []Option{k.csb}}
	if err := k.file.Ctrl(r); err != nil {
		return fmt.Errorf("CSB mode: %w", explainRequest(nil, r, err))
	}
	for i, q := range queues {
		q.csb = &csbQueue{atok: &k.csb.AToK[i], ktoa: &k.csb.KToA[i], fds: KloopEventFD{IOEvent: -1, IRQ: -1}, pause: c.Sleep}
		if k.fds != nil {
			q.csb.fds = k.fds[i]
		}
		atomic.StoreUint32(&q.csb.atok.NeedKick, 0)
	}
	return nil
}

// RunKloop runs the kernel's loop, which syncs all rings of the port, and blocks
// until StopKloop or Close ends it: call it in a goroutine of its own, which
// the kernel keeps a thread for. The port must have been opened with
// Config.Kloop. Meanwhile, and also before and after, when nobody syncs the
// rings, Queue.Sync and Queue.Wait exchange indices with the loop through shared
// memory, without a system call where nobody sleeps.
//
// The kernel's loop heeds no signal, not even SIGKILL: a process that is killed
// stays until somebody reboots. Have every way out of the program stop it.
//
// It returns nil when it was stopped. Errors are *OpError: EBUSY if a loop runs,
// ErrClosed on a port that is closed, ErrNotSupported on one opened without
// Config.Kloop.
func (p *Port) RunKloop() error {
	if err := p.runKloop(); err != nil {
		return &OpError{Op: "run the kernel's loop on", Port: p.name, Err: err}
	}
	return nil
}

func (p *Port) runKloop() error {
	k := p.kloop
	if k == nil {
		return fmt.Errorf("the port was opened without Config.Kloop: %w", ErrNotSupported)
	}
	done := make(chan struct{})
	k.mu.Lock()
	switch {
	case p.stopped.Load():
		k.mu.Unlock()
		return ErrClosed
	case k.done != nil:
		k.mu.Unlock()
		return fmt.Errorf("a loop runs on it already (StopKloop ends it): %w", syscall.EBUSY)
	}
	k.done = done
	k.mu.Unlock()

	r := &Request{Type: ReqSyncKloopStart, Name: p.info.Spec.Name, Body: &SyncKloopStartReq{SleepUs: uint32(k.cfg.Sleep.Microseconds())}}
	if k.fds != nil {
		r.Options = append(r.Options, &OptSyncKloopEventFDs{EventFDs: k.fds})
	}
	if k.cfg.Mode != 0 {
		r.Options = append(r.Options, &OptSyncKloopMode{Mode: k.cfg.Mode})
	}
	err := k.file.Ctrl(r)
	if err != nil {
		err = explainRequest(nil, r, err)
	}
	k.mu.Lock()
	k.done = nil
	k.mu.Unlock()
	close(done)
	return err
}

// StopKloop ends the loop that RunKloop runs, and waits until it has ended. It
// may be called from any goroutine, and does nothing where no loop runs. It
// returns ErrClosed, in an *OpError, on a port that is closed.
func (p *Port) StopKloop() error {
	err := ErrClosed
	if !p.stopped.Load() {
		err = p.kloop.stop()
	}
	if err != nil {
		return &OpError{Op: "stop the kernel's loop on", Port: p.name, Err: err}
	}
	return nil
}

// stop may come before the kernel has got to the start of the loop: the loop
// then ends at once.
func (k *kloop) stop() error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	done := k.done
	k.mu.Unlock()
	if done == nil {
		return nil
	}
	err := k.file.Ctrl(&Request{Type: ReqSyncKloopStop})
	if err == nil {
		<-done
	}
	return err
}

// close ends the loop for good. The port is stopped, so that none starts after.
func (k *kloop) close() error {
	if k == nil {
		return nil
	}
	return k.stop()
}

func (k *kloop) closeFDs() {
	if k != nil {
		closeEventFDs(k.fds)
	}
}
