// Package netmap is netmap's data model in Go: slots, rings, buffers and the
// memory they live in, laid out exactly as the kernel lays them out
// (net/netmap.h, API versions 14 and 15), walked in place, without cgo.
//
//	Memory: one region, shared by every ring made from it
//	┌──────────┬──────────┬───┬────────┬────────┬────────┬────────┬───┐
//	│ ring 0   │ ring 1   │ … │ buf 0  │ buf 1  │ buf 2  │ buf 3  │ … │
//	└────┬─────┴──────────┴───┴────────┴────────┴────▲───┴────▲───┴───┘
//	     │                                           │        │
//	     ▼        ┌────────── BufIdx ────────────────┘        │
//	  RingHeader  │              ┌─────────── BufIdx ─────────┘
//	  ┌───────────┼──────────────┼──────────────────────────────────┐
//	  │ slot 0  slot 1 …      slot i  …                      slot n-1│
//	  └──────▲───────────────────────▲──────────────────────────────┘
//	         head                    tail
//	         └─── yours: [head,tail) ┘      all other slots: the kernel's
//
// Who owns what: the slots from head up to, not including, tail are the
// user's, with the buffers they name. All others are the kernel's (or, for the
// rings of a socket, the backend's). The user gives slots back by moving head
// forward; the owner of the other side moves tail, and does so only inside a
// sync. Between two syncs nothing moves but what the user moves, so a walk
// needs no lock and no fence.
//
// On a receive ring the user's slots hold packets that have arrived; moving
// head returns their buffers. On a transmit ring they are free; moving head
// hands their packets over. One slot of a ring always stays with the kernel:
// a ring of n slots holds at most n-1 packets.
//
// A packet longer than a buffer spans several slots: all but its last carry
// [MoreFrag]. [Move] and [Ring.Advance] users must keep such packets whole.
//
// Forwarding copies nothing: [Swap] exchanges the buffers of two slots, legal
// whenever both rings come from one memory region, see [Ring.CanSwap]. Ports are
// put into one region by "@N" or "@share=PORT" in their specs.
//
// Besides the NIC's rings a port may have those of the host's stack ("eth0^",
// "eth0*"; [Queue.Host], [RingForward]). A monitor ("eth0/r", "eth0/t", "eth0/z")
// is a port whose receive rings show what goes through another one's.
package netmap
