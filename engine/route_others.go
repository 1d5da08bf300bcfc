//go:build !linux

package engine

// carriesDefaultRoute is not known here.
func carriesDefaultRoute(int) bool { return false }
