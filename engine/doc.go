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
// What a socket knows of a packet beyond its bytes is beside its buffer: see
// netmap.Meta, Config.Timestamps, Stats.SuperFrames.
//
// The port specs:
//
//	packet:eth0      AF_PACKET sockets, recvmmsg and sendmmsg (Linux)
//	udp:@ADDR:PORT   UDP payloads received at an address, and each sent to its [netmap.Meta]'s peer
//	udp:HOST:PORT,…  UDP payloads sent to one address or several; with @ADDR:PORT before, both
//	pcap:FILE        a capture file, read by receive queues or written by transmit queues
//	eth0             the interface, by the best backend there is: see [Info]
//	netmap:…, vale…  netmap; [netmap.ParseSpec] has the grammar
//
// # Waiting for many
//
// Who waits for what is a matter of how many queues one goroutine has:
//
//	one queue           RxQueue.Wait
//	a few, to forward   Worker: it syncs them all at each batch and polls them all when idle
//	many, mostly idle   Poller: the kernel says which are ready (epoll, kqueue)
//	handlers that wait  Poller in OneShot mode with a Boss and its workers
//	a loop of your own  WaitsFor: the descriptor and the events
//
// A [Poller] is in one of three modes for each of its sources:
//
//	          told of                          its use
//	Level     while it is ready                one Sync an event, whatever it leaves comes again
//	Edge      until a Sync has given nothing   queues that get many packets at a time: see Source.Drain
//	OneShot   once until Rearm                 handling in other goroutines: see Boss
//
// netmap's queues are Level only, because polling their descriptor is what
// syncs them; capture files are always ready. A transmit queue is waited for
// when a Sync has left packets behind, and not before.
//
// A port of one socket costs one descriptor in a Poller, and a second and third
// one when one of its queues is waited for by itself or in a Worker. For
// thousands of ports give Config small Slots and RecvBuf, NoGRO (whose buffers
// are large), and a Memory that is shared by some hundred of them.
package engine
