package cputime

import "golang.org/x/sys/unix"

// threadClock returns the calling thread's CPU clock, by the number that all
// threads of the process can read it by: pthread_getcpuclockid(3), and
// MAKE_THREAD_CPUCLOCK of linux/posix-timers_types.h.
func threadClock() (id int32, anywhere bool) {
	const sched, perThread = 2, 4
	return ^int32(unix.Gettid())<<3 | perThread | sched, true
}
