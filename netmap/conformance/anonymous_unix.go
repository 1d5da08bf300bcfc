//go:build unix

package conformance

import "golang.org/x/sys/unix"

// anonymous maps memory that nothing else is in.
func anonymous(size int) (b []byte, unmap func(), err error) {
	b, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	return b, func() { _ = unix.Munmap(b) }, err
}
