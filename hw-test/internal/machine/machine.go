// Package machine says what a host is, for results: its system, kernel and
// CPUs.
package machine

import (
	"os"
	"runtime"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
)

// A Host is what is known of one.
type Host struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"` // its release, as uname -r prints it
	CPU    string `json:"cpu"`    // the model's name
	CPUs   int    `json:"cpus"`   // that this process may use
	UserNS bool   `json:"userns"` // in a user namespace, where the kernel grants smaller buffers
	// Netmap is netmap's module, "" where there is none: its version or source
	// version as /sys/module has it, or that it has none.
	Netmap string `json:"netmap,omitempty"`
}

// Here is this host.
func Here() Host {
	h := Host{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: bench.KernelRelease(), CPUs: runtime.NumCPU(),
		UserNS: bench.InsideUserNS(), CPU: cpuModel(),
	}
	if _, err := os.Stat("/dev/netmap"); err == nil {
		h.Netmap = "of unknown version" // built without modversions
	}
	for _, name := range []string{"version", "srcversion"} {
		if b, err := os.ReadFile("/sys/module/netmap/" + name); err == nil {
			h.Netmap = strings.TrimSpace(string(b))
			break
		}
	}
	return h
}
