//go:build !linux

package cputime

import "golang.org/x/sys/unix"

// threadClock returns the CPU clock of whichever thread reads it.
func threadClock() (id int32, anywhere bool) { return unix.CLOCK_THREAD_CPUTIME_ID, false }
