package conformance

import "golang.org/x/sys/unix"

// signalThread returns a function that interrupts a system call of the calling
// thread, which must be locked to its goroutine. Go's runtime takes SIGURG and
// does nothing with one that it did not send.
func signalThread() func() {
	pid, tid := unix.Getpid(), unix.Gettid()
	return func() { _ = unix.Tgkill(pid, tid, unix.SIGURG) }
}
