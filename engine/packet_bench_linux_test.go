package engine_test

import (
	"encoding/binary"
	"math/bits"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap"
)

var benchBursts = []struct {
	name string
	n    int
}{{"burst=1", 1}, {"burst=16", 16}, {"burst=64", 64}, {"burst=512", 512}}

// The benchmarks' frames go to a MAC address that is not the peer's, so that
// its IP stack drops them early.
const benchFrame = "\x02\x00\x00\x00\x00\x99\x02\x00\x00\x00\x00\x01\x08\x00\x45\x00\x00\x2e\x00\x00\x40\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x01\x00\x01"

// sink keeps the compiler from dropping what a benchmark reads.
var sink uint64

func number(f []byte, n uint64) { binary.BigEndian.PutUint64(f[42:], n) }

// packetSocket is a bare socket on one end of the pair.
func packetSocket(b *testing.B, ns *netlab.NS, index int, protocol uint16) int {
	var fd int
	err := ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bits.ReverseBytes16(protocol), Ifindex: index})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { unix.Close(fd) })
	return fd
}

func perPacket(b *testing.B, d time.Duration) {
	b.ReportMetric(float64(d.Nanoseconds())/float64(b.N), "ns/pkt")
}

// BenchmarkPacketSend sends numbered 60-byte frames over veth: through the
// engine, by the same system call in a bare loop, and by a call per frame.
func BenchmarkPacketSend(b *testing.B) {
	pair := testnet.Pair(b, nil)
	port := openIn(b, pair.A.NS, "packet:"+pair.A.Name, &engine.Config{TX: 1})
	tx := port.TX()[0]
	for i := range tx.Ring().Slots() {
		s := tx.Ring().Slot(uint32(i))
		s.Len = 60
		copy(tx.Ring().Bytes(s), benchFrame)
	}
	raw := newBare(packetSocket(b, pair.A.NS, pair.A.Index, 0), 512, 60)
	for _, f := range raw.bufs {
		copy(f, benchFrame)
	}
	for _, c := range benchBursts {
		b.Run("engine/"+c.name, func(b *testing.B) {
			r := tx.Ring()
			begin := time.Now()
			for sent := 0; sent < b.N; {
				x, y := r.Burst(min(c.n, b.N-sent))
				for _, run := range [][]netmap.Slot{x, y} {
					for i := range run {
						number(r.Bytes(&run[i]), uint64(sent))
						sent++
					}
				}
				r.Advance(len(x) + len(y))
				if err := tx.Sync(); err != nil {
					b.Fatal(err)
				}
				for r.Pending() > 0 {
					if err := tx.Wait(time.Second); err != nil {
						b.Fatal(err)
					}
					if err := tx.Sync(); err != nil {
						b.Fatal(err)
					}
				}
			}
			perPacket(b, time.Since(begin))
		})
		b.Run("bare/"+c.name, func(b *testing.B) {
			begin := time.Now()
			for sent := 0; sent < b.N; {
				n := min(c.n, b.N-sent)
				for i := range n {
					number(raw.bufs[i], uint64(sent+i))
				}
				k, errno := raw.sendmmsg(n)
				if errno != 0 && errno != unix.ENOBUFS && errno != unix.EAGAIN && errno != unix.EINTR {
					b.Fatal(errno)
				}
				sent += k
			}
			perPacket(b, time.Since(begin))
		})
	}
	b.Run("sendto", func(b *testing.B) {
		begin := time.Now()
		for sent := 0; sent < b.N; {
			number(raw.bufs[0], uint64(sent))
			switch errno := raw.sendto(60); errno {
			case 0:
				sent++
			case unix.ENOBUFS, unix.EAGAIN, unix.EINTR:
			default:
				b.Fatal(errno)
			}
		}
		perPacket(b, time.Since(begin))
	})
}

// BenchmarkPacketReceive takes 60-byte frames out of a full socket and reads
// their number; filling it is not timed. The engine's sockets say of each frame
// what it lost on the way (PACKET_AUXDATA), stamped ones also when it came, and
// with super-frames what it was made of (PACKET_VNET_HDR); the bare ones say
// nothing.
func BenchmarkPacketReceive(b *testing.B) {
	pair := testnet.Pair(b, nil)
	source := openIn(b, pair.A.NS, "packet:"+pair.A.Name, &engine.Config{TX: 1}).TX()[0]
	const backlog = 16384
	// timed runs take until b.N frames have been taken out; it gets the
	// number that are there.
	timed := func(b *testing.B, take func(n int)) {
		var spent time.Duration
		for left := b.N; left > 0; {
			n := min(left, backlog)
			for sent := 0; sent < n; {
				k := min(512, n-sent)
				put(source.Ring(), k, 60, uint64(sent)+1)
				if rest, err := source.Drain(time.Second); rest > 0 || err != nil {
					b.Fatal(rest, err)
				}
				sent += k
			}
			begin := time.Now()
			take(n)
			spent += time.Since(begin)
			left -= n
		}
		perPacket(b, spent)
	}
	var sum uint64
	for _, c := range benchBursts {
		through := func(b *testing.B, cfg engine.Config) {
			// A ring of two bursts takes one a call, and no call ends at its wrap.
			cfg.RX, cfg.Slots, cfg.Vector = 1, 2*c.n, c.n
			port := openIn(b, pair.B.NS, "packet:"+pair.B.Name, &cfg)
			defer port.Close()
			rx := port.RX()[0]
			timed(b, func(n int) {
				r := rx.Ring()
				for got := 0; got < n; {
					if err := rx.Sync(); err != nil {
						b.Fatal(err)
					}
					x, y := r.Runs()
					for _, run := range [][]netmap.Slot{x, y} {
						for i := range run {
							sum += binary.BigEndian.Uint64(r.Bytes(&run[i])[42:])
						}
					}
					got += len(x) + len(y)
					r.Advance(len(x) + len(y))
				}
			})
		}
		b.Run("engine/"+c.name, func(b *testing.B) { through(b, engine.Config{}) })
		b.Run("stamped/"+c.name, func(b *testing.B) {
			through(b, engine.Config{Timestamps: engine.SoftwareTimestamps})
		})
		b.Run("super-frames/"+c.name, func(b *testing.B) { through(b, engine.Config{SuperFrames: true}) })
		b.Run("filtered/"+c.name, func(b *testing.B) {
			through(b, engine.Config{Filter: []bpf.RawInstruction{{Op: 6, K: 1 << 18}}})
		})
		b.Run("bare/"+c.name, func(b *testing.B) {
			raw := newBare(packetSocket(b, pair.B.NS, pair.B.Index, unix.ETH_P_ALL), c.n, 2048)
			timed(b, func(n int) {
				for got := 0; got < n; {
					k, errno := raw.recvmmsg(c.n)
					if errno != 0 && errno != unix.EINTR {
						b.Fatal(errno)
					}
					for i := range k {
						sum += binary.BigEndian.Uint64(raw.bufs[i][42:raw.msgs[i].len])
					}
					got += k
				}
			})
		})
	}
	b.Run("recvfrom", func(b *testing.B) {
		raw := newBare(packetSocket(b, pair.B.NS, pair.B.Index, unix.ETH_P_ALL), 1, 2048)
		timed(b, func(n int) {
			for got := 0; got < n; {
				k, errno := raw.recvfrom()
				if errno != 0 && errno != unix.EINTR {
					b.Fatal(errno)
				}
				if errno == 0 {
					sum += binary.BigEndian.Uint64(raw.bufs[0][42:k])
					got++
				}
			}
		})
	})
	if sink += sum; sink == 0 {
		b.Fatal("nothing was read")
	}
}
