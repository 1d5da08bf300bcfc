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
// queue has come, for reordering. Workers share a stream under its mutex, taken
// once for every run of its packets within a batch.
//
// What is older than the window is [Stream].Late: nobody can tell whether it is
// new. A number that is 2,097,152 or more ahead does not move the window by
// itself: it is late as well, until another number comes within a window of it.
// Then the window goes there, the first one counts as any other, and what was
// not received in between is lost. The window never goes back: what a sender
// that began again sends under the same stream id is late until it is within
// the window. The first probe of a stream is believed, wherever it is.
//
// Memory is bounded whatever comes: 64 chunks of 4 KiB for each stream, however
// many queues it comes by, and at most [MaxStreams] streams. A chunk is made
// when its first number comes, so short streams take less.
package meter
