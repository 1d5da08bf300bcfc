package qdiscs

import (
	"errors"
	"fmt"
	"os"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"
)

// napi switches GRO on or off, which is what switches a veth's NAPI, and has
// NAPI run in a thread or not. The calling thread is in the device's namespace
// and ends afterwards: it gets a view of /sys of its own, for the one there is
// shows the interfaces of the namespace it was mounted in.
func napi(dev string, on, thread bool) error {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return err
	}
	defer e.Close()
	if err := e.Change(dev, map[string]bool{"rx-gro": on}); err != nil {
		return fmt.Errorf("switch GRO of %s: %w", dev, err)
	}
	if !on {
		return nil
	}
	value := "0"
	if thread {
		value = "1"
	}
	err = errors.Join(
		unix.Unshare(unix.CLONE_NEWNS),
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("sysfs", "/sys", "sysfs", 0, ""),
	)
	if err == nil {
		err = os.WriteFile("/sys/class/net/"+dev+"/threaded", []byte(value), 0)
	}
	if err != nil {
		return fmt.Errorf("have NAPI of %s run in a thread or not: %w", dev, err)
	}
	return nil
}
