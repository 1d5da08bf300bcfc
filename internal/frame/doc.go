// Package frame builds the frames a generator sends, marks them with a probe,
// and finds the probe again in what a receiver gets.
//
// A frame is built once, as a [Template], and copied into every transmit
// buffer; after that only the probe and the checksum over it change, in place:
//
//	0             14                    34        42                60          Len
//	+-------------+---------------------+---------+-----------------+-----------+
//	| Ethernet    | IPv4 (or 40 of IPv6)| UDP     | probe           | filling   |
//	+-------------+---------------------+---------+-----------------+-----------+
//	                                          ^   ^
//	                                          |   PayloadOffset, where the probe starts
//	                                          ChecksumOffset, rewritten with the probe
//
// The filling is the text "ringwalk " over and over. It starts with the
// payload, so a template that was never stamped shows it there as well, and no
// text can be taken for a probe. On a UDP socket the kernel writes the headers:
// there the template is the payload alone and the probe is at offset 0.
//
// The probe is 18 bytes in network byte order, the most that a 60-byte
// UDP/IPv4 frame has room for:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------------------------------+-------------------------------+
//	| magic: B572 probe, B5E7 end   | stream                        |
//	+-------------------------------+-------------------------------+
//	| sequence, 48 bits: of this frame from 0 on; in an end record  |
//	+-------------------------------+-------------------------------+
//	| the stream's total            | transmit time, 64 bits: ns    |
//	+-------------------------------+                               +
//	| of CLOCK_REALTIME since 1970, one reading for a batch         |
//	+                               +-------------------------------+
//	|                               |
//	+-------------------------------+
//
// A stream is what one transmit thread sends. It ends with a few copies of an
// end record, which has the second magic and, in place of its sequence, how
// many probes the stream has sent; so a receiver knows of losses at the tail.
//
// [Stamper] writes probes and [Read] finds them. Both run once per frame: they
// allocate nothing, call through no interface, and index only within the slice
// they are given. Everything else here runs once per program.
package frame
