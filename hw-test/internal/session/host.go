package session

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

func host() results.Host {
	h := results.Host{
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

func build() results.Build {
	b := results.Build{Version: cli.Version(), Go: runtime.Version(), Modules: map[string]string{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Modules[m.Path] = m.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
