// Package self is hw-test's self-test: does what pktgen sends arrive at rcv,
// to the last frame, on this machine and with the rights at hand?
//
//	rung "root", "userns"                        rung "udp"
//
//	 namespace            namespace             hw-test
//	┌─────────────┐      ┌─────────────┐       ┌───────────────────────────┐
//	│ pktgen tg-a ├─veth─┤ tg-b    rcv │       │ pktgen ──127.0.0.1──▶ rcv │
//	└──────┬──────┘      └──────┬──────┘       └───┬────────────────────┬──┘
//	       │ JSON          JSON │                  │ JSON          JSON │
//	       └─────▶ Row ◀────────┘                  └──────▶ Row ◀───────┘
//	                │
//	              judge: passed, failed, invalid ──▶ a line of the table
//
// A Row is one run of both programs: a frame length, a number of queues, and
// either a rate the receiver must keep up with (paced: nothing may be lost) or
// none (full: what is lost must be accounted for).
//
// Where the environment has several flows, every row runs for each of them, one
// after the other.
//
// A row fails where frames are missing, came twice or are in no count, and is
// invalid, which says nothing about the packet path, where a program had an
// accident or somebody else sent.
//
// The rungs are a ladder: without the right to make namespaces the test runs
// in a user namespace, and where there is none of those, in one process over
// UDP on loopback. It says which, and what was not tested because of it.
package self
