// Package frame builds the frames a generator sends, marks them with a probe,
// and finds the probe again in what a receiver gets.
//
// A frame is built once and copied into every transmit buffer; after that only
// what differs from frame to frame is written, in place:
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
// # What differs
//
// A [Writer] makes the frames of one thread. A frame's values follow from its
// number in the run alone:
//
//	                number n of the run = thread + threads·k
//	                     │
//	     ┌───────────────┼──────────────────┐
//	fields that count  random fields      lengths
//	digits of n, the   the n-th draw      cycle[n mod cycle's length],
//	last one lowest    of each's own      or a draw
//	     └───────────────┼──────────────────┘
//	                     ▼
//	values are written whole ──▶ sum of what is fixed, known for each length,
//	                             plus the words written ──▶ checksums
//
// so n threads send together what one would, and what a buffer held before does
// not matter. A checksum inside a tunnel is the negative of its own sum: that is
// what it counts for in an outer one.
//
// # Descriptions
//
// The headers of a frame, and what is in their fields, are given as text to
// [Describe]; changes to a frame that is there already to [DescribeChanges]:
//
//	description = header { header } .
//	header      = name { key ( "=" | "~" ) [ values ] } .
//	values      = item { "," item } .
//	item        = value | value "-" value [ "+" step ] | address "/" bits .
//
//	eth    src dst                        followed by vlan qinq arp ip ip6
//	vlan   id pcp                         vlan arp ip ip6; qinq (802.1ad) likewise
//	arp    op sha spa tha tpa
//	ip     src dst dscp ecn id ttl        udp tcp icmp gre
//	ip6    src dst dscp ecn flow ttl      udp tcp icmp6 gre
//	udp    sport dport                    nothing or vxlan
//	tcp    sport dport seq ack flags window
//	icmp   id seq                         icmp6 likewise; both are echo requests
//	vxlan  vni                            eth
//	gre    key                            eth ip ip6; the key is there if it is named
//
// Spaces separate words and are nowhere else. Numbers are decimal, or
// hexadecimal with 0x. A range counts up or down, from the first value to the
// second in steps; a prefix is all its addresses; of IPv6 addresses at most the
// lower 64 bits count. "=" takes the values in turn and "~" any of them for each
// frame; "~" without values is any the field can have, of MAC addresses those
// that begin with 02.
//
// Fields that count are the digits of one number, the last one written the
// lowest. So each combination comes once before any comes twice. A field that
// no one mentions is as in pkt-gen's frames where these have it.
//
// # The probe
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
// It is at the start of the payload of the last header: behind UDP, TCP (and
// its options) or an ICMP echo, with a tunnel the inner one. ARP has no place
// for it.
//
// A stream is what one transmit thread sends. It ends with a few copies of an
// end record, which has the second magic and, in place of its sequence, how
// many probes the stream has sent; so a receiver knows of losses at the tail.
//
// [Writer] and [Stamper] write probes and [Read] finds them. They run once per
// frame: they allocate nothing, call through no interface, and index only
// within the slice they are given. Everything else here runs once per program.
package frame
