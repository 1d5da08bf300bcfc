//go:build unix

package netmap

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// mapFile maps a file whole, shared, for external memory.
func mapFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("the file of external memory: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("the file of external memory: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, fmt.Errorf("external memory must be a file as large as the memory (truncate -s 64M %s), best on hugetlbfs: %w", name, syscall.EINVAL)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("the file of external memory, %s, of %d bytes: %w", name, info.Size(), os.NewSyscallError("mmap", err))
	}
	return b, nil
}

// unmapFile ends a mapping of mapFile.
func unmapFile(b []byte) { _ = unix.Munmap(b) }
