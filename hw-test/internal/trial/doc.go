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
//   - a program and the device under it count differently.
//
// That a program failed or did not end is an error, and no trial.
package trial
