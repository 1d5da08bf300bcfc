package sockets

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// nullCall is the CPU time of a system call that does nothing, in µs.
func nullCall(cpu int) (us float64, err error) {
	const n = 20000
	err = onThread(cpu, func() error {
		var u usage
		w := begin()
		for range n {
			_, _, _ = unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
		}
		w.end(&u)
		us = float64(u.cpu.Nanoseconds()) / n / 1e3
		return nil
	})
	return us, err
}

// lacks tries what a row needs and not every kernel has. A kernel that does not
// know UDP_SEGMENT sends one long datagram without a word, and the engine does
// without what it cannot have: such a row would be of something else.
func lacks(r *row) error {
	for _, f := range []struct {
		needed       bool
		name, since  string
		family, kind int
		try          func(fd int) error
	}{
		{r.tx.gso, "UDP_SEGMENT", "4.18", unix.AF_INET, unix.SOCK_DGRAM, func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT, 0)
		}},
		{r.rx.gro, "UDP_GRO", "5.0", unix.AF_INET, unix.SOCK_DGRAM, func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 0)
		}},
		{r.rx.queues > 1, "SO_REUSEPORT", "3.9", unix.AF_INET, unix.SOCK_DGRAM, func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}},
		{r.rx.byCPU, "SO_ATTACH_REUSEPORT_CBPF", "4.5", unix.AF_INET, unix.SOCK_DGRAM, func(fd int) error {
			// It takes a socket of a group, which has an address.
			err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			return errors.Join(err, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), steerByCPU(fd, 1))
		}},
		{r.tx.packet, "AF_PACKET", "2.2", unix.AF_PACKET, unix.SOCK_RAW, func(int) error { return nil }},
		{r.rx.aux, "PACKET_AUXDATA", "2.6.21", unix.AF_PACKET, unix.SOCK_RAW, func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1)
		}},
	} {
		if !f.needed {
			continue
		}
		fd, err := unix.Socket(f.family, f.kind|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = errors.Join(f.try(fd), unix.Close(fd))
		}
		if err != nil {
			return fmt.Errorf("try %s, which Linux has since %s: %w", f.name, f.since, err)
		}
	}
	return nil
}
