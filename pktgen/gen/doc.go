// Package gen sends frames out of a port: as many as asked, as fast as asked
// or as fast as it goes, numbered so that package meter can prove what arrived.
//
//	frame ──copied once──▶ every buffer of the transmit ring
//	                               │
//	                  each batch:  ▼  what differs is written in place, checksums too
//	thread 0, stream 0 ──▶ TxQueue 0 ──▶ 0 1 2 3 … n-1, then end records "n sent"
//	thread 1, stream 1 ──▶ TxQueue 1 ──▶ 0 1 2 3 … m-1, then end records "m sent"
//
// A number is given when a frame enters the ring, and rings keep their order,
// so the frames that left are always 0 up to a limit: what stays behind when
// time runs out is the tail, it is counted as undrained, and the end record
// tells the receiver what really left.
package gen
