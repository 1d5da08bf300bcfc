// Package conformance checks that a netmap behaves as package netmap and those
// who use it rely on: the kernel's module and the fake of package netmaptest
// alike. Its checks are plain functions; a test runs them on the fake, a
// program runs them on a kernel, and where the two differ the fake is wrong.
//
//	             ┌ target: VALE ── pipe ── null ── sink ── veth ── e1000 ┐
//	check        │                                                       │
//	  transfer   │  ok      ok      n/a    n/a    ok      FAIL: sent 100,│
//	  exclusive  │  ok      ok      ok     ok     ok      ok      …      │
//	             └───────────────────────────────────────────────────────┘
//
// A [Target] is a pair of ports joined to each other, A and B, or one port
// alone, with what it can do. A [Check] says what it needs; where that is not
// there, [NotApplicable] must have the reason, or it counts as a failure.
// [Run] fills the table.
//
// Checks transmit. Targets must be ports of a lab, never a network in use.
package conformance
