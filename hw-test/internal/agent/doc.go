// Package agent does on other hosts what a suite does with ports of this one:
// it opens and holds them, reads counters, looks at the host, puts things back.
//
//	here                                          each host, one connection
//	┌───────┐ Connect ┌──────┐  remote.Converse  ┌───────────────┐
//	│ Hosts ├────────▶│ Host ├── net/rpc, gob ──▶│ hw-test agent │ holds ports
//	└───────┘         └──┬───┘                   └───────────────┘
//	   testbed.Host ◀────┘ ├── Launcher ────────▶ pktgen, rcv
//	                       └── Clock
//
// An agent ends with its connection, and lets go of its ports then. A Host is a
// testbed.Host, so that an environment is made of other hosts' ports as of this
// one's.
package agent
