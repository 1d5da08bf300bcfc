package packet

import (
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

// clock is the one that stamps, of which one was asked for. The NIC's is used
// only where the NIC stamps every frame: a mixture of two clocks, by the kind
// of frame, would be of use to nobody. Which frames it stamps is set for all
// its users (SIOCSHWTSTAMP), and so it is left as it is.
func clock(asked backend.Clock, f *backend.Facts) backend.Clock {
	if asked != backend.NICClock {
		return asked
	}
	if fd, err := socket(); err == nil {
		defer unix.Close(fd)
		c, err := unix.IoctlGetHwTstamp(fd, f.Interface)
		if err == nil && c.Rx_filter == unix.HWTSTAMP_FILTER_ALL {
			return backend.NICClock
		}
	}
	return backend.KernelClock
}
