package netmaptest_test

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// state polls a queue's descriptor without waiting.
func state(t *testing.T, q *netmap.Queue) int16 {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(q.FD()), Events: unix.POLLIN | unix.POLLOUT}}
	for {
		_, err := unix.Poll(fds, 0)
		if err == nil {
			return fds[0].Revents
		}
		if err != unix.EINTR {
			t.Fatal(err)
		}
	}
}

func TestDescriptorFollowsTheRings(t *testing.T) {
	d := device(t)
	for _, c := range []struct {
		from, to string
		drops    bool // a full receiver's packets are lost, so that the sender always has room
	}{{"netmap:nm1", "netmap:nm0-0", true}, {"vale0:a", "vale0:b", true}, {"netmap:nm0{1", "netmap:nm0}1", false}} {
		a, b := open(t, d, c.from), open(t, d, c.to)
		x, y := a.TX()[0], b.RX()[0]
		arp := broadcast[:20] // no IP: ring 0
		for range 3 {
			if s := state(t, y); s&unix.POLLIN != 0 {
				t.Errorf("%s: readable with nothing there", c.to)
			}
			if s := state(t, x); s&unix.POLLOUT == 0 {
				t.Errorf("%s: not writable with room", c.from)
			}
			send(t, x, arp)
			if s := state(t, y); s&unix.POLLIN == 0 {
				t.Errorf("%s: not readable with a packet there", c.to)
			}
			same(t, take(t, y), arp)
			ok(t, y.Sync())
			for range 2 { // the first sync may bring back what was read before
				for x.Ring().Space() > 0 {
					put(t, x, arp)
				}
				ok(t, x.Sync())
			}
			if s := state(t, x); (s&unix.POLLOUT != 0) != (x.Ring().Space() > 0) || c.drops != (x.Ring().Space() > 0) {
				t.Errorf("%s: state %#x with room for %d", c.from, s, x.Ring().Space())
			}
			take(t, y)
			ok(t, y.Sync())
			if s := state(t, x); s&unix.POLLOUT == 0 {
				t.Errorf("%s: not writable after the receiver has read", c.from)
			}
			ok(t, x.Sync())
		}
		ok(t, b.Close())
		ok(t, a.Close())
	}
	a := open(t, d, "netmap:nm0")
	ok(t, d.SetDown("nm0", true))
	if s := state(t, a.RX()[0]); s&unix.POLLIN == 0 {
		t.Error("a port in error does not wake who polls it")
	}
	ok(t, d.SetDown("nm0", false))
	if s := state(t, a.RX()[0]); s&unix.POLLIN != 0 {
		t.Error("a port up again does")
	}
}

func TestPollWakes(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm1"), open(t, d, "netmap:nm0-0")
	time.AfterFunc(10*time.Millisecond, func() { send(t, a.TX()[0], broadcast[:20]) })
	begin := time.Now()
	ok(t, b.RX()[0].Wait(10*time.Second))
	if b.RX()[0].Ring().Space() != 1 || time.Since(begin) > 5*time.Second {
		t.Errorf("space %d after %v", b.RX()[0].Ring().Space(), time.Since(begin))
	}
}

// A poll for packets pushes the transmit rings out too, unless told not to.
func TestPollPushes(t *testing.T) {
	d := device(t)
	b := open(t, d, "netmap:nm1")
	for _, c := range []struct {
		flags netmap.Flags
		ev    int16
		want  int
	}{{0, unix.POLLIN, 1}, {netmap.FlagNoTxPoll, unix.POLLIN, 0}, {netmap.FlagNoTxPoll, unix.POLLOUT, 1}} {
		p := open(t, d, "netmap:nm0")
		f, err := register(t, d, "nm0", &netmap.RegisterReq{Mode: netmap.ModeAllNIC, Flags: c.flags})
		ok(t, err)
		put(t, p.TX()[0], broadcast)
		if _, err := f.Poll(c.ev, 0); err != nil {
			t.Error(err)
		}
		if n := len(takeAll(t, b)); n != c.want {
			t.Errorf("flags %#x, events %#x: %d packets went out, want %d", c.flags, c.ev, n, c.want)
		}
		ok(t, f.Close())
		ok(t, p.Close())
		takeAll(t, b)
	}
}

