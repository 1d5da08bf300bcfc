// Package meter counts what a port receives and proves it: every probe frame
// is checked off by its stream and sequence number, so that what was lost,
// came twice or came out of order is known to the frame.
//
//	queue 0 ──▶ worker 0 ──▶ lane (stream 0) ─┐  a lane: one stream on one queue,
//	                         lane (stream 1) ─┤  a bitmap of the newest 2 Mi numbers
//	queue 1 ──▶ worker 1 ──▶ lane (stream 0) ─┤
//	                                          ▼
//	                         stream 0, stream 1: what has left the lanes,
//	                         merged: seen in two lanes means seen twice
//
// A number is counted distinct once, whichever queue it came by. Memory is
// bounded whatever comes: a lane's window takes up to 256 KiB, a stream up to
// 768 KiB for what lanes have left behind, and there are at most [MaxStreams]
// streams. Streams with their numbers in order take half of that.
package meter
