package cli

import (
	"fmt"
	"strings"
)

// Offloads is what a receiver on a packet: port had handed over that is not as
// it would be on a wire.
type Offloads struct {
	// SuperFrames is frames made of several by the kernel or the NIC, or sent by
	// this host and not taken apart yet. They are in Packets or in Truncated.
	// Absent where they were not looked for.
	SuperFrames *uint64 `json:"super_frames,omitempty"`
	// PartialChecksums is frames whose TCP or UDP checksum is not in the bytes.
	// They are in Packets or in Truncated.
	PartialChecksums uint64 `json:"partial_checksums"`
	// Undescribed is super-frames of a kind the kernel could not hand over and
	// dropped. They are not in Packets.
	Undescribed uint64 `json:"undescribed"`
}

func (o *Offloads) report(b *strings.Builder) {
	if o.PartialChecksums > 0 {
		fmt.Fprintf(b, "Checksums left to the NIC: %d frames of this host, or super-frames", o.PartialChecksums)
		if o.SuperFrames == nil {
			b.WriteString(" (--super-frames counts these)")
		}
		b.WriteByte('\n')
	}
	if o.SuperFrames != nil && *o.SuperFrames+o.Undescribed > 0 {
		fmt.Fprintf(b, "Super-frames: %d. Undescribed: %d. None were on a wire: ethtool -K IFACE gro off lro off, or tso off gso off where they are sent; --buf-size 65535 holds them\n",
			*o.SuperFrames, o.Undescribed)
	}
}
