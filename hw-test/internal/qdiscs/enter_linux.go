package qdiscs

import (
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netns"
)

// enter runs f on a thread that is in the namespace and ends with f.
func enter(ns *os.File, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(netns.NsHandle(int(ns.Fd()))); err != nil {
			done <- fmt.Errorf("enter the network namespace %s: %w", ns.Name(), err)
			return
		}
		done <- f()
	}()
	return <-done
}
