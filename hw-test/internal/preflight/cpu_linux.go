package preflight

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/procfs/sysfs"

	"github.com/ringwalk/ringwalk/internal/nic"
)

// A host is this machine while it is looked at.
type host struct {
	m     *Machine
	ports []Port
}

// cpus are those that the ports name, in order and each once.
func (h *host) cpus() (list []int) {
	for _, p := range h.ports {
		list = append(list, p.CPUs...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

const cpuDir = "sys/devices/system/cpu"

// unnamed is why a check of the CPUs that are used is skipped.
const unnamed = "no CPUs are named (--cpus, or cpus in the lab file)"

func (h *host) checkCPUs(c Check) Check {
	cpus := h.cpus()
	if len(cpus) == 0 {
		return c.skip(unnamed)
	}
	online, ok := h.m.cpus(cpuDir, "online")
	if !ok {
		return c.skip("the kernel does not tell which CPUs there are")
	}
	allowed := h.m.Allowed()
	var missing, taken []int
	var twice []string
	for _, n := range cpus {
		switch {
		case !slices.Contains(online, n):
			missing = append(missing, n)
		case len(allowed) > 0 && !slices.Contains(allowed, n):
			taken = append(taken, n)
		}
		used := 0
		for _, p := range h.ports {
			if slices.Contains(p.CPUs, n) {
				used++
			}
		}
		if used > 1 {
			twice = append(twice, fmt.Sprint(n))
		}
	}
	found, want := nic.WriteCPUs(cpus), "of "+nic.WriteCPUs(online)
	switch {
	case len(missing) > 0:
		return c.fail(found, want, "there is no CPU "+nic.WriteCPUs(missing)+" here, or it is offline")
	case len(taken) > 0:
		return c.fail(found, "of "+nic.WriteCPUs(allowed), "this process may not run on CPU "+nic.WriteCPUs(taken)+" (taskset, or a cgroup's cpuset)")
	case len(twice) > 0:
		return c.warn(found, "other CPUs for each port", "several ports have threads on CPU "+strings.Join(twice, ","))
	}
	return c.pass("%s of %s", found, nic.WriteCPUs(online))
}

// checkGovernor looks at the policies of the named CPUs, or at all.
func (h *host) checkGovernor(c Check) Check {
	dirs, _ := filepath.Glob(h.m.path(cpuDir, "cpufreq/policy*"))
	named := h.cpus()
	var kinds []string
	for _, dir := range dirs {
		name := filepath.Base(dir)
		of, _ := nic.CPUList(strings.ReplaceAll(h.m.read(cpuDir, "cpufreq", name, "affected_cpus"), " ", ","))
		if len(named) > 0 && !slices.ContainsFunc(of, func(n int) bool { return slices.Contains(named, n) }) {
			continue
		}
		g := h.m.read(cpuDir, "cpufreq", name, "scaling_governor")
		if g == "" {
			continue
		}
		kinds = append(kinds, g)
		if g != "performance" {
			c.fix = append(c.fix, Setting{What: "governor", Name: name, Set: "performance"})
		}
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	switch {
	case len(kinds) == 0:
		return c.skip("the CPU's frequency is not this kernel's to choose (a virtual machine, or the firmware)")
	case len(c.fix) == 0:
		return c.pass("performance")
	}
	return c.warn(strings.Join(kinds, ", "), "performance", "a CPU that is slow until it is busy makes the first seconds different",
		"cpupower frequency-set -g performance")
}

func (h *host) checkTurbo(c Check) Check {
	for _, f := range []struct{ file, on, off string }{
		{"intel_pstate/no_turbo", "0", "1"}, {"cpufreq/boost", "1", "0"},
	} {
		switch h.m.read(cpuDir, f.file) {
		case f.on:
			return c.warn("on", "off, for figures to be compared", "how fast a CPU is depends on its temperature and on the other CPUs' load",
				fmt.Sprintf("echo %s > /%s/%s", f.off, cpuDir, f.file))
		case f.off:
			return c.pass("off")
		}
	}
	return c.skip("no switch for it here (a virtual machine, or the firmware)")
}

func (h *host) checkSMT(c Check) Check {
	if s := h.m.read(cpuDir, "smt/active"); s == "0" {
		return c.pass("off, or none")
	}
	cpus := h.cpus()
	if len(cpus) == 0 {
		return c.skip(unnamed)
	}
	var both []string
	var others []int
	for _, n := range cpus {
		siblings, ok := h.m.cpus(cpuDir, fmt.Sprintf("cpu%d/topology/thread_siblings_list", n))
		if !ok {
			return c.skip("the kernel does not tell which CPUs share a core")
		}
		for _, s := range siblings {
			switch {
			case s > n && slices.Contains(cpus, s):
				both = append(both, fmt.Sprintf("%d and %d", n, s))
			case s != n && !slices.Contains(cpus, s):
				others = append(others, s)
			}
		}
	}
	if len(both) > 0 {
		return c.warn("CPUs "+strings.Join(both, ", ")+" share a core", "one CPU of a core", "each gets about half of what it would have alone",
			"lscpu -e   # and name others, or: echo off > /"+cpuDir+"/smt/control")
	}
	slices.Sort(others)
	if len(others) > 0 {
		return c.pass("one CPU of each core; %s share these cores and should be idle", nic.WriteCPUs(slices.Compact(others)))
	}
	return c.pass("one CPU of each core")
}

func (h *host) checkIsolation(c Check) Check {
	cpus := h.cpus()
	if len(cpus) == 0 {
		return c.skip(unnamed)
	}
	isolated, ok := h.m.cpus(cpuDir, "isolated")
	if !ok {
		return c.skip("the kernel does not tell which CPUs are isolated")
	}
	tickless, _ := h.m.cpus(cpuDir, "nohz_full")
	var open, ticking []int
	for _, n := range cpus {
		if !slices.Contains(isolated, n) {
			open = append(open, n)
		}
		if !slices.Contains(tickless, n) {
			ticking = append(ticking, n)
		}
	}
	list := nic.WriteCPUs(cpus)
	boot := fmt.Sprintf("boot with isolcpus=%s nohz_full=%s rcu_nocbs=%s", list, list, list)
	switch {
	case len(open) > 0:
		return c.warn("not isolated: "+nic.WriteCPUs(open), "isolated", "the scheduler runs other programs there, for milliseconds at a time", boot)
	case len(ticking) > 0:
		return c.warn("isolated, with a timer tick on "+nic.WriteCPUs(ticking), "isolated, without a tick", "the tick takes microseconds, 100 to 1000 times a second", boot)
	}
	return c.pass("isolated, without a tick")
}

func (h *host) checkMitigations(c Check) Check {
	fs, err := h.m.sys()
	if err != nil {
		return c.skip("%v", err)
	}
	all, err := fs.CPUVulnerabilities()
	if err != nil || len(all) == 0 {
		return c.skip("the kernel does not list them")
	}
	mitigated, bare := 0, 0
	for _, v := range all {
		switch v.State {
		case sysfs.VulnerabilityStateMitigation:
			mitigated++
		case sysfs.VulnerabilityStateVulnerable:
			bare++
		}
	}
	found := fmt.Sprintf("%d of %d mitigated, %d open", mitigated, len(all), bare)
	if v := all["meltdown"]; v != nil && v.State == sysfs.VulnerabilityStateMitigation {
		return c.warn(found+"; page tables are switched at each system call (PTI)", "none, on a host that only tests",
			"system calls cost several times more; figures compare only with the same setting", "boot with mitigations=off   # on a host that runs nothing of others")
	}
	return c.pass("%s", found)
}
