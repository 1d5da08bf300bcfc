package manysockets

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/netmap"
)

// lab is the sockets, which serve all methods in turn.
type lab struct {
	ports  []*engine.Port
	queues []engine.RxQueue
	addrs  []netip.AddrPort
	sender *sender
}

// Without GRO, whose buffers of 64 KiB and more each queue would have, and which
// has nothing to merge here. Of a socket's memory: at 10 messages a second 7 slots are plenty, and the
// kernel's buffer, of which a small message takes about 800 bytes, holds some
// seconds of them.
const (
	slots   = 8
	recvBuf = 16 << 10
	// spare descriptors are for what is not a socket of the lab.
	spare = 64
	// perRegion is how many rings share one region of memory.
	perRegion = 1000
	// perAddress is how many sockets share an address of 127.0.0.0/8; their
	// ports are below those that the kernel gives out.
	perAddress, firstPort = 20000, 10000
)

// open opens all sockets and says in the report what there is.
func open(o *options, r *Report) (l *lab, err error) {
	n, note := allowed(o.sockets)
	if note != "" {
		r.Notes = append(r.Notes, note)
	}
	if n == 0 {
		return nil, errors.New(note)
	}
	r.Sockets = n
	l = &lab{}
	before := resident()
	r.Where = "on loopback in a network namespace of its own"
	ns, err := netlab.NewNS()
	if err != nil {
		r.Where = "on this host's loopback"
		r.Notes = append(r.Notes, fmt.Sprintf("No network namespace of its own: %v.", err))
		err = l.open(n, o.size)
	} else {
		// The sockets stay in it, and keep it until they are closed.
		err = errors.Join(ns.Do(func() error { return l.open(n, o.size) }), ns.Close())
	}
	if err != nil {
		l.close()
		return nil, err
	}
	r.MemoryBytes = resident() - before
	r.RecvBufBytes = l.ports[0].Info().RecvBuf
	return l, nil
}

func (l *lab) open(n, size int) (err error) {
	var mem *netmap.Memory
	for i := range n {
		if i%perRegion == 0 {
			mem, err = netmap.NewMemory(&netmap.MemoryConfig{Rings: min(perRegion, n-i), Slots: slots, BufSize: max(size, netmap.MinBufSize)})
			if err != nil {
				return err
			}
		}
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(i / perAddress), 1}), uint16(firstPort+i%perAddress))
		p, err := engine.Open("udp:@"+a.String(), &engine.Config{RX: 1, Slots: slots, Memory: mem, RecvBuf: recvBuf, NoGRO: true})
		if err != nil {
			return err
		}
		l.ports, l.queues, l.addrs = append(l.ports, p), append(l.queues, p.RX()[0]), append(l.addrs, a)
	}
	l.sender, err = newSender(l.addrs, size)
	return err
}

func (l *lab) close() {
	for _, p := range l.ports {
		_ = p.Close()
	}
	if l.sender != nil {
		l.sender.close()
	}
}

// allowed raises the limit of descriptors as far as it goes, and says how many
// sockets there can be.
func allowed(n int) (int, string) {
	want := uint64(n + spare)
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil || lim.Cur >= want {
		return n, ""
	}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: want, Max: max(want, lim.Max)}) == nil {
		return n, "" // as root beyond the hard limit, up to fs.nr_open
	}
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: lim.Max, Max: lim.Max})
	fewer := int(max(lim.Max, spare) - spare)
	return fewer, fmt.Sprintf("%d sockets instead of %d: this process may open %d descriptors (RLIMIT_NOFILE; ulimit -Hn as root raises it).", fewer, n, lim.Max)
}

// resident is this process's memory in bytes, 0 if it is not known.
func resident() int64 {
	b, _ := os.ReadFile("/proc/self/statm")
	if f := strings.Fields(string(b)); len(f) > 1 {
		n, _ := strconv.ParseInt(f[1], 10, 64)
		return n * int64(os.Getpagesize())
	}
	return 0
}

// slack is how long the receiver waits for what has been sent, from the last of
// it that came: it may be the machine that stands still.
const slack = 3 * time.Second

// measure sends for a while to all sockets, which a method receives.
func (l *lab) measure(ctx context.Context, method string, o *options) (row Row, err error) {
	row = Row{Method: method, Sockets: len(l.queues)}
	before := make([]engine.Stats, len(l.queues))
	for i, q := range l.queues {
		before[i] = q.Stats()
	}
	whole := cpu(unix.RUSAGE_SELF)

	r := &receiver{queues: l.queues, got: make([]uint64, len(l.queues))}
	ready, done := make(chan error, 1), make(chan error, 1)
	go func() { done <- r.run(method, ready) }()
	if err := <-ready; err != nil {
		return row, errors.Join(err, <-done)
	}
	sent := make(chan error, 1)
	go func() { sent <- l.sender.run(ctx, o.rate, o.seconds, &row) }()
	err = <-sent
	for last, since := uint64(0), time.Now(); r.total.Load() < row.Sent && time.Since(since) < slack; {
		time.Sleep(5 * time.Millisecond)
		if n := r.total.Load(); n != last {
			last, since = n, time.Now()
		}
	}
	r.over.Store(true)
	if err = errors.Join(err, <-done); err != nil {
		return row, err
	}
	row.ProcessCPU = (cpu(unix.RUSAGE_SELF) - whole).Seconds()
	row.ReceiveCPU, row.Waits, row.Events = r.cpu.Seconds(), r.waits, r.events
	for i, q := range l.queues {
		s := q.Stats()
		row.KernelDrops += s.KernelDrops - before[i].KernelDrops
		row.Syncs += s.Syncs - before[i].Syncs
		row.Received += r.got[i]
		if r.got[i] != l.sender.to[i] {
			row.Uneven++
		}
	}
	row.judge()
	return row, nil
}

// cpu is the CPU time of this process or thread so far.
func cpu(who int) time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A receiver is one thread that receives at all sockets.
type receiver struct {
	queues []engine.RxQueue
	got    []uint64 // by socket
	waits  uint64
	events uint64
	cpu    time.Duration
	total  atomic.Uint64 // of got, for others
	over   atomic.Bool
}
