package netmap

import "time"

// A Device is /dev/netmap, or something that behaves like it, as package
// netmaptest does.
type Device interface {
	// Open opens a new descriptor that is bound to nothing.
	Open() (File, error)
}

// A File is one open descriptor of a Device. Until Register it is good for
// requests only. One goroutine at a time may be in Sync or Poll; Close comes
// last.
//
// Errors are the kernel's errnos, bare or wrapped. Sync and Poll may return
// EINTR, and the Queue tries again.
type File interface {
	// Ctrl makes a request (ioctl NIOCCTRL); the answer is in its body, its
	// options and their Status. ReqSyncKloopStart blocks until another
	// goroutine makes a ReqSyncKloopStop.
	Ctrl(r *Request) error
	// Map maps size bytes of the region of the port that the descriptor is
	// bound to, shared (mmap(2)).
	Map(size int) ([]byte, error)
	// Sync is the ioctl NIOCTXSYNC or NIOCRXSYNC on all rings of that
	// direction that the descriptor is bound to. Raw says to make it a raw
	// system call, which keeps the scheduler waiting for as long as it takes.
	Sync(d Dir, raw bool) error
	// FD is the descriptor to poll. Polling it for POLLIN or POLLOUT syncs the
	// rings of that direction, as in the kernel, if Polls says so; else the
	// poll must be followed by a Sync.
	FD() int
	Polls() bool
	// Poll waits like poll(2) for d at most, with the sync that comes with it.
	Poll(events int16, d time.Duration) (revents int16, err error)
	// Vanish replaces a mapping made by Map with memory that reads as zeros,
	// in place, so that who still walks it does not fault; Unmap ends it.
	Vanish(region []byte) error
	Unmap(region []byte) error
	Close() error
}

// Kernel is the system's own /dev/netmap.
var Kernel Device = kernelDevice{}
