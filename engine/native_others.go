//go:build !linux && !freebsd

package engine

// netmapTakes is not known here.
func netmapTakes(string) (ok bool, why string) {
	return false, "whether netmap runs its driver natively is not known on this system"
}
