// Package packet is AF_PACKET as a backend: frames of one interface, received
// and sent through packet(7) sockets, one socket a queue.
//
//	interface ── PACKET_FANOUT ──┬─▶ socket 0 ── recvmmsg ──▶ receive ring 0
//	                             └─▶ socket 1 ── recvmmsg ──▶ receive ring 1
//	interface ◀──────────────────┬── socket 2 ◀─ sendmmsg ── transmit ring 0
//	                             └── socket 3 ◀─ sendmmsg ── transmit ring 1
//
// Receive sockets share one fanout group by flow hash. Each starts with a
// filter that blocks everything and is opened only when all are in the group,
// so that no frame is seen twice or by the wrong queue. A transmit socket is
// bound with protocol 0 and receives nothing. Frames this host sends are not
// received.
//
// What comes is not the frame of the wire by itself. In what package mmsg
// receives,
//
//	struct virtio_net_hdr │ MACs │ type, payload …    control: SO_TIMESTAMPING, PACKET_AUXDATA
//	         │                   ▲                                  │               │
//	         ▼                   └────────── VLAN tag ──────────────┼───────────────┤
//	   super-frame?                                                 ▼               ▼
//	                                                        netmap.Meta.Time    checksum?
//
// the tag goes back in. It is moved into place after the frame has been received:
// a gap kept for it would cost those that have none, which are most. The header
// is there only if super-frames are looked for: to fill it the kernel has to wait
// for memory that it would not need before it copies the frame.
package packet
