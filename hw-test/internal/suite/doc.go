// Package suite holds the benchmarks of RFC 2544 that hw-test runs: throughput
// (section 26.1), latency (26.2) and frame loss rate (26.3).
//
//	Options ──▶ rows, one per frame size ──▶ --list, --dry-run
//	               │
//	testbed ──▶ Runner.Run ──trials──▶ package search, or a fixed list of loads
//	               │
//	               ▼
//	            Report: rows with verdict, sentence, raw trials ──▶ table, --json
//
// # Where
//
// A suite runs over veth pairs that it makes, over ports of this host (--ports,
// or --lab with a path of the lab file), or, for a lab of environment vm, in a
// virtual machine: the same command runs inside and its results come out as an
// archive.
//
// # Several flows
//
// Where the environment has several flows, all generators send at once and their
// rates are added: loads, the highest rate to try and line rate are of all of
// them together, and what one cannot do of its share limits the sum. Which flows
// these were is in the report. Delays are of one flow: of several, latency's rows
// are skipped.
//
// # Clocks
//
// Between two hosts delays are corrected by how far their clocks are apart, as
// far as the environment knows it. A row says that, and how well it is known,
// before any delay; a delay of less than twice that is told and not compared.
//
// # Sizes
//
// Sizes are those of RFC 2544, section 9.1: of a frame on the wire with its
// CRC, 64 to 1518 bytes. pktgen's and rcv's own lengths are without the CRC, 4
// bytes less; a row has both. imix is pktgen's mix of 64, 594 and 1518 bytes in
// proportions 7:4:1.
//
// # Rates
//
// Loads are frames a second. Where bits a second are printed, they are bits of
// frames without CRC, as pktgen, rcv and the kernel's queueing disciplines
// count, and behind them what they take on an Ethernet wire, with CRC, preamble
// and gap (24 bytes more).
//
// # How it differs from RFC 2544
//
// Final trials take 10 s by default, where the RFC has 60 (--duration 60s
// --confirm 1 is the RFC's, in this and in that one trial decides); rcv waits
// 0.5 s for stragglers, where it has 2 (--settle 2s); it has a pause of 5 s
// between trials, which starting two programs stands for.
package suite
