package sockets

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
)

// waitMillis is how long a receiver's wait lasts at most.
const waitMillis = 10

const port = 7

// bareSockets opens n sockets for a bare side in a namespace and has setup make
// each what it is to be.
func bareSockets(s *side, n int, setup func(fd, i int) error) (fds []int, err error) {
	family, kind := unix.AF_INET, unix.SOCK_DGRAM
	if s.packet {
		family, kind = unix.AF_PACKET, unix.SOCK_RAW
	}
	for i := range n {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return nil, errors.Join(os.NewSyscallError("socket", err), closeAll(fds))
		}
		fds = append(fds, fd)
		if err := setup(fd, i); err != nil {
			return nil, errors.Join(err, closeAll(fds))
		}
	}
	return fds, nil
}

func closeAll(fds []int) (err error) {
	for _, fd := range fds {
		err = errors.Join(err, unix.Close(fd))
	}
	return err
}

// openBareSender opens a bare sender in namespace A, towards B.
func openBareSender(l *bench.Lab, s *side, packet []byte) (sender, error) {
	var fds []int
	err := l.A.NS.Do(func() (err error) {
		fds, err = bareSockets(s, max(1, s.flows), func(fd, _ int) error {
			if s.packet {
				return bind(fd, &unix.SockaddrLinklayer{Ifindex: l.A.Index})
			}
			if err := unix.Connect(fd, address(l.AddrB)); err != nil {
				return fmt.Errorf("connect to %v: %w", l.AddrB, err)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return newBareSender(s, fds, packet), nil
}

// openBareReceivers opens a bare side's sockets in namespace B.
func openBareReceivers(l *bench.Lab, s *side) (r receivers, err error) {
	n := max(1, s.queues)
	var fds []int
	err = l.B.NS.Do(func() (err error) {
		fds, err = bareSockets(s, n, func(fd, _ int) error { return setUpReceiver(l, s, fd) })
		if err == nil && s.byCPU {
			if err = steerByCPU(fds[0], n); err != nil {
				err = errors.Join(err, closeAll(fds))
			}
		}
		return err
	})
	if err != nil {
		return r, err
	}
	r.close = func() error { return closeAll(fds) }
	for _, fd := range fds {
		b := newBareReceiver(s, fd)
		if !s.packet {
			if b.base, err = socketDrops(fd); err != nil {
				return r, errors.Join(os.NewSyscallError("getsockopt SO_MEMINFO", err), r.close())
			}
		}
		r.queues = append(r.queues, b)
	}
	return r, nil
}

func setUpReceiver(l *bench.Lab, s *side, fd int) error {
	size := s.recvBuf()
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
			return os.NewSyscallError("setsockopt SO_RCVBUF", err)
		}
	}
	if s.aux {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
			return os.NewSyscallError("setsockopt PACKET_AUXDATA", err)
		}
	}
	if s.packet {
		return bind(fd, &unix.SockaddrLinklayer{Ifindex: l.B.Index, Protocol: bits.ReverseBytes16(unix.ETH_P_ALL)})
	}
	if s.gro {
		if err := unix.SetsockoptInt(fd, unix.SOL_UDP, udpGRO, 1); err != nil {
			return os.NewSyscallError("setsockopt UDP_GRO", err)
		}
	}
	if s.queues > 1 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return os.NewSyscallError("setsockopt SO_REUSEPORT", err)
		}
	}
	return bind(fd, address(l.AddrB))
}

func bind(fd int, sa unix.Sockaddr) error { return os.NewSyscallError("bind", unix.Bind(fd, sa)) }

func address(a netip.Addr) unix.Sockaddr { return &unix.SockaddrInet4{Port: port, Addr: a.As4()} }

// Offsets of what a classic BPF program can ask the kernel (linux/filter.h):
// SKF_AD_OFF and SKF_AD_CPU.
const skfCPU = -0x1000 + 36

// steerByCPU gives a group of n sockets at one address, of which fd is one, a
// program that returns the CPU's number modulo n (socket(7),
// SO_ATTACH_REUSEPORT_CBPF).
func steerByCPU(fd, n int) error {
	off := int32(skfCPU)
	prog := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: uint32(off)},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(n)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
	return os.NewSyscallError("setsockopt SO_ATTACH_REUSEPORT_CBPF", err)
}
