package engine

import "github.com/ringwalk/ringwalk/engine/internal/backend"

// Stats are the figures of one queue since it was opened, or the sum of
// several. Each field is read at one moment, not all at the same.
type Stats struct {
	Packets uint64 // packets received into the ring, or taken by the kernel for sending; fragments of one packet count once, and so does one that is sent to several addresses, when it has gone to all
	Bytes   uint64 // bytes of those, without CRC
	Syncs   uint64 // system calls that moved or tried to move packets
	Batches uint64 // syncs that moved at least one packet

	// KernelDrops are packets received that the kernel dropped because this
	// queue had no room (PACKET_STATISTICS; for UDP the socket's own count,
	// SO_MEMINFO, which has wrong checksums in it too). Where the kernel merges
	// datagrams (UDP_GRO), one that it drops merged counts once for all in it.
	KernelDrops uint64

	Truncated    uint64 // receive: packets longer than a buffer, or cut short by Config.Filter, dropped by the queue and not in Packets
	TooLong      uint64 // transmit: packets longer than the port can send, dropped (Config.DropTooLong) and not in Packets
	Backpressure uint64 // transmit: times the kernel took no more for the moment (EAGAIN, ENOBUFS; a netmap ring that is full)
	NoPeer       uint64 // transmit: packets of a port that sends to each packet's peer (udp:@LOCAL), dropped as they had none or one the kernel refuses; not in Packets

	// Merged are those of Packets that the kernel took or gave as a part of a
	// longer datagram (UDP_SEGMENT, UDP_GRO). GSORefused counts the times that
	// it would not take one, whose packets were then sent one by one.
	Merged, GSORefused uint64

	// SuperFrames are those of Packets and Truncated, received by packet: with
	// Config.SuperFrames, that are not frames of the wire: merged from several by
	// the kernel or the NIC (GRO, LRO), or sent by this host and not taken apart
	// yet (TSO, GSO). See netmap.Meta.SegmentSize.
	SuperFrames uint64
	// PartialChecksums are those of Packets and Truncated, received by packet:,
	// whose TCP or UDP checksum is not in the bytes: this host sent them, by a
	// veth for instance, and left the checksum to the NIC, or they are
	// super-frames. See netmap.Meta.PartialChecksum.
	PartialChecksums uint64
	// Undescribed are super-frames that the kernel dropped when it was to hand
	// them over with Config.SuperFrames, as struct virtio_net_hdr has no word for
	// their kind (SCTP); not in Packets.
	Undescribed uint64
}

// Add adds the figures of another queue.
func (s *Stats) Add(t Stats) {
	s.Packets += t.Packets
	s.Bytes += t.Bytes
	s.Syncs += t.Syncs
	s.Batches += t.Batches
	s.KernelDrops += t.KernelDrops
	s.Truncated += t.Truncated
	s.TooLong += t.TooLong
	s.Backpressure += t.Backpressure
	s.NoPeer += t.NoPeer
	s.Merged += t.Merged
	s.GSORefused += t.GSORefused
	s.SuperFrames += t.SuperFrames
	s.PartialChecksums += t.PartialChecksums
	s.Undescribed += t.Undescribed
}

func statsOf(c *backend.Counters) Stats {
	return Stats{
		Packets:      c.Packets.Load(),
		Bytes:        c.Bytes.Load(),
		Syncs:        c.Syncs.Load(),
		Batches:      c.Batches.Load(),
		KernelDrops:  c.KernelDrops.Load(),
		Truncated:    c.Truncated.Load(),
		TooLong:      c.TooLong.Load(),
		Backpressure: c.Backpressure.Load(),
		NoPeer:       c.NoPeer.Load(),
		Merged:       c.Merged.Load(),
		GSORefused:   c.GSORefused.Load(),

		SuperFrames:      c.SuperFrames.Load(),
		PartialChecksums: c.PartialChecksums.Load(),
		Undescribed:      c.Undescribed.Load(),
	}
}
