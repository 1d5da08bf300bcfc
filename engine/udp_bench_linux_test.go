package engine_test

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// udpPayload is the least that holds a probe.
const udpPayload = 18

// udpSocket is a bare socket: connected to an address, or bound to it.
func udpSocket(b *testing.B, addr string, bind bool) int {
	a, err := net.ResolveUDPAddr("udp4", addr)
	if err != nil {
		b.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { unix.Close(fd) })
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	sa := &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}
	if bind {
		err = unix.Bind(fd, sa)
	} else {
		err = unix.Connect(fd, sa)
	}
	if err != nil {
		b.Fatal(err)
	}
	return fd
}

// freeUDP returns a loopback address at which nobody listens.
func freeUDP(t testing.TB) string {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// sendNumbered sends n numbered payloads in bursts and waits until all have
// left.
func sendNumbered(b *testing.B, tx engine.TxQueue, burst, n int) {
	r := tx.Ring()
	for sent := 0; sent < n; {
		x, y := r.Burst(min(burst, n-sent))
		for _, run := range [][]netmap.Slot{x, y} {
			for i := range run {
				run[i].Len = udpPayload
				binary.BigEndian.PutUint64(r.Bytes(&run[i]), uint64(sent)+1)
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
}

// BenchmarkUDPSend sends numbered payloads over loopback to a socket that is
// full: through the engine one by one and merged, by the same system call in a
// bare loop, and by a call per payload.
func BenchmarkUDPSend(b *testing.B) {
	addr := freeUDP(b)
	full := udpSocket(b, addr, true)
	if err := unix.SetsockoptInt(full, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
		b.Fatal(err)
	}
	raw := newBare(udpSocket(b, addr, false), 512, udpPayload)
	for _, kind := range []string{"engine", "merged"} {
		port, err := engine.Open("udp:"+addr, &engine.Config{TX: 1, NoGSO: kind == "engine"})
		if err != nil {
			b.Fatal(err)
		}
		defer port.Close()
		for _, c := range benchBursts {
			b.Run(kind+"/"+c.name, func(b *testing.B) {
				begin := time.Now()
				sendNumbered(b, port.TX()[0], c.n, b.N)
				perPacket(b, time.Since(begin))
			})
		}
	}
	for _, c := range benchBursts {
		b.Run("bare/"+c.name, func(b *testing.B) {
			begin := time.Now()
			for sent := 0; sent < b.N; {
				n := min(c.n, b.N-sent)
				for i := range n {
					binary.BigEndian.PutUint64(raw.bufs[i], uint64(sent+i))
				}
				k, errno := raw.sendmmsg(n)
				if errno != 0 && errno != unix.EAGAIN && errno != unix.EINTR {
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
			binary.BigEndian.PutUint64(raw.bufs[0], uint64(sent))
			switch errno := raw.sendto(udpPayload); errno {
			case 0:
				sent++
			case unix.EAGAIN, unix.EINTR:
			default:
				b.Fatal(errno)
			}
		}
		perPacket(b, time.Since(begin))
	})
}

// BenchmarkUDPReceive takes payloads out of a full socket and reads their
// numbers; filling it is not timed. In "merged" they were sent merged and are
// received so.
func BenchmarkUDPReceive(b *testing.B) {
	addr := freeUDP(b)
	const backlog = 16384
	timed := func(b *testing.B, merged bool, take func(n int)) {
		port, err := engine.Open("udp:"+addr, &engine.Config{TX: 1, NoGSO: !merged})
		if err != nil {
			b.Fatal(err)
		}
		defer port.Close()
		var spent time.Duration
		for left := b.N; left > 0; {
			n := min(left, backlog)
			sendNumbered(b, port.TX()[0], 64, n)
			begin := time.Now()
			take(n)
			spent += time.Since(begin)
			left -= n
		}
		perPacket(b, spent)
	}
	var sum uint64
	for _, kind := range []string{"engine", "engine-gro", "merged"} {
		for _, c := range benchBursts {
			b.Run(kind+"/"+c.name, func(b *testing.B) {
				port, err := engine.Open("udp:@"+addr, &engine.Config{RX: 1, Slots: c.n + 1, NoGRO: kind == "engine"})
				if err != nil {
					b.Fatal(err)
				}
				defer port.Close()
				rx := port.RX()[0]
				timed(b, kind == "merged", func(n int) {
					r := rx.Ring()
					for got := 0; got < n; {
						if err := rx.Sync(); err != nil {
							b.Fatal(err)
						}
						x, y := r.Runs()
						for _, run := range [][]netmap.Slot{x, y} {
							for i := range run {
								sum += binary.BigEndian.Uint64(r.Bytes(&run[i]))
							}
						}
						got += len(x) + len(y)
						r.Advance(len(x) + len(y))
					}
				})
			})
		}
	}
	for _, c := range benchBursts {
		b.Run("bare/"+c.name, func(b *testing.B) {
			fd := udpSocket(b, addr, true)
			raw := newBare(fd, c.n, 2048)
			timed(b, false, func(n int) {
				for got := 0; got < n; {
					k, errno := raw.recvmmsg(c.n)
					if errno != 0 && errno != unix.EINTR {
						b.Fatal(errno)
					}
					for i := range k {
						sum += binary.BigEndian.Uint64(raw.bufs[i][:raw.msgs[i].len])
					}
					got += k
				}
			})
			unix.Close(fd)
		})
	}
	b.Run("recvfrom", func(b *testing.B) {
		raw := newBare(udpSocket(b, addr, true), 1, 2048)
		timed(b, false, func(n int) {
			for got := 0; got < n; {
				k, errno := raw.recvfrom()
				if errno != 0 && errno != unix.EINTR {
					b.Fatal(errno)
				}
				if errno == 0 {
					sum += binary.BigEndian.Uint64(raw.bufs[0][:k])
					got++
				}
			}
		})
	})
	if sink += sum; sink == 0 {
		b.Fatal("nothing was read")
	}
}
