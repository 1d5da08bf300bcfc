package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/qdisc"
)

var netmapPort = Port{Spec: "netmap:eth2", CPUs: []int{4, 5}}

// On the good host nothing but what does not apply is less than a pass.
func TestGoodHost(t *testing.T) {
	f := ixgbe(t)
	r := f.look(netmapPort)
	for _, c := range r.Checks {
		skipped := slices.Contains([]string{"sockets", "qdisc"}, c.Name) // netmap passes them by
		if want := map[bool]Verdict{false: Pass, true: Skipped}[skipped]; c.Verdict != want {
			t.Errorf("%s: %+v", c.Name, c)
		}
		if c.Verdict == Pass && (c.Found == "" || c.Want != "" || c.Why != "") || c.Verdict == Skipped && c.Why == "" {
			t.Errorf("%s has not what its verdict needs: %+v", c.Name, c)
		}
	}
	if len(r.Checks) != len(portChecks)+len(hostChecks) {
		t.Errorf("%d checks, of %d and %d", len(r.Checks), len(portChecks), len(hostChecks))
	}
	if r.Kernel != "6.12.0" || r.Err() != nil || r.Ports[0].Interface != "eth2" {
		t.Errorf("%+v", r)
	}
	if n := f.card.written; n > 0 {
		t.Errorf("looking has changed %d things", n)
	}
}

