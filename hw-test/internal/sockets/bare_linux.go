package sockets

import (
	"golang.org/x/sys/unix"
)

// A bareSender sends by one of the calls, each packet from a buffer of its own
// unless they are cut from one.
type bareSender struct {
	*side
	fds  []int // by flow
	msgs []header
	per  int // packets in a message
	one  []byte
	sum  counts
	// Kept alive for the kernel.
	iovs     []unix.Iovec
	controls []control
	bufs     []byte
}

func newBareSender(s *side, fds []int, packet []byte) *bareSender {
	b := &bareSender{side: s, fds: fds, one: packet, per: 1}
	messages := max(1, s.vector)
	if s.gso {
		b.per = segments(len(packet))
	}
	n := messages * b.per
	b.bufs = make([]byte, n*len(packet))
	for i := range n {
		copy(b.bufs[i*len(packet):], packet)
	}
	b.msgs, b.iovs, b.controls = make([]header, messages), make([]unix.Iovec, n), make([]control, messages)
	for i := range b.iovs {
		b.iovs[i].Base = &b.bufs[i*len(packet)]
		b.iovs[i].SetLen(len(packet))
	}
	for i := range b.msgs {
		h := &b.msgs[i]
		h.hdr.Iov = &b.iovs[i*b.per]
		h.hdr.SetIovlen(b.per)
		if s.gso {
			h.segment(&b.controls[i], len(packet))
		}
		if s.flat {
			h.hdr.SetIovlen(1)
			b.iovs[i*b.per].SetLen(b.per * len(packet))
		}
	}
	return b
}

