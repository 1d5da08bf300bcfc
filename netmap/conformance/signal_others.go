//go:build !linux

package conformance

import "syscall"

// signalThread returns a function that interrupts a system call of some thread
// of the process.
func signalThread() func() {
	pid := syscall.Getpid()
	return func() { _ = syscall.Kill(pid, syscall.SIGURG) }
}
