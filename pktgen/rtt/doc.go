// Package rtt measures round trips, as netmap's pkt-gen does with ping and
// pong, and understands pkt-gen at the other end: a Pinger sends numbered and
// timed packets and checks what comes back, a Reflector sends back what comes.
//
//	Pinger                                      Reflector
//	  table: number ─▶ when sent                  addresses and ports exchanged in place
//	    │        ▲                                     │
//	    ▼ write  │ look up                             ▼
//	  TxQueue   RxQueue 0 …  ◀──────────────▶  RxQueue i ─ swap ─▶ TxQueue i
//
// A Pinger has one thread, which owns the port's first transmit queue and all
// its receive queues, for an answer may come by any. Times are read once per
// batch, after the sync that received and just before the one that sends; with
// a burst of one, that is once per packet. A Reflector has one thread for each
// transmit queue. Neither copies a packet where the port's rings share their
// memory.
package rtt
