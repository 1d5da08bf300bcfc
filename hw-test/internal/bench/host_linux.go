package bench

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// KernelRelease is what uname -r prints.
func KernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// InsideUserNS reports whether this process is in a user namespace other than
// the first one, whose user ids are mapped one to one (user_namespaces(7)).
func InsideUserNS() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	f := strings.Fields(string(b))
	return err == nil && (len(f) != 3 || f[0] != "0" || f[1] != "0" || f[2] != "4294967295")
}

// cpus lists the CPUs that this process may use.
func cpus() (list []int) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return []int{0}
	}
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			list = append(list, i)
		}
	}
	return list
}
