package conformance

import "slices"

// An Exception says why some checks do not apply to some kinds of target.
type Exception struct {
	Kinds  []Kind
	Checks []string
	Reason string
}

var (
	oneEnded = []Kind{Null, Sink}
	twoEnded = []string{"transfer", "wrap", "threads", "offsets", "kloop", "reflect", "wake", "link-down", "single", "share", "tap", "zero-copy-tap"}
)

// NotApplicable is the list of what is not checked where, and why. A check
// that a target lacks something for, without being listed here, fails.
var NotApplicable = []Exception{
	{oneEnded, twoEnded, "nothing that is sent arrives anywhere"},
	{oneEnded, []string{"queues", "fragments", "withhold", "forward", "learn", "monitor", "zero-copy-monitor", "zero-copy-chain", "pending", "room", "one-way", "forward-up", "forward-down", "ignored-flags", "fragment-count", "vnet-header"}, "nothing that is sent arrives anywhere"},
	{[]Kind{Null}, []string{"port-info", "modes", "host-modes", "pools", "memory-id", "exclusive", "ring-only", "indirect", "options", "csb"}, "a null port has no name by which a second request could find it, and no mode but its own"},
	{[]Kind{VALE, Pipe, Null}, []string{"remove", "link-down"}, "it is not an interface"},
	{[]Kind{Null, Sink, VALE, Emulated, Native, Looped}, []string{"ring-memory", "many-descriptors", "forward"}, "only pipes share a region that the first of them sized"},
	{[]Kind{Emulated, Native, Looped, Pipe}, []string{"learn", "ignored-flags", "fragment-count", "vnet-header"}, "it is not a switch"},
	{[]Kind{VALE, Pipe, Null}, []string{"attach"}, "it is not an interface"},
	{[]Kind{Sink}, []string{"attach"}, "nothing that is sent arrives anywhere"},
	{[]Kind{Null, Sink, Emulated, Native, Looped, Pipe}, []string{"header", "persistent", "extmem"}, "it is not a switch"},
	{[]Kind{VALE, Pipe, Null}, []string{"host-rings", "forward-up", "forward-down"}, "it has no host rings, for the host's stack does not know it"},
	{[]Kind{Sink}, []string{"host-rings"}, "its driver does not mark its rings as taken, so that the host's frames go past netmap"},
	{[]Kind{Pipe, Null}, []string{"report"}, "it has no interrupt: slots are free when the reader has given them back, or never filled"},
	{[]Kind{VALE, Emulated, Native, Looped}, []string{"pending", "room"}, "what the receiver has no room for is lost, and the sender does not wait"},
	{[]Kind{VALE, Emulated, Native, Looped}, []string{"one-way"}, "its two ends do not have the same buffers"},
	{[]Kind{VALE}, []string{"withhold"}, "a VALE switch delivers what there is of a packet when the sync ends, as a packet"},
	{[]Kind{Emulated, Native, Looped}, []string{"withhold"}, "a NIC takes fragments as they come; the driver decides what becomes of them"},
	{[]Kind{Emulated}, []string{"fragments"}, "a receiver gets at most what fits the interface's MTU, which is less than a buffer"},
	{[]Kind{Emulated, Native}, []string{"queues"}, "the interfaces have one ring each"},
	{[]Kind{Emulated, Native, Looped}, []string{"monitor", "zero-copy-monitor", "zero-copy-chain"}, "frames leave and arrive at the link's pace, so that what a monitor must have seen at a given time is not determined: see tap"},
	{[]Kind{VALE}, []string{"zero-copy-monitor", "zero-copy-chain"}, "VALE copies into the receiver's buffers: see zero-copy-tap"},
	{[]Kind{Native, Sink}, []string{"remove"}, "the interface cannot be taken away and put back while the module is loaded"},
}

// notApplicable returns the reason, "" if there is none.
func notApplicable(k Kind, check string) string {
	for _, x := range NotApplicable {
		if slices.Contains(x.Kinds, k) && slices.Contains(x.Checks, check) {
			return x.Reason
		}
	}
	return ""
}
