package preflight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/sysfs"
	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/qdisc"
)

// A Machine is what the checks look at; nil fields are this host's. All are for
// the calling thread's network namespace.
type Machine struct {
	// Root is where proc and sys are; "" is "/".
	Root string
	// Ethtool opens what ethtool(8) knows; the caller closes it.
	Ethtool func() (Ethtool, error)
	Link    func(name string) (Link, error)
	// NameOf is the name of the interface with an index, "" if it is gone.
	NameOf func(index int) (string, error)
	Qdisc  func(name string) (*qdisc.State, error)
	// Native tells whether netmap runs an interface's driver natively, and why.
	Native func(name string) (bool, string)
	// Netmap asks netmap whether it takes our requests.
	Netmap func() error
	// DefaultRoute tells whether a default route leaves by the interface.
	DefaultRoute func(name string) bool
	// Synced tells whether the kernel's clock is synchronized.
	Synced func() (bool, error)
	// Allowed are the CPUs that this process may run on.
	Allowed func() []int
	// Release is the kernel's release.
	Release func() string
}

// Ethtool is what is used of *ethtool.Ethtool.
type Ethtool interface {
	DriverInfo(string) (ethtool.DrvInfo, error)
	// GetLinkSettings of the library does not know the number of link modes of
	// newer kernels, and says so on standard output.
	CmdGet(*ethtool.EthtoolCmd, string) (uint32, error)
	FeaturesWithState(string) (map[string]ethtool.FeatureState, error)
	Change(string, map[string]bool) error
	GetRing(string) (ethtool.Ring, error)
	SetRing(string, ethtool.Ring) (ethtool.Ring, error)
	GetChannels(string) (ethtool.Channels, error)
	GetIndir(string) (ethtool.Indir, error)
	GetPause(string) (ethtool.Pause, error)
	SetPause(string, ethtool.Pause) (ethtool.Pause, error)
	GetCoalesce(string) (ethtool.Coalesce, error)
	SetCoalesce(string, ethtool.Coalesce) (ethtool.Coalesce, error)
	Close()
}

// A Link is an interface as netlink shows it.
type Link struct {
	Index   int
	Kind    string // "veth", "device" for hardware, …
	MTU     int
	Up      bool // set up
	Carrier bool
}

// here is m with what is not set filled in for this host.
func (m *Machine) here() *Machine {
	var h Machine
	if m != nil {
		h = *m
	}
	if h.Root == "" {
		h.Root = "/"
	}
	if h.Ethtool == nil {
		h.Ethtool = func() (Ethtool, error) {
			e, err := ethtool.NewEthtool()
			if err != nil {
				return nil, err // not a nil *Ethtool in the interface
			}
			return e, nil
		}
	}
	if h.Link == nil {
		h.Link = link
	}
	if h.NameOf == nil {
		h.NameOf = nameOf
	}
	if h.Qdisc == nil {
		h.Qdisc = func(name string) (*qdisc.State, error) { return qdisc.Get(qdisc.Link{Name: name}) }
	}
	if h.Native == nil {
		h.Native = engine.NetmapNative
	}
	if h.Netmap == nil {
		h.Netmap = func() error {
			_, err := netmap.Control{}.PortInfo("", 0)
			return err
		}
	}
	if h.DefaultRoute == nil {
		h.DefaultRoute = engine.CarriesDefaultRoute
	}
	if h.Synced == nil {
		h.Synced = synced
	}
	if h.Allowed == nil {
		h.Allowed = allowed
	}
	if h.Release == nil {
		h.Release = release
	}
	return &h
}

func link(name string) (Link, error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return Link{}, fmt.Errorf("no interface %q here (ip link shows those there are): %w", name, err)
	}
	a := l.Attrs()
	return Link{
		Index: a.Index, Kind: l.Type(), MTU: a.MTU,
		Up: a.RawFlags&unix.IFF_UP != 0, Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0,
	}, nil
}

// nameOf is an interface's name of today, "" if it is gone.
func nameOf(index int) (string, error) {
	l, err := netlink.LinkByIndex(index)
	if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("interface with index %d: %w", index, err)
	}
	return l.Attrs().Name, nil
}

// synced asks the kernel (adjtimex(2)).
func synced() (bool, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, fmt.Errorf("adjtimex: %w", err)
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, nil
}

func allowed() (cpus []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil {
		return nil
	}
	for n := range len(set) * strconv.IntSize {
		if set.IsSet(n) {
			cpus = append(cpus, n)
		}
	}
	return cpus
}

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func (m *Machine) path(name ...string) string {
	return filepath.Join(append([]string{m.Root}, name...)...)
}

// read returns a file's text without spaces around it; "" if there is none.
func (m *Machine) read(name ...string) string {
	b, err := os.ReadFile(m.path(name...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (m *Machine) exists(name ...string) bool {
	_, err := os.Stat(m.path(name...))
	return err == nil
}

// cpus reads a list of CPUs; ok is false if there is no such file.
func (m *Machine) cpus(name ...string) (list []int, ok bool) {
	if !m.exists(name...) {
		return nil, false
	}
	list, _ = nic.CPUList(m.read(name...))
	return list, true
}

func (m *Machine) proc() (procfs.FS, error) { return procfs.NewFS(m.path("proc")) }
func (m *Machine) sys() (sysfs.FS, error)   { return sysfs.NewFS(m.path("sys")) }

// processes lists those that fit, by what called says: "name (process 12)".
// fits gets the command's name, too. Those of others may be hidden, and those
// that end meanwhile are.
func (m *Machine) processes(fits func(procfs.Proc, string) bool) (found []string) {
	fs, err := m.proc()
	if err != nil {
		return nil
	}
	all, err := fs.AllProcs()
	if err != nil {
		return nil
	}
	for _, p := range all {
		if comm, err := p.Comm(); err == nil && fits(p, comm) {
			found = append(found, fmt.Sprintf("%s (process %d)", called(p, comm), p.PID))
		}
	}
	slices.Sort(found)
	return found
}

// ofAnotherRun is said of programs that hw-test has started.
const ofAnotherRun = " of another hw-test run"

// called is what people know a process by: its command's name. hw-test starts
// what it carries by /proc/self/exe, for which that name is "exe", and says in
// argv[0] which program it is.
func called(p procfs.Proc, comm string) string {
	if comm != "exe" {
		return comm
	}
	switch argv, err := p.CmdLine(); {
	case err != nil || len(argv) == 0 || argv[0] == "":
	case slices.Contains([]string{"pktgen", "rcv", "hw-test"}, argv[0]):
		return argv[0] + ofAnotherRun
	default:
		return filepath.Base(argv[0])
	}
	return comm
}

// notTold is the reason for skipping what a driver or the kernel does not tell.
func notTold(err error) string {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return "the driver does not tell"
	}
	return err.Error()
}
