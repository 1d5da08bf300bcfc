// Package manysockets is hw-test's subcommand poll: many UDP sockets with a few
// messages a second each, received by one thread, once with poll(2) and once
// with each mode of the engine's Poller.
//
//	sender's thread                         receiver's thread
//	                       ┌─▶ socket 0 ─┐
//	sendmmsg, each message ├─▶ socket 1 ─┼─▶ poll(2) or Poller.Wait ─▶ Sync those that are ready
//	to the next socket     ├─▶ …         │
//	                       └─▶ socket n ─┘
//
// What is compared is the CPU time of the receiver's thread. The sender's has
// in it what loopback does in the sender's call: putting the datagram into the
// receiver's socket, and waking whoever waits.
package manysockets
