// Package meter counts what a port receives and proves it: every probe frame
// is checked off by its stream and sequence number, so that what was lost,
// came twice or came out of order is known to the frame.
//
//	queue 0 ──▶ worker 0 ──▶ lane (stream 0) ─┬──▶ stream 0: one window,
//	                         lane (stream 1) ─│─┐            64 chunks of 32,768 bits
//	queue 1 ──▶ worker 1 ──▶ lane (stream 0) ─┘ │
//	                                            └▶ stream 1
//
//	numbers:  0 … late … │ window … highest │ … ahead … │ … absurd … 2^48
//
// A stream's window is a bitmap of about two million numbers; it moves forward
// with the highest one, and its chunks are used again in place. A number is
// distinct once, whichever queue it came by; a lane only remembers how far its
// queue has come, for reordering, and where the last 256 gaps in its numbers
// were, for the reordering extent (RFC 4737, 4.2.1). Workers share a stream under
// its mutex, taken once for every run of its packets within a batch.
//
// What is older than the window is [Stream].Late: nobody can tell whether it is
// new. A number that is 2,097,152 or more ahead does not move the window by
// itself: it is [Stream].Absurd, until another number comes within a window of
// it. Then the window goes there, the first one counts as any other, and what
// was not received in between is lost. The first probe of a stream is believed,
// wherever it is, until the second one is far below it.
//
// The window goes back only for a new epoch: a sender that began again, which is
// seen by numbers near 0 that were sent later than the highest one. What the
// epoch before had lost is lost, and nothing more. Late probes of an epoch that
// is over are late.
//
// A probe's delay is from the time in it to the time it was received, which the
// port says ([netmap.Meta]) or one reading of the clock for each batch; probes of
// one batch at both ends are recorded at once. Delays are kept relative to an
// early one, so that clocks may be apart by any time, and an offset that is taken
// off (Config.ClockAhead) moves all figures by exactly that much.
//
// All packets, also those that are no probes, are counted by size and by kind:
// what their headers say they are, or in which way these contradict themselves.
//
// Memory is bounded whatever comes: for each stream 64 chunks of 4 KiB, two
// histograms of delays of 35 KiB and one of extents of 28 KiB, for each queue it
// comes by 4 KiB, and at most [MaxStreams] streams. All of it is made when it is
// first needed, so short streams take less. To write what is received takes 32
// MiB beside that.
package meter
