package preflight

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/qdisc"
)

// unpack makes a directory of the files in testdata/NAME.txt.
func unpack(t *testing.T, name string) (root string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	heads := regexp.MustCompile(`(?m)^-- (\S+) --\n`).FindAllSubmatchIndex(text, -1)
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		write(t, root, string(text[h[2]:h[3]]), string(bytes.TrimSuffix(text[h[1]:end], []byte("\n"))))
	}
	if err := os.Symlink("1", filepath.Join(root, "proc/self")); err != nil {
		t.Fatal(err)
	}
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// card is an Ethtool that is all state: what a setter takes, a getter returns.
type card struct {
	drv      ethtool.DrvInfo
	cmd      ethtool.EthtoolCmd
	features map[string]ethtool.FeatureState
	ring     ethtool.Ring
	channels ethtool.Channels
	indir    ethtool.Indir
	pause    ethtool.Pause
	coalesce ethtool.Coalesce
	ringStep uint32 // the driver rounds ring sizes up to a multiple; 0: not
	refuse   string // this one, by the name of Setting.What, is not changed: EPERM
	told     error  // of all getters but DriverInfo
	written  int    // calls of setters
	reset    func() // called where a driver resets its card
}

func (c *card) Close()                                       {}
func (c *card) DriverInfo(string) (ethtool.DrvInfo, error)   { return c.drv, nil }
func (c *card) GetRing(string) (ethtool.Ring, error)         { return c.ring, c.told }
func (c *card) GetChannels(string) (ethtool.Channels, error) { return c.channels, c.told }
func (c *card) GetIndir(string) (ethtool.Indir, error)       { return c.indir, c.told }
func (c *card) GetPause(string) (ethtool.Pause, error)       { return c.pause, c.told }
func (c *card) GetCoalesce(string) (ethtool.Coalesce, error) { return c.coalesce, c.told }
func (c *card) FeaturesWithState(string) (map[string]ethtool.FeatureState, error) {
	return c.features, c.told
}

func (c *card) CmdGet(cmd *ethtool.EthtoolCmd, _ string) (uint32, error) {
	*cmd = c.cmd
	return uint32(c.cmd.Speed_hi)<<16 | uint32(c.cmd.Speed), c.told
}

// takes counts a change, or refuses it.
func (c *card) takes(what string) error {
	if c.refuse == what {
		return unix.EPERM
	}
	c.written++
	return nil
}

func (c *card) Change(_ string, to map[string]bool) error {
	if err := c.takes("offload"); err != nil {
		return err
	}
	for name, on := range to {
		f := c.features[name]
		f.Requested, f.Active = on, on
		c.features[name] = f
	}
	return nil
}

func (c *card) SetRing(_ string, r ethtool.Ring) (ethtool.Ring, error) {
	if err := c.takes("rings"); err != nil {
		return c.ring, err
	}
	if s := c.ringStep; s > 0 {
		r.RxPending = (r.RxPending + s - 1) / s * s
		r.TxPending = (r.TxPending + s - 1) / s * s
	}
	c.ring = r
	return r, nil
}

func (c *card) SetPause(_ string, p ethtool.Pause) (ethtool.Pause, error) {
	if err := c.takes("pause"); err != nil {
		return c.pause, err
	}
	c.pause = p
	if c.reset != nil {
		c.reset()
	}
	return p, nil
}

func (c *card) SetCoalesce(_ string, to ethtool.Coalesce) (ethtool.Coalesce, error) {
	if err := c.takes("coalescing"); err != nil {
		return c.coalesce, err
	}
	c.coalesce = to
	return to, nil
}

// A fixture is an invented host with one card.
type fixture struct {
	*Machine
	t      *testing.T
	card   *card
	link   Link
	qdisc  qdisc.State
	native bool
	netmap error
	route  bool
	synced bool
	run    []int             // the CPUs that the process may run on
	was    map[string]string // files that write has changed; "" was not there
}

