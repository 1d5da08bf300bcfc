package udp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

var hosts = []string{"127.0.0.1", "[::1]"}

// freePort returns an address at which nobody listens now.
func freePort(t testing.TB, host string) string {
	t.Helper()
	c, err := net.ListenPacket("udp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// mustOpen opens a port and closes its queues with the test.
func mustOpen(t testing.TB, arg string, o *backend.Options) (rx []*rxQueue, tx []*txQueue, f *backend.Facts) {
	t.Helper()
	r, w, f, err := Open(arg, o)
	if err != nil {
		t.Fatalf("%s: %v", arg, err)
	}
	if len(r) != o.RX || len(w) != o.TX {
		t.Fatalf("%s: %d and %d queues, want %d and %d", arg, len(r), len(w), o.RX, o.TX)
	}
	for _, q := range append(r, w...) {
		t.Cleanup(func() {
			if closed[q] {
				return
			}
			if err := q.Close(); err != nil {
				t.Errorf("%s: close: %v", arg, err)
			}
		})
	}
	for _, q := range r {
		rx = append(rx, q.(*rxQueue))
	}
	for _, q := range w {
		tx = append(tx, q.(*txQueue))
	}
	return rx, tx, f
}

// closed are the queues that closeAll has closed before their test ends.
var closed = map[backend.Queue]bool{}

func closeAll(t testing.TB, queues ...backend.Queue) {
	t.Helper()
	for _, q := range queues {
		closed[q] = true
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

// put hands over one packet.
func put(t testing.TB, q *txQueue, payload []byte) {
	t.Helper()
	r := q.Ring()
	if r.Space() == 0 {
		t.Fatal("the transmit ring is full")
	}
	s := r.Slot(r.Head())
	s.Len, s.Flags = uint16(len(payload)), 0
	copy(r.Buffer(s), payload)
	r.Advance(1)
}

// send hands over packets and syncs until all have left.
func send(t testing.TB, q *txQueue, payloads ...[]byte) {
	t.Helper()
	for _, p := range payloads {
		put(t, q, p)
	}
	for end := time.Now().Add(5 * time.Second); ; {
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		if q.Ring().Pending() == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d packets do not leave", q.Ring().Pending())
		}
	}
}

// take returns copies of what a queue has received, waiting up to five seconds
// for the first.
func take(t testing.TB, q *rxQueue) (all [][]byte) {
	t.Helper()
	r := q.Ring()
	for end := time.Now().Add(5 * time.Second); r.Space() == 0; {
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			return nil
		}
	}
	a, b := r.Runs()
	for _, run := range [][]netmap.Slot{a, b} {
		for i := range run {
			all = append(all, bytes.Clone(r.Bytes(&run[i])))
		}
	}
	r.Advance(len(all))
	return all
}

// TestExactDelivery sends numbered packets from every transmit queue to every
// receive queue, never more than the receivers have room for, and wants each
// exactly once and in the order of its sender.
func TestExactDelivery(t *testing.T) {
	const each = 5000
	for _, host := range hosts {
		for _, queues := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", host, queues), func(t *testing.T) {
				addr := freePort(t, host)
				rx, _, f := mustOpen(t, "@"+addr, &backend.Options{RX: queues, Slots: 64})
				// Many flows, so that each receive queue surely gets some.
				_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 16 * queues, Slots: 64})
				if !f.Payload || f.Interface != "" || f.MTU != 0 || f.RecvBuf < 200_000 || f.MaxFrame < 2048 || len(f.Notes) != 0 {
					t.Errorf("facts %+v", f)
				}
				next, got := make([]uint32, len(tx)), 0
				for sent := 0; sent < each*len(tx) || got < sent; {
					for i := 0; i < 32 && sent < each*len(tx); i++ {
						q := sent % len(tx)
						var b [8]byte
						binary.BigEndian.PutUint32(b[:], uint32(q))
						binary.BigEndian.PutUint32(b[4:], uint32(sent/len(tx)))
						send(t, tx[q], b[:])
						sent++
					}
					for end := time.Now().Add(5 * time.Second); got < sent; {
						if time.Now().After(end) {
							t.Fatalf("%d of %d arrived", got, sent)
						}
						for _, q := range rx {
							if err := q.Sync(); err != nil {
								t.Fatal(err)
							}
							if q.Ring().Space() == 0 {
								continue
							}
							for _, b := range take(t, q) {
								from, seq := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
								if len(b) != 8 || next[from] != seq {
									t.Fatalf("queue %d: packet %d of sender %d, want %d", q.Ring().Header().RingID, seq, from, next[from])
								}
								next[from]++
								got++
							}
						}
					}
				}
				var packets, size uint64
				for i, q := range rx {
					q.Collect()
					c := q.Counters()
					packets, size = packets+c.Packets.Load(), size+c.Bytes.Load()
					if c.Packets.Load() == 0 || c.KernelDrops.Load() != 0 || c.Truncated.Load() != 0 {
						t.Errorf("queue %d: %d packets, %d dropped, %d truncated", i, c.Packets.Load(), c.KernelDrops.Load(), c.Truncated.Load())
					}
				}
				for i, q := range tx {
					if n := q.Counters().Packets.Load(); n != each {
						t.Errorf("sender %d counts %d packets, want %d", i, n, each)
					}
				}
				if want := uint64(each * len(tx)); packets != want || size != 8*want {
					t.Errorf("%d packets of %d bytes, want %d of %d", packets, size, want, 8*want)
				}
			})
		}
	}
}

