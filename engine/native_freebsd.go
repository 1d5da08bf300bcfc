package engine

import "os"

// netmapTakes says yes where there is netmap: no other backend here sends and
// receives frames, and what has no native driver is emulated.
func netmapTakes(string) (ok bool, why string) {
	if _, err := os.Stat("/dev/netmap"); err != nil {
		return false, "there is no netmap in this kernel"
	}
	return true, "nothing else here takes an interface's frames"
}
