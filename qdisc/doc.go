// Package qdisc looks at the queueing disciplines of a network device, swaps
// the one at its root, and puts the old one back exactly, be it by another
// process after this one was killed. It speaks netlink and runs no tc.
//
//	Get ──▶ State: root and children, options to the bit
//	  │
//	Swap ─▶ 1 what is there could be put back exactly? else refused, untouched
//	  │     2 into the journal: what was, and what will be
//	  │     3 txqueuelen, root qdisc
//	  ▼
//	Restorer.Restore ─▶ what is there is still what Swap set? ─no─▶ ErrChanged,
//	  │                          │ yes                              left alone
//	  │                    what was comes back, is looked at, and
//	  │                    the journal forgets it
//	killed instead ──▶ Recover does the same from the journal
//
// A root that the kernel attached by itself has handle 0 and cannot be deleted
// or named; it comes back when one that was set is deleted. What Swap sets has
// a handle of its own, by which Restore and Recover know it again.
//
// Everything works in any network namespace (Link.NS) and needs CAP_NET_ADMIN
// there; looking needs no rights. One process at a time swaps the qdisc of a
// device; another is told who that is. All functions may be called from any
// goroutine.
package qdisc
