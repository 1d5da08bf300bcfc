package nic

// Speed returns an interface's link speed in bits a second, as its driver
// states it (ethtool(8)). The error is one sentence; it says so where the
// driver knows none, as with most virtual interfaces and with a link that is
// down. A veth states 10 Gbit/s, which is no limit of its own.
func Speed(name string) (bps float64, err error) { return speed(name) }

// Node returns the NUMA node that an interface's device is on with those CPUs
// of the node that the calling thread may run on, or no CPUs where the interface
// is of no device, or there is but one node. Source:
// /sys/class/net/NAME/device/numa_node, and /sys/devices/system/node (sysfs(5)).
func Node(name string) (node int, cpus []int) {
	node, cpus = nodeOf("/sys", name)
	return node, allowed(cpus)
}
