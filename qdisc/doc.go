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
//
// # What each choice does to a veth
//
// A veth's default is a noqueue with handle 0: its driver takes every frame at
// once (IFF_NO_QUEUE). The receiving end takes it in the sender's own call
// ("call") or by NAPI from a ring of 256 frames, in a softirq that as a rule
// runs before the next frame ("softirq"), or in a thread that may have another
// processor ("thread"). NAPI is there with GRO or XDP on the receiving end, and
// with GRO a frame goes by it only where the sending end has TSO off.
//
//   - noqueue: nothing waits. When the ring is full the device drops the frame
//     (tx_dropped). It seems that the sender's call is told, for pktgen lost
//     nothing below: it takes ENOBUFS for back-pressure and sends again. Who
//     does not look at that loses the frame.
//   - pfifo, bfifo, pfifo_fast: when the ring is full the driver stops the queue
//     (kernels with commit dc82a33297fc, of April 2025) and the frame waits in the qdisc (requeues). So a
//     qdisc turns drops into a lower rate; its limit decides how much waits.
//   - A noqueue that was set by name has a handle of its own; one with handle 0
//     is the default.
//   - txqueuelen 0 is a trap. A device that needs a queue gets a noqueue with
//     handle 0 when its default pfifo_fast is attached anew, as rings of size 0
//     cannot be made. A veth with txqueuelen 0 is given 1000 by the kernel when
//     a qdisc is set; Swap puts the 0 back. A pfifo without a limit takes the
//     txqueuelen for one; Swap gives it 1000 where that is 0.
//
// hw-test qdisc compare --rounds 3, Linux 6.18, 2 processors, nothing else
// running, 60-byte frames to a foreign MAC address: a qdisc costs some per cent,
// and with a thread the device drops without one and holds back with one.
//
//	qdisc        receiver  sent Mpps  received Mpps     lost  qdisc drops device drops   requeues
//	default      call          0.720          0.720        0            0            0          0
//	noqueue      call          0.743          0.743        0            0            0          0
//	pfifo:100    call          0.639          0.639        0            0            0          0
//	pfifo        call          0.683          0.683        0            0            0          0
//	pfifo_fast   call          0.629          0.629        0            0            0          0
//	default      softirq       0.620          0.620        0            0            0          0
//	noqueue      softirq       0.598          0.598        0            0            0          0
//	pfifo:100    softirq       0.571          0.571        0            0            0          0
//	pfifo        softirq       0.586          0.586        0            0            0          0
//	pfifo_fast   softirq       0.586          0.586        0            0            0          0
//	default      thread        0.654          0.654        0            0         5917          0
//	noqueue      thread        0.666          0.666        0            0         6848          0
//	pfifo:100    thread        0.593          0.593        0            0            0       1646
//	pfifo        thread        0.611          0.611        0            0            0       1676
//	pfifo_fast   thread        0.603          0.603        0            0            0       1687
package qdisc
