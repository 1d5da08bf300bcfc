// Package engine opens ports, of which each has receive and transmit queues,
// and runs packet-processing stages over them. A queue is a netmap ring
// whatever is behind it: walking the ring is the same code and the same cost
// on every backend, and only Sync, once per batch, differs.
//
//	         Port "packet:eth0"
//	┌──────────────────────────────────┐
//	│ RxQueue 0   ring ◀── Sync ── kernel
//	│ RxQueue 1   ring ◀── Sync ── kernel
//	│ TxQueue 0   ring ──▶ Sync ──▶ kernel
//	└───────┬──────────────────────────┘
//	        │ one goroutine on one locked thread for each Worker
//	        ▼
//	Worker: Sync inputs → Stage.Process(in rings, out rings) → Sync outputs → wait if nothing moved
//
// Who owns what: a queue has one owner goroutine, which alone may touch its
// ring and call Sync, Wait and Drain. Stats may be read, and a Port stopped and
// closed, from anywhere.
//
// The port specs:
//
//	packet:eth0      AF_PACKET sockets, recvmmsg and sendmmsg (Linux)
//	udp:@ADDR:PORT   UDP payloads received at an address; udp:HOST:PORT sends to one
//	pcap:FILE        a capture file, read by receive queues or written by transmit queues
//	eth0             the interface, by the best backend there is: see [Info]
//	netmap:…, vale…  netmap; [netmap.ParseSpec] has the grammar
package engine
