package netmaptest

import "golang.org/x/sys/unix"

// A bell is a descriptor whose two poll states are set at will: a socket pair,
// of which fd is given away. What waits in it makes it readable, what it
// cannot send any more makes it not writable.
type bell struct {
	fd, other int
	in, out   bool
}

func newBell() (*bell, error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096) // the smaller, the sooner it is full
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(p[0])
			unix.Close(p[1])
			return nil, err
		}
	}
	return &bell{fd: p[0], other: p[1], out: true}, nil
}

func (b *bell) set(in, out bool) {
	var buf [4096]byte
	if in != b.in {
		if in {
			_, _ = unix.Write(b.other, buf[:1])
		} else {
			_, _ = unix.Read(b.fd, buf[:])
		}
		b.in = in
	}
	if out != b.out {
		if out {
			drain(b.other, buf[:])
		} else {
			// Smaller and smaller, until not a byte finds room.
			for n := len(buf); n > 0; {
				if _, err := unix.Write(b.fd, buf[:n]); err != nil {
					n /= 16
				}
			}
		}
		b.out = out
	}
}

func drain(fd int, buf []byte) {
	for {
		if n, err := unix.Read(fd, buf); n <= 0 || err != nil {
			return
		}
	}
}

func (b *bell) close() {
	unix.Close(b.fd)
	unix.Close(b.other)
}
