package sockets

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// loop opens a receiver and a sender over loopback.
func loop(t *testing.T, tx, rx side, packet []byte) (*bareSender, *bareReceiver) {
	t.Helper()
	socket := func() int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	in, out := socket(), socket()
	if err := unix.Bind(in, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if rx.gro {
		if err := unix.SetsockoptInt(in, unix.SOL_UDP, udpGRO, 1); err != nil {
			t.Fatal(err)
		}
	}
	to, err := unix.Getsockname(in)
	if err == nil {
		err = unix.Connect(out, to)
	}
	if err != nil {
		t.Fatal(err)
	}
	return newBareSender(&tx, []int{out}, packet), newBareReceiver(&rx, in)
}

// Every bare call moves what it says it does, all its bytes, and allocates
// nothing.
func TestBareCalls(t *testing.T) {
	plain := side{call: callRecvmmsg, vector: 8}
	many := side{call: callSendmmsg, vector: 8}
	for _, c := range []struct {
		name   string
		tx, rx side
		// System calls for 64 packets; those that receive may find nothing once.
		sends, receives uint64
	}{
		{"sendto", side{call: callSendto}, plain, 64, 8},
		{"sendmmsg", many, plain, 8, 8},
		{"sendmmsg, one of many", side{call: callSendmmsg, vector: maxVector}, plain, 1, 8},
		{"recvfrom", many, side{call: callRecvfrom}, 8, 64},
		{"recvmsg", many, side{call: callRecvmsg}, 8, 64},
		{"recvmmsg, one of many", many, side{call: callRecvmmsg, vector: maxVector}, 8, 1},
		{"UDP_SEGMENT", side{call: callSendmmsg, vector: 1, gso: true}, plain, 1, 8},
		{"UDP_SEGMENT, one buffer", side{call: callSendmmsg, vector: 1, gso: true, flat: true}, plain, 1, 8},
		{"UDP_GRO", side{call: callSendmmsg, vector: 1, gso: true}, side{call: callRecvmsg, gro: true}, 1, 1},
		{"UDP_GRO, many", side{call: callSendmmsg, vector: 1, gso: true}, side{call: callRecvmmsg, vector: 4, gro: true}, 1, 1},
		{"UDP_GRO, taken apart", side{call: callSendmmsg, vector: 1, gso: true}, side{call: callRecvmmsg, vector: 4, gro: true, keep: true}, 1, 1},
		{"into many buffers", many, side{call: callRecvmmsg, vector: 8, keep: true}, 8, 8},
		{"UDP_GRO of single ones", many, side{call: callRecvmmsg, vector: 8, gro: true}, 8, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			packet := make([]byte, 100)
			tx, rx := loop(t, c.tx, c.rx, packet)
			once := func() {
				if err := tx.send(64); err != nil {
					t.Fatal(err)
				}
				if n, err := rx.receive(64); err != nil || n != 64 {
					t.Fatal(n, err)
				}
			}
			once()
			sent, _ := tx.counts()
			got, err := rx.counts()
			if err != nil || sent != (counts{packets: 64, calls: c.sends}) || got.packets != 64 || got.calls != c.receives || rx.bytes != 6400 {
				t.Errorf("sent %+v, received %+v with %d bytes: %v", sent, got, rx.bytes, err)
			}
			if n := testing.AllocsPerRun(10, once); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if n, err := rx.receive(1); n != 0 || err != nil {
				t.Errorf("%d more packets: %v", n, err)
			}
		})
	}
}

// What a full socket drops is counted, and what it holds can be received.
func TestDrops(t *testing.T) {
	tx, rx := loop(t, side{call: callSendmmsg, vector: 64}, side{call: callRecvmmsg, vector: 64}, make([]byte, 1000))
	if err := unix.SetsockoptInt(rx.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 20000); err != nil {
		t.Fatal(err)
	}
	const n = 500
	if err := tx.send(n); err != nil {
		t.Fatal(err)
	}
	got, err := rx.receive(n)
	if err != nil {
		t.Fatal(err)
	}
	c, err := rx.counts()
	if err != nil || got == 0 || c.drops == 0 || uint64(got)+c.drops != n || c.packets != uint64(got) {
		t.Errorf("%d received, %+v: %v", got, c, err)
	}
}

// The program that steers by CPU gives every packet to the queue of the CPU
// that it comes in by.
func TestSteerByCPU(t *testing.T) {
	for queues := 1; queues <= 3; queues++ {
		t.Run(fmt.Sprint(queues), func(t *testing.T) { steers(t, queues) })
	}
}

func steers(t *testing.T, queues int) {
	var fds []int
	var to unix.Sockaddr = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	for range queues {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err == nil {
			if err = bind(fd, to); err == nil {
				to, err = unix.Getsockname(fd)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	if err := steerByCPU(fds[0], queues); err != nil {
		t.Fatal(err)
	}
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		t.Fatal(err)
	}
	for cpu := range len(may) * 64 {
		if !may.IsSet(cpu) {
			continue
		}
		err := onThread(cpu, func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Sendto(fd, []byte{1}, 0, to)
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, fd := range fds {
			_, _, err := unix.Recvfrom(fd, make([]byte, 9), unix.MSG_DONTWAIT)
			if got := err == nil; got != (i == cpu%queues) {
				t.Errorf("from CPU %d: queue %d: %v", cpu, i, err)
			}
		}
	}
}
