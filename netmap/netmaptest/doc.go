// Package netmaptest is an in-process /dev/netmap: NICs, VALE switches, pipes,
// null ports, monitors and host rings behind the calls of [netmap.Device], for
// tests of whatever moves packets over netmap rings. It needs no module, no
// privilege and no Linux.
//
//	        netmap.Open, engine.Open                 netmap.Open, engine.Open
//	              │ File.Ctrl, Map, Sync, Poll             │
//	┌─ Device ────┼────────────────────────────────────────┼──────────────┐
//	│         ┌───▼──┐   what one sends, the other     ┌───▼──┐           │
//	│  host ⇄ │ nm0  │◀──── receives (Loop) ──────────▶│ nm1  │ ⇄ host    │
//	│         └───┬──┘                                 └──────┘           │
//	│             └ pipes nm0{1 ⇄ nm0}1       switches vale0: {a, b, …}   │
//	│  memory 1 ┌────────────┬─────────────┬────────────────────────────┐ │
//	│           │ netmap_ifs │ rings       │ buffers 0, 1, 2, …         │ │
//	│           └────────────┴─────────────┴────────────────────────────┘ │
//	└─────────────────────────────────────────────────────────────────────┘
//
// A region has the kernel's layout, so that code that finds its rings by
// offsets finds them here. Errors are the kernel's errnos, bare, and where the
// kernel is silent the Device is too: an illegal head or cur makes a sync return
// nil with nothing done, an existing port that is opened with another memory
// id keeps its own, a VALE switch drops what finds no room. Comments name the
// function of netmap's source that a piece of code follows (sys/dev/netmap).
//
// What differs from the kernel:
//   - Syncs are serialized by one lock; in the kernel a sync that meets another
//     one on its ring returns at once with nothing done.
//   - Ports come up at once: no reset and no link bounce when a NIC enters
//     netmap mode. NICs send and receive only during somebody's sync.
//   - A NIC sends any length, and puts a frame longer than a buffer into
//     several slots.
//   - The kernel's loop looks at its ports every millisecond, where that of the
//     kernel is woken; its direct mode is no different.
//   - Polling an attached NIC makes no difference. A persistent VALE port can be
//     attached to one switch at a time.
//   - The descriptor to poll is a socket that is readable or writable as the
//     rings demand. It does not sync (File.Polls is false).
//   - Regions lie on Go's heap, where the race detector sees them. Vanish and
//     Unmap end the mapping for the Device's books but leave the memory
//     as it is, for zeroing it would be a race with its walkers. A goroutine
//     that still walks a ring after its port was closed does not fault and may
//     see the ring's next owner, which the race detector reports.
//
// Faults come on demand: [Device.Fail], [Device.SetCarrier], [Device.SetDown],
// [Device.Remove], [Device.SetLimit], [Device.Corrupt]. [Device.Memory] and
// [Device.Open] keep books, so that a test can prove that nothing leaks.
package netmaptest