func newFixture(t *testing.T, root string) *fixture {
	f := &fixture{
		t: t, link: Link{Index: 7, Kind: "device", MTU: 1500, Up: true, Carrier: true},
		native: true, synced: true, was: map[string]string{}, run: []int{0, 1, 2, 3, 4, 5, 6, 7},
		qdisc: qdisc.State{Qdiscs: []qdisc.Qdisc{{Kind: "mq", Parent: qdisc.Root}, {Kind: "fq_codel", Parent: qdisc.Handle(1)}}},
	}
	f.Machine = &Machine{
		Root:         root,
		Ethtool:      func() (Ethtool, error) { return f.card, nil },
		Link:         func(string) (Link, error) { return f.link, nil },
		NameOf:       func(int) (string, error) { return "eth2", nil },
		Qdisc:        func(string) (*qdisc.State, error) { return &f.qdisc, nil },
		Native:       func(string) (bool, string) { return f.native, "so it is said" },
		Netmap:       func() error { return f.netmap },
		DefaultRoute: func(string) bool { return f.route },
		Synced:       func() (bool, error) { return f.synced, nil },
		Allowed:      func() []int { return f.run },
		Release:      func() string { return "6.12.0" },
	}
	return f
}

func off(names ...string) map[string]ethtool.FeatureState {
	m := map[string]ethtool.FeatureState{}
	for _, n := range names {
		m[n] = ethtool.FeatureState{Available: true}
	}
	return m
}

// ixgbe is a host on which everything is as it should be.
func ixgbe(t *testing.T) *fixture { return ixgbeAt(t, unpack(t, "ixgbe")) }

// ixgbeAt is ixgbe with its files unpacked at root.
func ixgbeAt(t *testing.T, root string) *fixture {
	f := newFixture(t, root)
	f.card = &card{
		drv:      ethtool.DrvInfo{Driver: "ixgbe", Version: "6.12.0", FwVersion: "0x800006da", BusInfo: "0000:81:00.0"},
		cmd:      ethtool.EthtoolCmd{Speed: 10000, Duplex: 1, Supported: 1<<12 | 1<<5}, // 10000baseT, 1000baseT
		features: off("rx-gro", "rx-lro", "rx-gro-list", "tx-tcp-segmentation", "tx-generic-segmentation", "rx-checksum", "rx-ntuple-filter"),
		ring:     ethtool.Ring{RxMaxPending: 8192, TxMaxPending: 8192, RxPending: 1024, TxPending: 1024},
		channels: ethtool.Channels{MaxCombined: 8, CombinedCount: 2},
		coalesce: ethtool.Coalesce{RxCoalesceUsecs: 1},
	}
	f.card.indir.Size = 128
	for i := range 128 {
		f.card.indir.RingIndex[i] = uint32(i % 2)
	}
	return f
}

func (f *fixture) write(name, text string) {
	f.t.Helper()
	if _, again := f.was[name]; !again {
		b, _ := os.ReadFile(filepath.Join(f.Root, name))
		f.was[name] = string(b)
	}
	write(f.t, f.Root, name, text)
}

// reset undoes what write did.
func (f *fixture) reset() {
	f.t.Helper()
	for name, text := range f.was {
		path := filepath.Join(f.Root, name)
		err := os.WriteFile(path, []byte(text), 0o644)
		// With a file that was not there go the directories made for it.
		for text == "" && err == nil {
			err = os.Remove(path)
			path = filepath.Dir(path)
			if rest, _ := os.ReadDir(path); len(rest) > 0 {
				break
			}
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// look runs the checks of the port.
func (f *fixture) look(p Port) *Report {
	f.t.Helper()
	return Run(f.t.Context(), []Port{p}, &Options{Machine: f.Machine})
}

func (r *Report) find(t *testing.T, name string) *Check {
	t.Helper()
	for i := range r.Checks {
		if r.Checks[i].Name == name {
			return &r.Checks[i]
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}

// says tells whether a check's texts have all these words.
func (c *Check) says(words ...string) bool {
	text := strings.Join(append([]string{c.Found, c.Want, c.Why}, c.Do...), "\n")
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
