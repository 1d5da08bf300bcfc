package conform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/netmap/conformance"
	"github.com/vishvananda/netlink"
)

// What the kernel's ports of each kind can do.
const (
	interfaceCaps = conformance.Ends | conformance.Swallows | conformance.OneMemory | conformance.HostRings | conformance.Named
	valeCaps      = conformance.Ends | conformance.Swallows | conformance.Frags | conformance.Conf | conformance.Queues |
		conformance.Switches | conformance.Monitors | conformance.Named
	pipeCaps = conformance.Ends | conformance.Lossless | conformance.Frags | conformance.Withholds | conformance.OneMemory |
		conformance.Conf | conformance.Queues | conformance.Monitors | conformance.ZCMonitors | conformance.SecondPair | conformance.Named
	sinkCaps = conformance.Swallows | conformance.HostRings | conformance.Named
)

// noise is how much the kernel's memory varies by itself, in bytes: a page
// leaked in each of a thousand cycles is as much.
const noise = 4 << 20

// veths are the interfaces that are made here.
var veths = [2]string{"rwc0", "rwc1"}

// discover returns those of the targets asked for that there are here, and what
// is absent. Cleanup removes what was made; it is never nil.
func discover(cfg *config, only []string) (found []*conformance.Target, missing []absent, cleanup func() error) {
	var undo []func() error
	cleanup = func() error {
		var errs []error
		for i := len(undo) - 1; i >= 0; i-- {
			errs = append(errs, undo[i]())
		}
		return errors.Join(errs...)
	}
	add := func(kind string, make func() (*conformance.Target, error)) {
		if !slices.Contains(only, kind) {
			return
		}
		t, err := make()
		if err != nil {
			missing = append(missing, absent{kind, err})
			return
		}
		t.Name, t.KernelMemory, t.Noise = kind, usedMemory, noise
		found = append(found, t)
	}
	add("vale", func() (*conformance.Target, error) {
		return &conformance.Target{Kind: conformance.VALE, A: "valerwc:a", B: "valerwc:b", C: "valerwc:c", Caps: valeCaps}, nil
	})
	add("pipe", func() (*conformance.Target, error) {
		return &conformance.Target{Kind: conformance.Pipe, A: "netmap:rwc{1", B: "netmap:rwc}1", C: "netmap:rwc{2", D: "netmap:rwc}2", Caps: pipeCaps,
			Rings: 2}, nil // more need more netmap_if than a region of pipes has
	})
	add("null", func() (*conformance.Target, error) {
		return &conformance.Target{Kind: conformance.Null, A: "netmap:rwcnull"}, nil
	})
	add("sink", func() (*conformance.Target, error) {
		if err := up("nmsink0"); err != nil {
			return nil, absence{fmt.Sprintf("no nmsink0 (build netmap with --sink): %v", err)}
		}
		return &conformance.Target{Kind: conformance.Sink, A: "netmap:nmsink0", Caps: sinkCaps, Hold: true}, nil
	})
	add("veth", func() (*conformance.Target, error) {
		if err := makeVeth(); err != nil {
			return nil, fmt.Errorf("make the veth pair %s, %s: %w", veths[0], veths[1], err)
		}
		undo = append(undo, removeVeth)
		return &conformance.Target{Kind: conformance.Emulated, A: "netmap:" + veths[0], B: "netmap:" + veths[1], Caps: interfaceCaps,
			MaxFrame: 1514, Hold: true, Settles: true, Unordered: true, Packets: 100000,
			LinkDown: func(down bool) error { return setLink(veths[0], down) }, Remove: takeVeth, Host: hostOf(veths[0])}, nil
	})
	add("native", func() (*conformance.Target, error) {
		a, b, err := nicPair(cfg.nics)
		if err != nil {
			return nil, err
		}
		for _, n := range []string{a, b} {
			if err := up(n); err != nil {
				return nil, fmt.Errorf("set %s up: %w", n, err)
			}
		}
		return &conformance.Target{Kind: conformance.Native, A: "netmap:" + a, B: "netmap:" + b, Caps: interfaceCaps | conformance.Frags,
			MinFrame: 60, MaxFrame: 1514, Hold: true, Settles: true, Packets: 50000,
			LinkDown: func(down bool) error { return setLink(a, down) }, Host: hostOf(a)}, nil
	})
	return found, missing, cleanup
}

func up(name string) error { return setLink(name, false) }

func setLink(name string, down bool) error {
	// Router solicitations would be strangers on the wire.
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if down {
		return netlink.LinkSetDown(l)
	}
	return netlink.LinkSetUp(l)
}

func makeVeth() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.NumTxQueues, attrs.NumRxQueues = veths[0], 1, 1
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: veths[1], PeerNumTxQueues: 1, PeerNumRxQueues: 1}); err != nil {
		return err
	}
	return errors.Join(up(veths[0]), up(veths[1]))
}

func removeVeth() error {
	l, err := netlink.LinkByName(veths[0])
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	return netlink.LinkDel(l)
}

// takeVeth removes the pair, which lasts until netmap's ports on it are closed,
// and therefore goes on in the background until restore.
func takeVeth() (restore func() error, err error) {
	result := make(chan error, 1)
	go func() { result <- removeVeth() }()
	return func() error { return errors.Join(<-result, makeVeth()) }, nil
}

// nicPair returns the two interfaces asked for, or the first two e1000 cards.
func nicPair(asked []string) (a, b string, err error) {
	if len(asked) == 2 {
		return asked[0], asked[1], nil
	}
	paths, err := filepath.Glob("/sys/class/net/*/device/driver")
	if err != nil {
		return "", "", err
	}
	var names []string
	for _, p := range paths {
		if target, err := os.Readlink(p); err == nil && filepath.Base(target) == "e1000" {
			names = append(names, strings.Split(p, "/")[4])
		}
	}
	if len(names) < 2 {
		return "", "", absence{fmt.Sprintf("%d interfaces of driver e1000, two are needed", len(names))}
	}
	return names[0], names[1], nil
}

// usedMemory is how much memory of the machine is in use, without what this
// process has and without caches.
func usedMemory() (int64, error) {
	// Mappings of closed ports end when the collector finds them, and netmap's
	// regions with the last reference to an interface.
	for range 2 {
		debug.FreeOSMemory()
		time.Sleep(100 * time.Millisecond)
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return 0, err
	}
	total, err := field("/proc/meminfo", "MemTotal:")
	if err != nil {
		return 0, err
	}
	available, err := field("/proc/meminfo", "MemAvailable:")
	if err != nil {
		return 0, err
	}
	own, err := field("/proc/self/status", "RssAnon:")
	return total - available - own, err
}

// field returns a file's line "name n kB", in bytes.
func field(file, name string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no line %s", file, name)
}
