package engine_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
)

// ways are the ways of waiting that are compared.
var ways = []string{"poll", "level", "edge", "oneshot"}

var modeOf = map[string]engine.Mode{"level": engine.Level, "edge": engine.Edge, "oneshot": engine.OneShot}

// needDescriptors skips where the process may not open n more.
func needDescriptors(b *testing.B, n int) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil || lim.Cur < uint64(n+100) {
		b.Skipf("%d descriptors are needed, RLIMIT_NOFILE is %d", n, lim.Cur)
	}
}

// One of a hundred sockets gets a datagram, then all that are ready are found
// and received. ns/event is the time from the first wait to the last
// datagram, by event: with poll(2) it grows with the idle sockets.
func BenchmarkPoller(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("sockets=%d", n), func(b *testing.B) {
			needDescriptors(b, n)
			f := newFlock(b, n)
			for _, way := range ways {
				b.Run(way, func(b *testing.B) { f.benchmark(b, way) })
			}
		})
	}
}

func (f *flock) benchmark(b *testing.B, way string) {
	receive := f.receiver(b, way)
	active := max(1, len(f.ports)/100)
	var took time.Duration
	waits, next := 0, 0
	for b.Loop() {
		for range active {
			f.send(b, next, 1)
			next = (next + 101) % len(f.ports)
		}
		start := time.Now()
		for got := 0; got < active; waits++ {
			n, err := receive()
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
		took += time.Since(start)
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N*active), "ns/event")
	b.ReportMetric(float64(b.N*active)/float64(waits), "events/wait")
}

// receiver returns a function that waits once, receives what is ready and
// returns how many datagrams that were.
func (f *flock) receiver(b *testing.B, way string) func() (int, error) {
	if way == "poll" {
		fds := make([]unix.PollFd, len(f.ports))
		for i, p := range f.ports {
			fd, events, _, err := engine.WaitsFor(p.RX()[0])
			if err != nil || fd < 0 {
				b.Fatal(fd, err)
			}
			fds[i] = unix.PollFd{Fd: int32(fd), Events: events}
		}
		return func() (got int, err error) {
			n, err := unix.Poll(fds, -1)
			for i := 0; n > 0; i++ {
				if fds[i].Revents == 0 {
					continue
				}
				n--
				q := f.ports[i].RX()[0]
				if err := q.Sync(); err != nil {
					return got, err
				}
				got += q.Ring().Space()
				q.Ring().Advance(q.Ring().Space())
			}
			if err == unix.EINTR {
				err = nil
			}
			return got, err
		}
	}
	p := newPoller(b, nil)
	f.add(b, p, modeOf[way])
	return func() (got int, err error) {
		events, err := p.Wait(-1)
		for _, e := range events {
			n := 0
			if way == "edge" {
				n, err = e.Source.Drain(64, takeAll)
			} else if q := e.Source.Queue(); err == nil {
				err = q.Sync()
				n = q.Ring().Space()
				q.Ring().Advance(n)
			}
			if err == nil {
				err = e.Source.Rearm()
			}
			if got += n; err != nil {
				break
			}
		}
		return got, err
	}
}

// A message of 1 to 100 KB over one of a hundred stream sockets, written as far
// as there is room and read to its end, 4 KiB a read.
func BenchmarkPollerTransfer(b *testing.B) {
	const pairs = 100
	needDescriptors(b, 2*pairs)
	for _, size := range []int{1000, 10_000, 100_000} {
		for _, way := range ways {
			b.Run(fmt.Sprintf("bytes=%d/%s", size, way), func(b *testing.B) { stream(b, pairs, size, way) })
		}
	}
}

func stream(b *testing.B, pairs, size int, way string) {
	b.SetBytes(int64(size))
	var poller *engine.Poller
	if way != "poll" {
		poller = newPoller(b, nil)
	}
	in, out := make([]unix.PollFd, pairs), make([]int, pairs)
	for i := range pairs {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		in[i], out[i] = unix.PollFd{Fd: int32(fds[0]), Events: unix.POLLIN}, fds[1]
		b.Cleanup(func() {
			unix.Close(fds[0])
			unix.Close(fds[1])
		})
		if poller != nil {
			if _, err := poller.AddFD(fds[0], engine.ToRead, modeOf[way]); err != nil {
				b.Fatal(err)
			}
		}
	}
	buf, message := make([]byte, 4096), make([]byte, size)
	read := func(fd int) (n int) {
		for {
			k, err := unix.Read(fd, buf)
			if err != nil && err != unix.EAGAIN && err != unix.EINTR {
				b.Fatal(err)
			}
			if n += max(k, 0); way != "edge" || err == unix.EAGAIN {
				return n
			}
		}
	}
	waits := 0
	for i := 0; b.Loop(); i = (i + 1) % pairs {
		for sent, got := 0, 0; got < size; waits++ {
			if sent < size {
				n, err := unix.Write(out[i], message[sent:])
				if err != nil && err != unix.EAGAIN && err != unix.EINTR {
					b.Fatal(err)
				}
				sent += max(n, 0)
			}
			if poller == nil {
				if _, err := unix.Poll(in, -1); err != nil && err != unix.EINTR {
					b.Fatal(err)
				}
				for k := range in {
					if in[k].Revents != 0 {
						got += read(int(in[k].Fd))
					}
				}
				continue
			}
			events, err := poller.Wait(-1)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range events {
				got += read(e.Source.FD())
				if err := e.Source.Rearm(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.ReportMetric(float64(waits)/float64(b.N), "waits/op")
}