func (b *bareSender) send(n int) error {
	for i, fd := range b.fds {
		share := n / len(b.fds)
		if i < n%len(b.fds) {
			share++
		}
		var err error
		if b.call == callSendto {
			err = b.sendto(fd, share)
		} else {
			err = b.sendmmsg(fd, share)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bareSender) sendto(fd, n int) error {
	for n > 0 {
		_, errno := sendto(fd, b.one)
		b.sum.calls++
		switch {
		case errno == 0:
			b.sum.packets++
		case errno == unix.EINTR:
			continue
		case !refused(errno):
			return errno
		default:
			b.sum.notTaken++
		}
		n--
	}
	return nil
}

// sendmmsg sends whole messages: n is rounded up to them.
func (b *bareSender) sendmmsg(fd, n int) error {
	for messages := (n + b.per - 1) / b.per; messages > 0; {
		k := min(messages, len(b.msgs))
		got, errno := sendmmsg(fd, b.msgs[:k])
		b.sum.calls++
		if errno == 0 {
			b.sum.packets += uint64(got * b.per)
			messages -= got // after a short count the next call tells why
			continue
		}
		switch {
		case errno == unix.EINTR:
			continue
		case !refused(errno):
			return errno
		}
		b.sum.notTaken += uint64(b.per)
		messages--
	}
	return nil
}

// refused says whether the kernel would not take a packet for the moment, for
// which it is given up.
func refused(errno unix.Errno) bool { return errno == unix.EAGAIN || errno == unix.ENOBUFS }

func (b *bareSender) counts() (counts, error) { return b.sum, nil }

func (b *bareSender) close() error { return closeAll(b.fds) }

// A buffer for one packet, and what is between two: an odd number of cache
// lines, so that they do not fight for a few.
const small, apart = 2048, 64

// A bareReceiver receives by one of the calls, with the source of each packet.
type bareReceiver struct {
	*side
	fd   int
	msgs []header
	sum  counts
	base uint32 // drops when it began
	// Kept alive for the kernel.
	iovs     []unix.Iovec
	names    []name
	controls []control
	bufs     []byte
	bytes    uint64 // received, so that they are looked at
	first    int    // message that the next call begins with
	kept     []byte // gro, keep: maxVector buffers
	next     int    // of those, the next to be filled
	fds      []unix.PollFd
}

func newBareReceiver(s *side, fd int) *bareReceiver {
	n, size := max(1, s.vector), small
	switch {
	case s.gro:
		size = 1 << 16
	case s.keep:
		n = maxVector
	}
	b := &bareReceiver{side: s, fd: fd, fds: []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}}
	stride := size + apart
	b.msgs, b.iovs, b.names, b.controls = make([]header, n), make([]unix.Iovec, n), make([]name, n), make([]control, n)
	b.bufs = make([]byte, n*stride)
	for i := range b.msgs {
		b.iovs[i].Base = &b.bufs[i*stride]
		b.iovs[i].SetLen(size)
		b.msgs[i].hdr.Iov = &b.iovs[i]
		b.msgs[i].hdr.SetIovlen(1)
		b.msgs[i].setName(&b.names[i])
	}
	if s.gro && s.keep {
		b.kept = make([]byte, maxVector*(small+apart))
	}
	return b
}

func (b *bareReceiver) receive(n int) (got int, err error) {
	for got < n {
		k, errno := b.take()
		b.sum.calls++
		b.sum.packets += uint64(k)
		got += k
		switch {
		case errno == unix.EAGAIN:
			return got, nil
		case errno != 0 && errno != unix.EINTR:
			return got, errno
		}
	}
	return got, nil
}

// take makes one call and returns how many packets came.
func (b *bareReceiver) take() (packets int, errno unix.Errno) {
	switch b.call {
	case callRecvfrom:
		n, errno := recvfrom(b.fd, b.bufs[:2048], &b.names[0])
		if errno != 0 {
			return 0, errno
		}
		b.bytes += uint64(n)
		return 1, 0
	case callRecvmsg:
		b.arm(1)
		n, errno := recvmsg(b.fd, &b.msgs[0])
		if errno != 0 {
			return 0, errno
		}
		return b.look(0, n), 0
	}
	b.arm(b.vector)
	msgs := b.msgs[b.first : b.first+b.vector]
	if b.first += b.vector; b.first == len(b.msgs) {
		b.first = 0
	}
	n, errno := recvmmsg(b.fd, msgs)
	if errno != 0 {
		return 0, errno
	}
	for i := range n {
		packets += b.look(i, int(msgs[i].len))
	}
	return packets, 0
}

// arm gives the first n messages their room for control messages back.
func (b *bareReceiver) arm(n int) {
	if !b.gro && !b.aux {
		return
	}
	for i := range n {
		b.msgs[i].hdr.Control = &b.controls[i][0]
		b.msgs[i].hdr.SetControllen(len(b.controls[i]))
	}
}

// look counts the packets in a message of n bytes.
func (b *bareReceiver) look(i, n int) int {
	b.bytes += uint64(n)
	if !b.gro || n == 0 {
		return 1
	}
	size := b.controls[i].merged(&b.msgs[i], n)
	if b.kept != nil {
		b.takeApart(b.bufs[i*(1<<16+apart):][:n], size)
	}
	return (n + size - 1) / size
}

// takeApart copies each packet of a merged message into a buffer of its own.
func (b *bareReceiver) takeApart(message []byte, size int) {
	for len(message) > 0 {
		n := min(size, len(message), small)
		copy(b.kept[b.next*(small+apart):], message[:n])
		if b.next++; b.next == maxVector {
			b.next = 0
		}
		message = message[min(size, len(message)):]
	}
}

func (b *bareReceiver) wait() error {
	_, err := unix.Poll(b.fds, waitMillis)
	if err == unix.EINTR {
		return nil
	}
	return err
}

func (b *bareReceiver) counts() (counts, error) {
	sum := b.sum
	if !b.packet {
		n, err := socketDrops(b.fd)
		sum.drops = uint64(n - b.base)
		return sum, err
	}
	// The kernel's count begins anew whenever it is read (packet(7)).
	st, err := unix.GetsockoptTpacketStats(b.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return sum, err
	}
	b.sum.drops += uint64(st.Drops)
	return b.sum, nil
}