// pattern is a payload in which every byte tells its place and length.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + n + i>>8)
	}
	return b
}

func TestSizes(t *testing.T) {
	for _, host := range hosts {
		addr := freePort(t, host)
		rx, _, f := mustOpen(t, "@"+addr, &backend.Options{RX: 1, BufSize: 16384})
		_, tx, g := mustOpen(t, addr, &backend.Options{TX: 1, BufSize: 16384})
		if f.MaxFrame != rx[0].Ring().BufSize() || g.MaxFrame != f.MaxFrame {
			t.Errorf("MaxFrame %d and %d, buffers of %d", f.MaxFrame, g.MaxFrame, rx[0].Ring().BufSize())
		}
		var sizes []int
		for n := range 1473 {
			sizes = append(sizes, n)
		}
		for _, n := range append(sizes, 9000, 16384) {
			want := pattern(n)
			send(t, tx[0], want)
			got := take(t, rx[0])
			if len(got) != 1 || !bytes.Equal(got[0], want) {
				t.Fatalf("%s, %d bytes: got %d packets", host, n, len(got))
			}
		}
		if p := rx[0].Counters().Packets.Load(); p != 1475 || tx[0].Counters().Packets.Load() != p {
			t.Errorf("%s: %d packets received, want 1475", host, p)
		}
	}
}

// TestLongest sends what MaxFrame allows, and one byte more.
func TestLongest(t *testing.T) {
	for i, host := range hosts {
		addr := freePort(t, host)
		rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1, Slots: 4, BufSize: netmap.MaxBufSize})
		_, tx, f := mustOpen(t, addr, &backend.Options{TX: 1, Slots: 4, BufSize: netmap.MaxBufSize})
		if want := []int{65507, 65527}[i]; f.MaxFrame != want {
			t.Errorf("%s: MaxFrame %d, want %d", host, f.MaxFrame, want)
		}
		want := pattern(f.MaxFrame)
		send(t, tx[0], want)
		if got := take(t, rx[0]); len(got) != 1 || !bytes.Equal(got[0], want) {
			t.Fatalf("%s: %d packets of %d bytes", host, len(got), f.MaxFrame)
		}
		put(t, tx[0], pattern(f.MaxFrame+1))
		for range 2 { // the packet stays, and so does the error
			if err := tx[0].Sync(); !errors.Is(err, unix.EMSGSIZE) {
				t.Fatalf("%s: %v, want EMSGSIZE", host, err)
			}
		}
		if n := tx[0].Counters().Packets.Load(); n != 1 || tx[0].Ring().Pending() != 1 {
			t.Errorf("%s: %d packets sent, %d in the ring", host, n, tx[0].Ring().Pending())
		}
	}
}

// TestFragments sends a packet that lies in three slots.
func TestFragments(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1, BufSize: 16384})
	_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 1})
	want, r := pattern(5000), tx[0].Ring()
	for rest := want; len(rest) > 0; {
		s := r.Slot(r.Head())
		n := copy(r.Buffer(s)[:2000], rest)
		if s.Len, s.Flags, rest = uint16(n), netmap.MoreFrag, rest[n:]; len(rest) == 0 {
			s.Flags = 0
		}
		r.Advance(1)
	}
	send(t, tx[0])
	if got := take(t, rx[0]); len(got) != 1 || !bytes.Equal(got[0], want) || tx[0].Counters().Packets.Load() != 1 {
		t.Fatalf("%d packets arrived, %d sent", len(got), tx[0].Counters().Packets.Load())
	}
}

// TestTruncated mixes datagrams that fit no buffer with others.
func TestTruncated(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1, Slots: 16})
	_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 1, BufSize: 8192})
	fits := rx[0].Ring().BufSize()
	send(t, tx[0], pattern(fits+1), pattern(3), pattern(8000), pattern(fits), pattern(fits+1), pattern(0))
	var got [][]byte
	for len(got) < 3 {
		more := take(t, rx[0])
		if more == nil {
			break
		}
		got = append(got, more...)
	}
	if len(got) != 3 || !bytes.Equal(got[0], pattern(3)) || !bytes.Equal(got[1], pattern(fits)) || len(got[2]) != 0 {
		t.Errorf("got %d packets, want three", len(got))
	}
	if c := rx[0].Counters(); c.Truncated.Load() != 3 || c.Packets.Load() != 3 || c.Bytes.Load() != uint64(3+fits) {
		t.Errorf("%d truncated, %d packets of %d bytes", c.Truncated.Load(), c.Packets.Load(), c.Bytes.Load())
	}
}

