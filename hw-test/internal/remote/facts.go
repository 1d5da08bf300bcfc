package remote

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Facts are what Dial learned of a host.
type Facts struct {
	OS       string `json:"os"`       // as in GOOS
	Arch     string `json:"arch"`     // as in GOARCH
	Kernel   string `json:"kernel"`   // uname -r
	Hostname string `json:"hostname"` // uname -n
	UID      int    `json:"uid"`
	// What the user may do with the network, as root or by a capability.
	NetRaw   bool `json:"net_raw"`
	NetAdmin bool `json:"net_admin"`
}

const probeScript = `
echo os $(uname -s); echo arch $(uname -m); echo kernel $(uname -r); echo name $(uname -n);
echo uid $(id -u); echo caps $(grep CapEff /proc/self/status 2>/dev/null | cut -f2);`

func (h *Host) probe(ctx context.Context) error {
	lines, err := h.script(ctx, probeScript, nil)
	if err != nil {
		return err
	}
	h.facts, err = parseFacts(lines)
	if err != nil {
		return fmt.Errorf("ask %s what it is: %w", h.name, err)
	}
	return nil
}

// Bits of a capability set, of linux/capability.h.
const (
	capNetAdmin = 12
	capNetRaw   = 13
)

func parseFacts(lines []string) (f Facts, err error) {
	said := map[string]string{}
	for _, l := range lines {
		key, value, _ := strings.Cut(l, " ")
		said[key] = strings.TrimSpace(value)
	}
	f.Kernel, f.Hostname = said["kernel"], said["name"]
	f.OS, f.Arch = strings.ToLower(said["os"]), said["arch"]
	if goarch, ok := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[f.Arch]; ok {
		f.Arch = goarch
	}
	if f.OS == "" || f.Arch == "" {
		return f, fmt.Errorf("uname said nothing of use: %q", lines)
	}
	if f.UID, err = strconv.Atoi(said["uid"]); err != nil {
		return f, fmt.Errorf("id -u printed no number: %w", err)
	}
	if said["caps"] == "" { // not Linux
		f.NetRaw, f.NetAdmin = f.UID == 0, f.UID == 0
		return f, nil
	}
	caps, err := strconv.ParseUint(said["caps"], 16, 64)
	if err != nil {
		return f, fmt.Errorf("/proc/self/status has a CapEff that is no number: %w", err)
	}
	f.NetRaw, f.NetAdmin = caps>>capNetRaw&1 == 1, caps>>capNetAdmin&1 == 1
	return f, nil
}
