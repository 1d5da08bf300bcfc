package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// netmapTakes reports whether an interface's driver is one that netmap runs
// natively: the driver's module then depends on netmap's, or it is netmap's.
func netmapTakes(ifc string) (ok bool, why string) {
	if _, err := os.Stat("/dev/netmap"); err != nil {
		return false, "there is no netmap in this kernel"
	}
	if isSink(ifc) {
		return true, "it is netmap's own sink"
	}
	module, err := filepath.EvalSymlinks(filepath.Join("/sys/class/net", ifc, "device/driver/module"))
	if err != nil {
		return false, "it has no driver that netmap runs natively"
	}
	driver := filepath.Base(module)
	if _, err := os.Stat(filepath.Join("/sys/module/netmap/holders", driver)); err != nil {
		return false, fmt.Sprintf("its driver %s is not one that netmap runs natively here", driver)
	}
	return true, fmt.Sprintf("its driver %s is native in netmap", driver)
}

// isSink reports whether an interface is one that netmap's module has made to
// swallow frames (--enable-sink, netmap_sink_init). Nothing but its name tells:
// the kernel's sysfs knows neither a device nor a driver of it.
func isSink(ifc string) bool {
	if number, ok := strings.CutPrefix(ifc, "nmsink"); !ok || strings.Trim(number, "0123456789") != "" {
		return false
	}
	path, err := filepath.EvalSymlinks(filepath.Join("/sys/class/net", ifc))
	return err == nil && strings.HasPrefix(path, "/sys/devices/virtual/net/")
}
