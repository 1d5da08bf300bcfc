// Package trial sends frames through a testbed once, at one rate and for one
// time, and says whether that tells something about the device between.
//
//	 Sender                                        Receiver
//	pktgen --json ──▶ …  device under test  … ──▶ rcv --json, started first
//	   │                                              │
//	   │   counters of all devices, before and after  │
//	   ▼                     ▼                        ▼
//	┌─────────────────────── Trial ──────────────────────┐
//	│ judge: valid: sent, lost                           │
//	│        invalid, why          ─▶ again, 3 times     │
//	│        generator-limited, why                      │
//	└────────────────────────────────────────────────────┘
//
// Lost is what pktgen says it sent less the different probes that rcv found. A
// trial is generator-limited where the sender's own device or its queueing
// discipline held frames back. It is invalid where
//
//   - pktgen missed its rate for another reason,
//   - frames were lost after pktgen stood still and made up for it in a burst,
//   - rcv's own socket or NIC dropped frames, or cut them,
//   - frames came that are no probes (more than a switch or router sends of
//     itself, where there may be one), or more than were sent, or another
//     sender's,
//   - a program and the device under it count differently,
//   - a device on the way had no link or lost it,
//   - rcv ended before pktgen began,
//   - several senders did not send together.
//
// That a program failed or did not end is an error, and no trial.
//
// # Several flows
//
// Where the testbed has several flows, all of them send at once:
//
//	pktgen, its share, streams 0…    ─▶ ┐        ┌ ─▶ rcv of flows 0 and 1
//	pktgen, its share, streams 1024… ─▶ ┤ device ┤
//	pktgen, its share, streams 2048… ─▶ ┘        └ ─▶ rcv of flow 2
//
// The load is split in proportion to the senders' links, or equally where the
// speed of one is not known. Each pktgen has a source address of its own, unless
// the port's flags say what it sends, and is told when to send its first frame
// (--start-at, by its host's clock). What is sent, lost and achieved is summed;
// each program is judged by itself, and one that was at fault makes the whole
// trial invalid, or else one that was held back generator-limited. Probes are
// known by their streams, so that a frame which arrives at another flow's
// receiver is lost to its own, and makes the trial invalid.
//
// Senders have not sent together where one began later than another by more than
// 20 ms, or 2 % of a longer trial; by how much their hosts' clocks may be wrong
// counts as that much later.
package trial