// Owners of all queues at once, with nothing lost or mixed up: through pipes
// every packet arrives, through NICs and VALE those that were not dropped.
func TestOwnersAtOnce(t *testing.T) {
	for _, c := range []struct {
		a, b     string
		lossless bool
	}{{"netmap:nm0", "netmap:nm1", false}, {"vale0:a", "vale0:b", false}, {"netmap:nm0{1", "netmap:nm0}1", true}} {
		t.Run(c.a, func(t *testing.T) {
			d := device(t)
			const each = 3000
			a, b := open(t, d, c.a), open(t, d, c.b)
			var senders, receivers sync.WaitGroup
			stop := make(chan struct{})
			var mu sync.Mutex
			got := map[uint64]int{}
			tx := 0
			for end, p := range []*netmap.Port{a, b} {
				for i, q := range p.TX() {
					tx++
					senders.Go(func() {
						f := frame(byte(2-end), byte(1+end), uint16(i), 64)
						for n := range uint64(each) {
							for q.Ring().Space() == 0 {
								if q.Sync(); q.Ring().Space() == 0 {
									if err := q.Wait(10 * time.Millisecond); err != nil {
										t.Error(err)
										return
									}
								}
							}
							binary.BigEndian.PutUint64(f[50:], uint64(end)<<40|uint64(i)<<32|n)
							put(t, q, f)
							if n%7 == 0 {
								q.Sync()
							}
						}
						q.Sync()
					})
				}
				for _, q := range p.RX() {
					receivers.Go(func() {
						var mine []uint64
						for done := false; ; {
							frames := take(t, q)
							for _, f := range frames {
								mine = append(mine, binary.BigEndian.Uint64(f[50:]))
							}
							if len(frames) > 0 {
								continue
							}
							if done {
								break
							}
							select {
							case <-stop:
								done = true
							default:
								if err := q.Wait(time.Millisecond); err != nil {
									t.Error(err)
									return
								}
							}
						}
						mu.Lock()
						defer mu.Unlock()
						last := map[uint64]uint64{}
						for _, n := range mine {
							got[n]++
							if l, seen := last[n>>32]; seen && n <= l {
								t.Errorf("%x after %x", n, l)
								return
							}
							last[n>>32] = n
						}
					})
				}
			}
			senders.Wait()
			close(stop)
			receivers.Wait()
			for n, k := range got {
				if k != 1 || n&0xffffffff >= each {
					t.Fatalf("packet %x came %d times", n, k)
				}
			}
			x, y := d.Counters(name(c.a)), d.Counters(name(c.b))
			if sent := x.Sent + y.Sent; sent != uint64(tx*each) || x.Received+y.Received != uint64(len(got)) {
				t.Errorf("%d sent; %+v, %+v; %d came", tx*each, x, y, len(got))
			}
			if c.lossless && len(got) != tx*each || !c.lossless && uint64(len(got))+x.Dropped+y.Dropped != uint64(tx*each) || len(got) == 0 {
				t.Errorf("%d of %d came, %d dropped", len(got), tx*each, x.Dropped+y.Dropped)
			}
		})
	}
}

// name takes the prefix off a spec.
func name(spec string) string {
	if len(spec) > 7 && spec[:7] == "netmap:" {
		return spec[7:]
	}
	return spec
}

func TestSyncAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	d := device(t)
	for _, c := range [][2]string{{"netmap:nm1", "netmap:nm0-0"}, {"vale0:a", "vale0:b"}, {"netmap:nm0{1", "netmap:nm0}1"}} {
		a, b := open(t, d, c[0]), open(t, d, c[1])
		x, y := a.TX()[0], b.RX()[0]
		state(t, x)
		state(t, y)
		arp := broadcast[:20]
		n := testing.AllocsPerRun(100, func() {
			put(t, x, arp)
			_ = x.Sync()
			_ = y.Wait(time.Second)
			y.Ring().Advance(1)
			_ = y.Sync()
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a packet", c[0], n)
		}
		ok(t, a.Close())
		ok(t, b.Close())
	}
}
