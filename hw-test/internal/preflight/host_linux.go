package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/procfs"
)

// hostChecks are in the order of the report.
var hostChecks = []struct {
	name string
	look func(*host, Check) Check
}{
	{"machine", (*host).checkMachine},
	{"cpus", (*host).checkCPUs},
	{"governor", (*host).checkGovernor},
	{"turbo", (*host).checkTurbo},
	{"smt", (*host).checkSMT},
	{"isolation", (*host).checkIsolation},
	{"mitigations", (*host).checkMitigations},
	{"irqbalance", (*host).checkIRQBalance},
	{"clock", (*host).checkClock},
	{"time", (*host).checkTime},
	{"memory", (*host).checkMemory},
	{"netmap-memory", (*host).checkNetmapMemory},
	{"netfilter", (*host).checkNetfilter},
}

func (h *host) checkMachine(c Check) Check {
	fs, err := h.m.proc()
	if err != nil {
		return c.skip("%v", err)
	}
	cpus, err := fs.CPUInfo()
	if err != nil || len(cpus) == 0 {
		return c.skip("the kernel does not describe its CPUs")
	}
	if cpus[0].ModelName == "" { // as on arm64, where no flag would tell, either
		return c.skip("the kernel names no model of its %d CPUs and does not tell whether they are virtual", len(cpus))
	}
	found := fmt.Sprintf("%d × %s", len(cpus), cpus[0].ModelName)
	if slices.Contains(cpus[0].Flags, "hypervisor") {
		return c.warn(found+", virtual", "the hardware itself", "the host below gives and takes CPU time unseen: rates and delays vary by tens of percent")
	}
	return c.pass("%s", found)
}

func (h *host) checkIRQBalance(c Check) Check {
	found := h.m.processes(func(_ procfs.Proc, name string) bool { return name == "irqbalance" })
	if len(found) > 0 {
		c = c.warn(strings.Join(found, ", "), "not running", "it moves interrupts to other CPUs while a test runs", "systemctl stop irqbalance")
		c.Varies = true
		return c
	}
	return c.pass("not running")
}

// checkClock wants a clock that is read without a system call: the tests read it
// for every batch.
func (h *host) checkClock(c Check) Check {
	fs, err := h.m.sys()
	if err != nil {
		return c.skip("%v", err)
	}
	list, err := fs.ClockSources()
	if err != nil || len(list) == 0 || list[0].Current == "" {
		return c.skip("the kernel does not tell its clock source")
	}
	now := list[0].Current
	if slices.Contains([]string{"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"}, now) {
		return c.pass("%s", now)
	}
	const file = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
	var do []string
	if slices.Contains(list[0].Available, "tsc") {
		do = append(do, "echo tsc > "+file)
	} else {
		do = append(do, "dmesg | grep -i tsc   # why the kernel does not trust it")
	}
	return c.warn(now, "tsc", "reading the time takes a microsecond instead of 30 ns: pacing and delays are coarse", do...)
}

func (h *host) checkTime(c Check) Check {
	ok, err := h.m.Synced()
	switch {
	case err != nil:
		return c.skip("%v", err)
	case ok:
		return c.pass("synchronized")
	}
	return c.warn("not synchronized", "synchronized", "delays between two hosts are wrong by the difference of their clocks; on one host nothing is",
		"timedatectl set-ntp true   # or chronyd, or ptp4l with phc2sys")
}

// What a test needs is little: rings, programs, a report. Huge pages are not
// needed, netmap has its own memory.
const (
	leastMemory  = 64 << 20
	wantedMemory = 512 << 20
)

func (h *host) checkMemory(c Check) Check {
	fs, err := h.m.proc()
	if err != nil {
		return c.skip("%v", err)
	}
	m, err := fs.Meminfo()
	if err != nil || m.MemAvailable == nil || m.MemTotal == nil {
		return c.skip("the kernel does not tell how much memory is free")
	}
	free, total := *m.MemAvailable<<10, *m.MemTotal<<10
	found := fmt.Sprintf("%d MiB free of %d", free>>20, total>>20)
	want := fmt.Sprintf("%d MiB free", wantedMemory>>20)
	switch {
	case free < leastMemory:
		c = c.fail(found, want, "programs will be killed or will swap while they test")
	case free < wantedMemory:
		c = c.warn(found, want, "programs may swap while they test")
	default:
		c = c.pass("%s", found)
	}
	c.Varies = true
	return c
}

func (h *host) checkNetmapMemory(c Check) Check {
	const dir = "sys/module/netmap/parameters"
	if !h.m.exists(dir) {
		return c.skip("netmap's module is not loaded")
	}
	num, size := h.m.read(dir, "buf_num"), h.m.read(dir, "buf_size")
	var n, bytes int
	if _, err := fmt.Sscan(num+" "+size, &n, &bytes); err != nil {
		return c.skip("netmap does not tell its buffers")
	}
	found := fmt.Sprintf("%d buffers of %d bytes, %d MiB", n, bytes, n*bytes>>20)
	if bytes < 1518 {
		return c.warn(found, "buffers of 2048 bytes", "no whole frame of 1518 bytes fits: it takes several slots", "echo 2048 > /"+dir+"/buf_size")
	}
	return c.pass("%s", found)
}

// checkNetfilter: frames that a packet socket or netmap sends and receives pass
// it by, those of udp: ports and those that this host forwards go through it.
func (h *host) checkNetfilter(c Check) Check {
	var loaded []string
	for _, name := range []string{"nf_conntrack", "nf_tables", "ip_tables", "ip6_tables", "ebtables", "br_netfilter"} {
		if h.m.exists("sys/module", name) {
			loaded = append(loaded, name)
		}
	}
	if len(loaded) == 0 {
		return c.pass("not loaded")
	}
	found := strings.Join(loaded, ", ")
	if loaded[0] != "nf_conntrack" && !slices.Contains(loaded, "br_netfilter") {
		return c.pass("%s, without connection tracking", found)
	}
	return c.warn(found, "no connection tracking", "what this host forwards, and udp: ports, pay for each flow and lose frames when the table is full; packet: and netmap: ports do not",
		"nft list ruleset", "modprobe -r br_netfilter nf_conntrack   # or a rule with notrack")
}
