package engine

import (
	"fmt"
	"os"
	"path/filepath"
)

// netmapTakes reports whether an interface's driver is one that netmap runs
// natively: the driver's module then depends on netmap's.
func netmapTakes(ifc string) (ok bool, why string) {
	if _, err := os.Stat("/dev/netmap"); err != nil {
		return false, "there is no netmap in this kernel"
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
