package netlab

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (n *NS) bridge(ports []string) error {
	err := n.Do(func() error {
		for _, of := range []string{"all", "default"} {
			err := os.WriteFile("/proc/sys/net/ipv6/conf/"+of+"/disable_ipv6", []byte("1"), 0)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("turn IPv6 off in the bridge's namespace, or it would send frames of its own: %w", err)
			}
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name = bridgeName
		snooping := false
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}); err != nil {
			return fmt.Errorf("make a bridge: %w", err)
		}
		return nil
	})
	for _, name := range ports {
		if err == nil {
			err = n.plug(name, nil)
		}
	}
	if err == nil {
		err = n.SetUp(bridgeName, true)
	}
	return err
}

func (n *NS) plug(name string, mac net.HardwareAddr) error {
	return n.Do(func() error {
		port, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("find %s for the bridge: %w", name, err)
		}
		br, err := netlink.LinkByName(bridgeName)
		if err == nil {
			err = netlink.LinkSetMaster(port, br)
		}
		if err == nil && mac != nil {
			err = netlink.NeighSet(&netlink.Neigh{
				LinkIndex: port.Attrs().Index, Family: unix.AF_BRIDGE, State: netlink.NUD_NOARP, Flags: netlink.NTF_MASTER, HardwareAddr: mac,
			})
		}
		if err != nil {
			return fmt.Errorf("make %s a port of the bridge: %w", name, err)
		}
		return nil
	})
}
