package engine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// setThread binds the calling, locked thread to the CPUs and lets its sleeps
// end on time instead of up to 50 µs later (PR_SET_TIMERSLACK, prctl(2)).
// restore undoes both.
func setThread(cpus []int) (restore func(), err error) {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	slack := func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }
	if len(cpus) == 0 {
		return slack, nil
	}
	var old, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		slack()
		return nil, fmt.Errorf("sched_getaffinity: %w", err)
	}
	for _, c := range cpus {
		set.Set(c)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		slack()
		return nil, fmt.Errorf("no thread can run on CPUs %v (taskset -p $$ shows those allowed): %w", cpus, err)
	}
	return func() {
		_ = unix.SchedSetaffinity(0, &old)
		slack()
	}, nil
}
