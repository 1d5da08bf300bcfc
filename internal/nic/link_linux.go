package nic

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"
)

func speed(name string) (float64, error) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return 0, fmt.Errorf("the link speed of %s cannot be asked for: %w", name, err)
	}
	defer e.Close()
	mbps, err := e.CmdGet(&ethtool.EthtoolCmd{}, name)
	if err != nil {
		return 0, fmt.Errorf("interface %s has no link speed, say a rate in pps or bps: %w", name, err)
	}
	if mbps == 0 || mbps == math.MaxUint32 {
		return 0, fmt.Errorf("interface %s knows no link speed (is the link up?): say a rate in pps or bps", name)
	}
	return float64(mbps) * 1e6, nil
}

// allowed returns those of the CPUs that the calling thread may run on: what
// taskset or a cgroup has taken away stays away.
func allowed(cpus []int) []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	return slices.DeleteFunc(cpus, func(n int) bool { return !set.IsSet(n) })
}

// nodeOf is Node for whoever may run everywhere, with sysfs mounted at sys.
func nodeOf(sys, name string) (int, []int) {
	if list, ok := CPUList(read(sys, "devices/system/node/online")); !ok || len(list) < 2 {
		return 0, nil
	}
	node, err := strconv.Atoi(read(sys, "class/net", name, "device/numa_node"))
	if err != nil || node < 0 {
		return 0, nil
	}
	cpus, _ := CPUList(read(sys, "devices/system/node", "node"+strconv.Itoa(node), "cpulist"))
	return node, cpus
}

// read returns the contents of a sysfs file, "" if there is none.
func read(path ...string) string {
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
