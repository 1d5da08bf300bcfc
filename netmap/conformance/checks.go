package conformance

// Checks returns all checks, in the order in which they are run: what asks
// comes before what transmits, and what breaks things comes last.
func Checks() []Check {
	return []Check{
		{"port-info", "PORT_INFO_GET has sizes, and REGISTER gives back mode, ring and flags with the same sizes.", Named, portInfo},
		{"layout", "Headers of the rings say what the registration said, in a region laid out as struct netmap_if has it.", 0, layout},
		{"modes", "Every mode binds the rings it names, rings or modes that do not exist are EINVAL.", Named, modes},
		{"host-modes", "The modes with host rings bind them, and are EINVAL where there are none.", Named, hostModes},
		{"null-rings", "A null port has as many rings as asked for and takes a sync.", 0, nullRings},
		{"register-twice", "A descriptor that is bound cannot be bound again: EBUSY.", 0, registerTwice},
		{"unbound", "Before REGISTER a sync is ENXIO, a mapping EINVAL, and a poll POLLERR.", 0, unbound},
		{"unknown", "A request that does not exist, or without its body, is EINVAL.", 0, unknown},
		{"no-interface", "A port that is not there is ENXIO, and the error names it.", 0, noInterface},
		{"pools", "POOLS_INFO_GET divides the region without overlap, as the rings have it.", Named, pools},
		{"memory-id", "Both ends know their region's id, one that is not there is EINVAL, another than the port's an error.", Named, memoryID},
		{"exclusive", "Rings held exclusively cannot be opened again, nor open ones exclusively: EBUSY.", Named, exclusive},
		{"ring-only", "A port of one ring in one direction has that ring, and no other is mapped.", Named, ringOnly},
		{"ring-memory", "Rings too large for the memory are ENOMEM, and the error says what ring_size must be.", Named | SecondPair, ringMemory},

		{"transfer", "1 to 100 packets of 50 to 10049 bytes, as long as the target takes, arrive byte for byte, both ways.", Ends, transfer},
		{"extra-buffers", "Extra buffers belong to no ring, can be sent and received in, and go back.", 0, extraBuffers},
		{"wrap", "A million packets around rings of 256, 1024, 7 and 333 slots, or the target's own.", Ends, wrap},
		{"queues", "Frames sent on every ring arrive, each once, and reach every receive ring.", Ends | Queues, queues},
		{"threads", "A sending and a receiving goroutine need nothing of each other.", Ends, threads},
		{"fragments", "A packet in any number of fragments arrives whole.", Ends | Frags, fragments},
		{"withhold", "The start of a packet is not delivered before its end.", Ends | Withholds, withhold},
		{"reflect", "A reflector that moves from its receive to its transmit ring sends every frame back.", Ends, reflects},
		{"forward", "Frames swapped from a port to another of one memory region arrive.", Ends | OneMemory | SecondPair, forward},
		{"learn", "A broadcast reaches every other port, a learned address one, and a sender's own frames not itself.", Ends | Switches, learn},
		{"monitor", "A copy monitor sees what is sent, marked TxMon, and what is received, before it is read.", Ends | Monitors, monitor},
		{"zero-copy-monitor", "A zero-copy monitor sees what was received once it is given back.", Ends | ZCMonitors, zcMonitor},
		{"pending", "Ten sent and seven read leave three; one more than there is room for is refused.", Ends | Lossless, pending},
		{"drain", "A transmit ring drains by itself, or when the reader has read, or, where nobody reads, not.", 0, drain},

		{"timeout", "A wait without packets lasts as long as asked, no longer and no shorter.", 0, timeout},
		{"wake", "A wait ends soon after a packet comes, with the packet.", Ends, wake},
		{"room", "A wait for room ends at once where there is room, and when the reader makes some.", Ends | Lossless, room},
		{"interrupt", "Signals do not end a wait early.", 0, interrupt},
		{"ring-error", "Indices out of order are ErrRing from Sync and Wait, and nothing is sent.", 0, ringError},
		{"silent-ring-error", "The device itself says nothing to such a sync, and POLLERR to a poll.", 0, silentRingError},
		{"stop-waiting", "Stop ends a wait of another goroutine with ErrClosed.", 0, stopWaiting},
		{"close-waiting", "Close ends a wait of another goroutine with ErrClosed, and waits for it.", 0, closeWaiting},
		{"late-walker", "Who walks a ring after Close finds it empty, and does not fault.", 0, lateWalker},
		{"close-traffic", "Close while another goroutine sends and syncs does no harm.", 0, closeTraffic},

		{"cycles", "A thousand times opened and closed, a port leaves the kernel's memory as it was.", hasMemory, cycles},
		{"extra-cycles", "A thousand times extra buffers are granted in full and given back.", 0, extraCycles},
		{"link-down", "A link that goes down under traffic is an error or silence until it is up, and carries frames again then.", Ends | hasLinkDown, linkDown},
		{"remove", "An interface that is removed under traffic ends its port with an error, and the port closes.", hasRemove, remove},
	}
}