// TestOverrun floods a socket that nobody reads, and wants every datagram
// either received or among the kernel's drops, over several readings.
func TestOverrun(t *testing.T) {
	for _, host := range hosts {
		for _, queues := range []int{1, 2} {
			addr := freePort(t, host)
			rx, _, f := mustOpen(t, "@"+addr, &backend.Options{RX: queues, RecvBuf: 65536, NoGRO: true})
			if f.RecvBuf != 2*65536 {
				t.Errorf("receive buffer of %d bytes, want %d", f.RecvBuf, 2*65536)
			}
			// A merged datagram is one drop for the kernel.
			_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 8, NoGSO: true})
			var sent, received, dropped uint64
			for range 3 {
				for _, q := range tx {
					for range 1000 {
						put(t, q, pattern(100))
					}
					send(t, q)
					sent += 1000
				}
				received, dropped = 0, 0
				for _, q := range rx {
					for q.Sync() == nil && q.Ring().Space() > 0 {
						q.Ring().Advance(q.Ring().Space())
					}
					q.Collect()
					received += q.Counters().Packets.Load()
					dropped += q.Counters().KernelDrops.Load()
				}
				if dropped == 0 || received == 0 || sent != received+dropped {
					t.Fatalf("%s, %d queues: %d sent, %d received, %d dropped", host, queues, sent, received, dropped)
				}
			}
		}
	}
}

// TestDropCounterWraps lets the kernel's 32-bit count go over its end.
func TestDropCounterWraps(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1})
	rx[0].seen = 1<<32 - 5 // as if it had dropped nearly 2^32; now it says 0
	rx[0].Collect()
	rx[0].Collect()
	if n := rx[0].Counters().KernelDrops.Load(); n != 5 {
		t.Errorf("%d drops, want 5", n)
	}
}

// TestAnyAddress receives both families at one socket.
func TestAnyAddress(t *testing.T) {
	_, port, err := net.SplitHostPort(freePort(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	rx, _, _ := mustOpen(t, "@:"+port, &backend.Options{RX: 1})
	for _, host := range append(hosts, "localhost") {
		_, tx, _ := mustOpen(t, host+":"+port, &backend.Options{TX: 1})
		send(t, tx[0], []byte(host))
		if got := take(t, rx[0]); len(got) != 1 || string(got[0]) != host {
			t.Errorf("%s: %q", host, got)
		}
	}
}

// TestNoAllocations holds that no direction allocates once it runs, whatever
// the packets go through.
func TestNoAllocations(t *testing.T) {
	a, b := freePort(t, "127.0.0.1"), freePort(t, "127.0.0.1")
	for _, c := range []struct {
		name, to string
		single   bool
	}{{"merged", a, false}, {"single", a, true}, {"several", a + "," + b, false}, {"several single", a + "," + b, true}, {"peers", "", false}, {"peers single", "", true}} {
		rx, _, _ := mustOpen(t, "@"+a, &backend.Options{RX: 1, NoGRO: c.single})
		if c.to == "" {
			c.to = "@127.0.0.1:" + b[strings.LastIndexByte(b, ':')+1:]
		}
		_, tx, f := mustOpen(t, c.to, &backend.Options{TX: 1, NoGSO: c.single})
		for i := range tx[0].Ring().Slots() {
			tx[0].Ring().Meta(tx[0].Ring().Slot(uint32(i))).SetPeer(ap(a), 0)
		}
		if f.Peers != strings.HasPrefix(c.name, "peers") {
			t.Errorf("%s: facts %+v", c.name, f)
		}
		payload, moved := pattern(64), 0
		n := testing.AllocsPerRun(200, func() {
			for i := range 32 {
				put(t, tx[0], payload[:60+i/16])
			}
			if tx[0].Sync() != nil || rx[0].Sync() != nil {
				t.Fatal("sync failed")
			}
			rx[0].Collect()
			moved += rx[0].Ring().Space()
			rx[0].Ring().Advance(rx[0].Ring().Space())
		})
		tc, rc := tx[0].Counters().Merged.Load(), rx[0].Counters().Merged.Load()
		if n != 0 || moved != 201*32 || c.single != (tc == 0) || c.single != (rc == 0) {
			t.Errorf("%s: %v allocations per batch, %d packets moved, %d and %d merged", c.name, n, moved, tc, rc)
		}
		closeAll(t, rx[0], tx[0])
	}
}
