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
package packet