// One thing is changed on the good host, and one check sees it.
func TestEachCheck(t *testing.T) {
	packet := Port{Spec: "packet:eth2", CPUs: []int{4, 5}}
	on := ethtool.FeatureState{Available: true, Requested: true, Active: true}
	root := unpack(t, "ixgbe")
	for _, c := range []struct {
		check   string
		verdict Verdict
		says    []string
		port    Port
		change  func(f *fixture)
	}{
		{"link", Fail, []string{"down", "ip link set dev eth2 up"}, netmapPort, func(f *fixture) { f.link.Up = false }},
		{"link", Fail, []string{"no carrier", "cable"}, netmapPort, func(f *fixture) { f.link.Carrier = false }},
		{"speed", Warn, []string{"1 Gbit/s", "10 Gbit/s, the device's fastest"}, netmapPort, func(f *fixture) { f.card.cmd.Speed = 1000 }},
		{"speed", Skipped, []string{"knows no speed"}, netmapPort, func(f *fixture) { f.card.cmd.Speed, f.card.cmd.Speed_hi = 0xffff, 0xffff }},
		{"duplex", Fail, []string{"half", "ethtool -s eth2 duplex full"}, netmapPort, func(f *fixture) { f.card.cmd.Duplex = 0 }},
		{"duplex", Skipped, []string{"does not know"}, netmapPort, func(f *fixture) { f.card.cmd.Duplex = 255 }},
		{"driver", Pass, []string{"ixgbe 6.12.0, firmware 0x800006da, at 0000:81:00.0"}, netmapPort, func(*fixture) {}},
		{"route", Fail, []string{"default route"}, netmapPort, func(f *fixture) { f.route = true }},
		{"mtu", Warn, []string{"1400", "mtu 1500"}, netmapPort, func(f *fixture) { f.link.MTU = 1400 }},
		{"netmap", Fail, []string{"no netmap", "build-netmap.sh --load"}, netmapPort, func(f *fixture) { f.netmap = netmap.ErrNoModule }},
		{"netmap", Fail, []string{"version 14"}, netmapPort, func(f *fixture) { f.netmap = netmap.ErrOldKernel }},
		{"netmap", Fail, []string{"not permitted"}, netmapPort, func(f *fixture) { f.netmap = unix.EPERM }},
		{"netmap", Warn, []string{"emulated", "--drivers ixgbe"}, netmapPort, func(f *fixture) { f.native = false }},
		{"netmap", Fail, []string{"admode 1"}, netmapPort, func(f *fixture) { f.native = false; f.write("sys/module/netmap/parameters/admode", "1") }},
		{"netmap", Warn, []string{"admode 2"}, netmapPort, func(f *fixture) { f.write("sys/module/netmap/parameters/admode", "2") }},
		{"netmap", Skipped, []string{"opened as packet:eth2"}, packet, func(*fixture) {}},
		{"rings", Warn, []string{"receive 512 of 8192", "ethtool -G eth2 rx 1024 tx 1024"}, netmapPort, func(f *fixture) { f.card.ring.RxPending = 512 }},
		{"rings", Pass, []string{"receive 256 of 256"}, netmapPort, func(f *fixture) { f.card.ring.RxPending, f.card.ring.RxMaxPending = 256, 256 }},
		{"rings", Skipped, []string{"no rings"}, netmapPort, func(f *fixture) { f.card.ring = ethtool.Ring{} }},
		{"channels", Warn, []string{"8 of 8", "2, one for each CPU", "ethtool -L eth2 combined 2"}, netmapPort, func(f *fixture) { f.card.channels.CombinedCount = 8 }},
		{"channels", Pass, []string{"2 of 8"}, Port{Spec: "netmap:eth2"}, func(*fixture) {}},
		{"channels", Skipped, []string{"no channels"}, netmapPort, func(f *fixture) { f.card.channels = ethtool.Channels{} }},
		{"rss", Warn, []string{"from 0 to 128", "ethtool -X eth2 equal 2"}, netmapPort, func(f *fixture) { f.card.indir.RingIndex = [len(f.card.indir.RingIndex)]uint32{} }},
		{"rss", Skipped, []string{"no indirection table"}, netmapPort, func(f *fixture) { f.card.indir.Size = 0 }},
		{"rss", Skipped, []string{"one queue"}, netmapPort, func(f *fixture) { f.card.channels.CombinedCount = 1 }},
		{"steering", Warn, []string{"ntuple"}, netmapPort, func(f *fixture) { f.card.features["rx-ntuple-filter"] = on }},
		{"steering", Skipped, []string{"no ntuple"}, netmapPort, func(f *fixture) { delete(f.card.features, "rx-ntuple-filter") }},
		{"offloads", Warn, []string{"gro, tso", "ethtool -K eth2 gro off tso off"}, packet, func(f *fixture) {
			f.card.features["rx-gro"], f.card.features["tx-tcp-segmentation"] = on, on
		}},
		{"offloads", Pass, nil, packet, func(f *fixture) { f.card.features["rx-checksum"] = on }},
		{"offloads", Warn, []string{"rx", "switch these off while they run"}, netmapPort, func(f *fixture) { f.card.features["rx-checksum"] = on }},
		{"offloads", Fail, []string{"rx-gro-list", "not those of the wire"}, netmapPort, func(f *fixture) { f.card.features["rx-gro-list"] = on }},
		{"offloads", Warn, []string{"(the driver keeps lro on)"}, packet, func(f *fixture) {
			f.card.features["rx-lro"] = ethtool.FeatureState{Active: true, NeverChanged: true}
		}},
		{"pause", Fail, []string{"autoneg on, rx on, tx off", "ethtool -A eth2 autoneg off rx off tx off"}, netmapPort, func(f *fixture) { f.card.pause = ethtool.Pause{Autoneg: 1, RxPause: 1} }},
		{"coalescing", Warn, []string{"adaptive rx on", "adaptive-rx off"}, netmapPort, func(f *fixture) { f.card.coalesce.UseAdaptiveRxCoalesce = 1 }},
		{"coalescing", Warn, []string{"rx-usecs 500"}, netmapPort, func(f *fixture) { f.card.coalesce.RxCoalesceUsecs = 500 }},
		{"interrupts", Warn, []string{"2, on CPUs 0-7", "echo 4 > /proc/irq/90/smp_affinity_list   # eth2-TxRx-0", "echo 5 > /proc/irq/91"}, netmapPort, func(f *fixture) {
			f.write("proc/irq/90/smp_affinity_list", "0-7")
		}},
		{"interrupts", Warn, []string{"2, on CPUs 4", "echo 5 > /proc/irq/91"}, netmapPort, func(f *fixture) { f.write("proc/irq/91/smp_affinity_list", "4") }},
		{"interrupts", Warn, []string{"one CPU takes the frames"}, Port{Spec: "netmap:eth2"}, func(f *fixture) { f.write("proc/irq/91/smp_affinity_list", "4") }},
		{"interrupts", Skipped, []string{"no interrupts"}, netmapPort, func(f *fixture) {
			f.write("sys/bus/pci/devices/0000:82:00.0/irq", "0")
			f.card.drv.BusInfo = "0000:82:00.0"
		}},
		{"numa", Warn, []string{"node 1, CPUs 1 are not", "pktgen -a 4"}, Port{Spec: "netmap:eth2", CPUs: []int{1}}, func(*fixture) {}},
		{"numa", Skipped, []string{"no NUMA node"}, netmapPort, func(f *fixture) { f.write("sys/bus/pci/devices/0000:81:00.0/numa_node", "-1") }},
		{"numa", Pass, []string{"one node"}, netmapPort, func(f *fixture) { f.write("sys/devices/system/node/online", "0") }},
		{"pcie", Warn, []string{"5 GT/s ×4", "×8, which the card can do"}, netmapPort, func(f *fixture) { f.write("sys/bus/pci/devices/0000:81:00.0/current_link_width", "4") }},
		{"pcie", Fail, []string{"2.5 GT/s ×4, 8.0 Gbit/s", "slower than the link's 10 Gbit/s"}, netmapPort, func(f *fixture) {
			f.write("sys/bus/pci/devices/0000:81:00.0/current_link_width", "4")
			f.write("sys/bus/pci/devices/0000:81:00.0/current_link_speed", "2.5 GT/s PCIe")
		}},
		{"pcie", Skipped, []string{"no PCI Express"}, netmapPort, func(f *fixture) { f.write("sys/bus/pci/devices/0000:81:00.0/current_link_speed", "Unknown") }},
		{"sockets", Pass, []string{"none"}, packet, func(f *fixture) {
			f.write("proc/net/packet", "sk RefCnt Type Proto Iface R Rmem User Inode\n0 3 3 0003 8 1 0 0 777\n0 3 3 0000 7 1 0 0 778") // another port's; no protocol
		}},
		{"sockets", Warn, []string{"2, of programs that only root sees", "ss -0 -p"}, packet, func(f *fixture) {
			f.write("proc/net/packet", "sk RefCnt Type Proto Iface R Rmem User Inode\n0 3 3 0003 7 1 0 0 777\n0 3 3 0800 0 1 0 0 778")
		}},
		{"qdisc", Pass, []string{"mq, fq_codel"}, packet, func(*fixture) {}},
		{"qdisc", Warn, []string{"tbf", "hw-test qdisc set eth2 default"}, packet, func(f *fixture) { f.qdisc.Qdiscs = []qdisc.Qdisc{{Kind: "tbf", Parent: qdisc.Root}} }},
		{"qdisc", Warn, []string{"clsact on the way in"}, packet, func(f *fixture) {
			f.qdisc.Qdiscs = append(f.qdisc.Qdiscs, qdisc.Qdisc{Kind: "clsact", Parent: qdisc.Ingress})
		}},

		{"cpus", Fail, []string{"no CPU 8 here"}, Port{Spec: "netmap:eth2", CPUs: []int{5, 8}}, func(*fixture) {}},
		{"cpus", Fail, []string{"may not run on CPU 5", "cpuset"}, netmapPort, func(f *fixture) { f.run = []int{0, 4} }},
		{"cpus", Skipped, []string{"no CPUs are named"}, Port{Spec: "netmap:eth2"}, func(*fixture) {}},
		{"governor", Warn, []string{"performance, powersave", "cpupower"}, netmapPort, func(f *fixture) { f.write("sys/devices/system/cpu/cpufreq/policy5/scaling_governor", "powersave") }},
		{"turbo", Warn, []string{"on", "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo"}, netmapPort, func(f *fixture) { f.write("sys/devices/system/cpu/intel_pstate/no_turbo", "0") }},
		{"turbo", Warn, []string{"echo 0 > /sys/devices/system/cpu/cpufreq/boost"}, netmapPort, func(f *fixture) {
			f.write("sys/devices/system/cpu/intel_pstate/no_turbo", "")
			f.write("sys/devices/system/cpu/cpufreq/boost", "1")
		}},
		{"smt", Warn, []string{"4 and 5", "share a core"}, netmapPort, func(f *fixture) {
			f.write("sys/devices/system/cpu/cpu4/topology/thread_siblings_list", "4-5")
			f.write("sys/devices/system/cpu/cpu5/topology/thread_siblings_list", "4-5")
		}},
		{"smt", Pass, []string{"6 share these cores"}, netmapPort, func(f *fixture) { f.write("sys/devices/system/cpu/cpu4/topology/thread_siblings_list", "4,6") }},
		{"isolation", Warn, []string{"not isolated: 5", "isolcpus=4-5"}, netmapPort, func(f *fixture) { f.write("sys/devices/system/cpu/isolated", "4") }},
		{"isolation", Warn, []string{"tick on 4-5"}, netmapPort, func(f *fixture) { f.write("sys/devices/system/cpu/nohz_full", "") }},
		{"mitigations", Warn, []string{"3 of 5 mitigated", "PTI"}, netmapPort, func(f *fixture) { f.write("sys/devices/system/cpu/vulnerabilities/meltdown", "Mitigation: PTI") }},
		{"irqbalance", Warn, []string{"irqbalance (process 901)", "systemctl stop"}, netmapPort, func(f *fixture) { f.write("proc/901/comm", "irqbalance") }},
		{"clock", Warn, []string{"hpet", "echo tsc >"}, netmapPort, func(f *fixture) { f.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet") }},
		{"time", Warn, []string{"not synchronized"}, netmapPort, func(f *fixture) { f.synced = false }},
		{"memory", Warn, []string{"195 MiB free of 64000"}, netmapPort, func(f *fixture) { f.write("proc/meminfo", "MemTotal: 65536000 kB\nMemAvailable: 200000 kB") }},
		{"memory", Fail, []string{"19 MiB free"}, netmapPort, func(f *fixture) { f.write("proc/meminfo", "MemTotal: 65536000 kB\nMemAvailable: 20000 kB") }},
		{"netmap-memory", Pass, []string{"163840 buffers of 2048 bytes, 320 MiB"}, netmapPort, func(*fixture) {}},
		{"netmap-memory", Warn, []string{"buf_size"}, netmapPort, func(f *fixture) { f.write("sys/module/netmap/parameters/buf_size", "1024") }},
		{"netfilter", Warn, []string{"nf_conntrack, ip_tables"}, netmapPort, func(f *fixture) { f.write("sys/module/nf_conntrack/x", ""); f.write("sys/module/ip_tables/x", "") }},
		{"netfilter", Pass, []string{"nf_tables, without connection tracking"}, netmapPort, func(f *fixture) { f.write("sys/module/nf_tables/x", "") }},
		{"machine", Warn, []string{"virtual"}, netmapPort, func(f *fixture) { f.write("proc/cpuinfo", "processor : 0\nmodel name : X\nflags : tsc hypervisor") }},
		{"machine", Skipped, []string{"no model of its 1 CPUs"}, netmapPort, func(f *fixture) {
			f.write("proc/cpuinfo", "processor : 0\nBogoMIPS : 125.00\nFeatures : fp\nCPU part : 0x051")
		}},
	} {
		f := ixgbeAt(t, root)
		before := f.look(c.port)
		c.change(f)
		after := f.look(c.port)
		f.reset()
		got := after.find(t, c.check)
		lacks := errors.Is(f.netmap, netmap.ErrNoModule) || errors.Is(f.netmap, netmap.ErrOldKernel)
		if got.Lacks != lacks {
			t.Errorf("%s with %v: lacks is %v", c.check, f.netmap, got.Lacks)
		}
		if got.Verdict != c.verdict || !got.says(c.says...) {
			t.Errorf("%s: want %s with %q, got %+v", c.check, c.verdict, c.says, *got)
		}
		for i := range before.Checks {
			b, a := before.Checks[i], after.Checks[i]
			if follows := map[string]string{"rss": "channels", "channels": "rss", "pcie": "speed", "speed": "link", "netmap": "qdisc", "qdisc": "netmap", "numa": "pcie"}; b.Name == c.check || follows[b.Name] == c.check || c.check == "interrupts" {
				continue
			}
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s changed too, from %+v to %+v, with %s", b.Name, b, a, c.check)
			}
		}
	}
}

// What a driver does not tell is skipped, whatever the error.
func TestNotTold(t *testing.T) {
	f := ixgbe(t)
	for err, says := range map[error]string{unix.EOPNOTSUPP: "the driver does not tell", unix.EIO: "input/output error"} {
		f.card.told = err
		r := f.look(netmapPort)
		for _, name := range []string{"speed", "duplex", "rings", "channels", "steering", "offloads", "pause", "coalescing"} {
			if c := r.find(t, name); c.Verdict != Skipped || !c.says(says) {
				t.Errorf("%v: %s is %+v", err, name, *c)
			}
		}
	}
}

// Who else has a packet socket is named as people know it, also where hw-test
// has started it from its own file.
func TestSocketsOf(t *testing.T) {
	for _, c := range []struct{ comm, argv, found, why string }{
		{"exe", "rcv\x00-i\x00packet:eth2", "1, of rcv of another hw-test run (process 3507)", "their trials are invalid"},
		{"exe", "/opt/x/sniff\x00-v", "1, of sniff (process 3507)", "the kernel copies every frame"},
		{"tcpdump", "tcpdump\x00-i\x00eth2", "1, of tcpdump (process 3507)", "the kernel copies every frame"},
		{"exe", "", "1, of exe (process 3507)", "the kernel copies every frame"},
	} {
		f := ixgbe(t)
		f.write("proc/net/packet", "sk RefCnt Type Proto Iface R Rmem User Inode\n0 3 3 0003 7 1 0 0 777")
		f.write("proc/3507/comm", c.comm)
		if err := os.WriteFile(filepath.Join(f.Root, "proc/3507/cmdline"), []byte(c.argv), 0o644); err != nil {
			t.Fatal(err)
		}
		fds := filepath.Join(f.Root, "proc/3507/fd")
		if err := errors.Join(os.Mkdir(fds, 0o755), os.Symlink("socket:[777]", filepath.Join(fds, "5"))); err != nil {
			t.Fatal(err)
		}
		got := f.look(Port{Spec: "packet:eth2"}).find(t, "sockets")
		if got.Verdict != Warn || got.Found != c.found || !strings.Contains(got.Why, c.why) {
			t.Errorf("%q: %+v", c.argv, got)
		}
	}
}

// A virtual machine's card: what it has not is skipped, never passed.
func TestVirtualMachine(t *testing.T) {
	f := newFixture(t, unpack(t, "vm"))
	f.run = []int{0, 1}
	f.card = &card{
		drv:      ethtool.DrvInfo{Driver: "virtio_net", Version: "1.0.0", BusInfo: "0000:00:03.0"},
		cmd:      ethtool.EthtoolCmd{Speed: 0xffff, Speed_hi: 0xffff, Duplex: 255},
		features: map[string]ethtool.FeatureState{},
		ring:     ethtool.Ring{RxMaxPending: 256, TxMaxPending: 256, RxPending: 256, TxPending: 256},
		channels: ethtool.Channels{MaxCombined: 1, CombinedCount: 1},
	}
	r := f.look(Port{Spec: "packet:eth0", CPUs: []int{0}})
	want := map[string]Verdict{
		"speed": Skipped, "duplex": Skipped, "netmap": Skipped, "rss": Skipped, "steering": Skipped, "pcie": Skipped,
		"governor": Skipped, "turbo": Skipped, "netmap-memory": Skipped,
		"interrupts": Warn, "machine": Warn, "isolation": Warn, "mitigations": Warn, "netfilter": Warn,
	}
	for _, c := range r.Checks {
		w, special := want[c.Name]
		if !special {
			w = Pass
		}
		if c.Verdict != w {
			t.Errorf("want %s, got %+v", w, c)
		}
	}
	if c := r.find(t, "interrupts"); !c.says("2, on CPUs 0-1", "# virtio2-input.0") {
		t.Errorf("%+v", *c)
	}
}

// Ports that are on no interface, or on none that is there.
func TestNoInterface(t *testing.T) {
	f := ixgbe(t)
	if r := f.look(Port{Spec: "vale0:a"}); r.Checks[0].Verdict != Skipped || !r.Checks[0].says("vale0:a is on no interface") || r.Checks[1].Port != "" {
		t.Errorf("%+v", r.Checks[:2])
	}
	if r := f.look(Port{Spec: "netmap:x{1"}); r.Checks[0].Verdict != Skipped {
		t.Errorf("%+v", r.Checks[0])
	}
	f.Link = func(string) (Link, error) { return Link{}, errors.New("no such interface") }
	if r := f.look(Port{Spec: "packet:eth9"}); r.Checks[0].Verdict != Fail || !errors.Is(r.Err(), ErrFailed) {
		t.Errorf("%+v", r.Checks[0])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := Run(ctx, []Port{netmapPort}, &Options{Machine: f.Machine}); len(r.Checks) > 1 {
		t.Errorf("%d checks after the end", len(r.Checks))
	}
}

// Two ports share a CPU.
func TestSharedCPU(t *testing.T) {
	f := ixgbe(t)
	r := Run(t.Context(), []Port{netmapPort, {Spec: "packet:eth2", CPUs: []int{5}}}, &Options{Machine: f.Machine})
	if c := r.find(t, "cpus"); c.Verdict != Warn || !c.says("several ports have threads on CPU 5") {
		t.Errorf("%+v", *c)
	}
}

func TestDifferences(t *testing.T) {
	f := ixgbe(t)
	a := f.look(netmapPort)
	f.card.pause.RxPause = 1
	f.write("proc/meminfo", "MemTotal: 65536000 kB\nMemAvailable: 50000000 kB") // varies by itself
	f.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet")
	b := f.look(netmapPort)
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var read Report // as from a result directory
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	read.Checks = append(read.Checks, Check{Name: "new", Verdict: Pass, Found: "x"})
	want := []Difference{
		{"pause", "", "eth2", "pass: autoneg off, rx off, tx off", "fail: autoneg off, rx on, tx off"},
		{"clock", "", "", "pass: tsc", "warn: hpet"},
		{"new", "", "", "not there", "pass: x"},
	}
	if got := Differences(a, &read); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := Differences(a, a); len(got) > 0 {
		t.Errorf("differs from itself: %+v", got)
	}
}
