package conformance

// An Item is one entry of the list of what a netmap engine must show before it
// is believed, and where this project shows it.
type Item struct {
	Number    int
	What      string
	Checks    []string // of this package
	Elsewhere string   // the rest of it, or all of it, where no check has it
}

// Acceptance is that list.
var Acceptance = []Item{
	{1, "layout of structs, numbers of ioctls", []string{"layout", "pools"}, "sizes and offsets are asserted when package netmap is compiled"},
	{2, "port specs that are accepted", nil, "tests of netmap.ParseSpec"},
	{3, "port specs that are refused", nil, "tests of netmap.ParseSpec"},
	{4, "port specs on which libnetmap's tests and code differ", nil, "tests of netmap.ParseSpec"},
	{5, "PORT_INFO_GET has sizes, REGISTER gives back what it was asked", []string{"port-info"}, ""},
	{6, "every mode, one direction only, 5 and 4 host rings", []string{"modes", "host-modes", "ring-only"}, ""},
	{7, "a pipe has no host rings, a null port has 10 and 5 rings", []string{"host-modes", "null-rings"}, ""},
	{8, "options that are unknown, given twice, or in a loop", []string{"options"}, "a loop only on the kernel: Go's requests have none"},
	{9, "external memory", []string{"extmem"}, ""},
	{10, "CSB and kernel loops", []string{"csb", "kloop"}, ""},
	{11, "the legacy interface", nil, "package netmap makes no NIOCREGIF and its fake takes none: NIOCCTRL says all of it, and every module since 2018 has it; netmap's own programs of that interface run in the VM"},
	{12, "virtio-net headers", []string{"header", "vnet-header"}, ""},
	{13, "making, attaching and removing VALE ports", []string{"persistent", "attach"}, ""},
	{14, "an exclusive open blocks later ones", []string{"exclusive", "persistent"}, ""},
	{15, "1 to 100 packets of 50 to 10049 bytes, also with extra buffers", []string{"transfer", "fragments", "fragment-count", "extra-buffers"}, ""},
	{16, "VALE floods broadcasts, and learns", []string{"learn", "ignored-flags"}, ""},
	{17, "a pipe's ten sent and seven read, and one too many", []string{"pending"}, ""},
	{18, "monitors, by copy and without", []string{"monitor", "zero-copy-monitor", "zero-copy-chain", "tap", "zero-copy-tap"}, ""},
	{19, "a million packets around rings of odd sizes", []string{"wrap"}, ""},
	{20, "indices out of order are an error", []string{"ring-error", "silent-ring-error"}, ""},
	{21, "errors, signals and timeouts are told apart", []string{"timeout", "wake", "room", "interrupt", "unbound"}, ""},
	{22, "frames longer than a buffer are fragmented or refused", []string{"transfer"}, "netmap.Move and the generator refuse what they cannot split: their tests"},
	{23, "-n is exact over threads", nil, "tests of pktgen"},
	{24, "-R is exact over threads", nil, "tests of pktgen"},
	{25, "lengths of -l, checksums", nil, "tests of pktgen and internal/frame"},
	{26, "ranges enumerate every tuple", nil, "tests of internal/frame"},
	{27, "several rings never send slots that nobody filled", []string{"queues"}, "tests of pktgen"},
	{28, "an interrupted sender drains with a deadline", []string{"drain"}, "tests of pktgen, qdisc and internal/nic"},
	{29, "errors say what to do", []string{"no-interface", "ring-memory", "exclusive"}, "without the module: tests of package netmap"},
	{30, "a descriptor of one ring", []string{"ring-only", "one-way"}, ""},
	{31, "the race detector is content with a syncing goroutine beside a worker", []string{"threads", "close-traffic"}, "when the tests run with it"},
	{32, "extra buffers do not leak in 1000 cycles", []string{"extra-cycles", "cycles"}, ""},
	{33, "Close while another goroutine polls", []string{"close-waiting", "stop-waiting", "close-traffic", "late-walker"}, ""},
}
