//go:build !linux

package bench

// KernelRelease is what uname -r prints.
func KernelRelease() string { return "unknown" }

// InsideUserNS is false where there are none.
func InsideUserNS() bool { return false }

func cpus() []int { return []int{0} }
