package engine

import (
	"fmt"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

// Timestamps says who stamps received packets with their time, which is then in
// netmap.Meta.Time beside each packet's buffer, 0 for a packet that has none.
type Timestamps uint8

const (
	NoTimestamps = Timestamps(backend.NoClock)
	// SoftwareTimestamps are the kernel's, by the system's clock
	// (CLOCK_REALTIME), taken when it has the packet from the NIC's driver. It
	// begins some ms after the port is opened: packets before have none.
	SoftwareTimestamps = Timestamps(backend.KernelClock)
	// HardwareTimestamps are the NIC's, by its own clock, which may have
	// another epoch and rate (phc2sys(8) keeps it to the system's). They are to
	// be had only while the NIC stamps all packets, which is switched on for
	// everybody (hwstamp_ctl -i eth0 -r 1, of linuxptp) and not by opening a
	// port. Otherwise the stamps are the kernel's, and Info.Notes says so: the
	// two are never mixed.
	HardwareTimestamps = Timestamps(backend.NICClock)
)

var timestampNames = [...]string{"off", "software", "hardware"}

// String returns off, software or hardware.
func (t Timestamps) String() string {
	if int(t) < len(timestampNames) {
		return timestampNames[t]
	}
	return "unknown"
}

// ParseTimestamps is String's reverse; ok is false for a name that is none.
func ParseTimestamps(name string) (t Timestamps, ok bool) {
	for i, n := range timestampNames {
		if n == name {
			return Timestamps(i), true
		}
	}
	return 0, false
}

// noClock says in a sentence who stamps instead of who was asked.
func noClock(backend string, asked, had Timestamps) string {
	if had == NoTimestamps {
		return fmt.Sprintf("packets of %s: ports have no receive times", backend)
	}
	return fmt.Sprintf("receive times are %s, not %s: the NIC does not stamp all packets (hwstamp_ctl -i IFACE -r 1 has it do so, if it can)", had, asked)
}
