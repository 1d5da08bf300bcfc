// Package mmsg moves packets between a netmap ring and a socket with
// recvmmsg(2) and sendmmsg(2), a whole run of slots per system call, and
// allocates nothing after its rings are made. The AF_PACKET and UDP backends
// stand on it. What a socket says of a packet besides (control messages, a
// header before it) is asked for with [Rx.Ask] and goes to netmap.Meta, into the
// frame, or to the counters.
//
//	slot i ──▶ buffer                      slots head … ──▶ buffers
//	             ▲                                            ▲
//	msg i ─▶ iovec i                       msg k ─▶ iovec j, j+1 … (fragments)
//
//	receive: message i belongs to slot i,  transmit: the vectors are laid out anew
//	for good; only the buffer's address    for each call, in the order of the slots,
//	is renewed when the slot comes back    so the ring's wrap costs no second call
package mmsg
