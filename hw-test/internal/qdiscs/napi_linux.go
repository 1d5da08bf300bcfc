package qdiscs

import (
	"errors"
	"fmt"
	"os"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"
)

// noTSO switches off what makes a veth's driver pass frames by the other end's
// NAPI: while segments might be sent, only what may be merged goes there.
func noTSO(dev string) error {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return err
	}
	defer e.Close()
	off := map[string]bool{}
	for _, f := range []string{"tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation"} {
		off[f] = false
	}
	if err := e.Change(dev, off); err != nil {
		return fmt.Errorf("switch TSO of %s off: %w", dev, err)
	}
	return nil
}

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
