package info

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Holder is a program that has /dev/netmap open.
type Holder struct {
	PID         int    `json:"pid"`
	Command     string `json:"command"`
	Descriptors int    `json:"descriptors"`
}

const device = "/dev/netmap"

// hold looks for holders where Linux has them, and says what it cannot see.
func (r *Report) hold() {
	holders, blind, err := scan("/proc")
	switch {
	case err != nil:
		r.Unknown = append(r.Unknown, fmt.Sprintf("which programs hold %s is not known here: %v", device, err))
		return
	case blind > 0:
		r.Unknown = append(r.Unknown, fmt.Sprintf("%d processes of others do not show what they have open: root sees them", blind))
	}
	r.Holders = append(r.Holders, holders...)
	if len(holders) > 0 {
		r.Unknown = append(r.Unknown, "which port a descriptor is bound to, the kernel does not tell")
	}
	if len(r.VALE) > 0 {
		r.Unknown = append(r.Unknown, "ports that the kernel itself holds (attached to a switch) have no program")
	}
}

// scan finds the processes below proc that have the device open, and counts
// those that do not let us see.
func scan(proc string) (holders []Holder, blind int, err error) {
	pids, err := filepath.Glob(filepath.Join(proc, "[0-9]*"))
	if err == nil && len(pids) == 0 {
		err = fmt.Errorf("no processes in %s: %w", proc, os.ErrNotExist)
	}
	for _, dir := range pids {
		fds, err := os.ReadDir(filepath.Join(dir, "fd"))
		if err != nil {
			if !os.IsNotExist(err) { // it has ended meanwhile
				blind++
			}
			continue
		}
		h := Holder{}
		for _, fd := range fds {
			if to, err := os.Readlink(filepath.Join(dir, "fd", fd.Name())); err == nil && to == device {
				h.Descriptors++
			}
		}
		if h.Descriptors > 0 {
			h.PID, _ = strconv.Atoi(filepath.Base(dir))
			comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
			h.Command = strings.TrimSpace(string(comm))
			holders = append(holders, h)
		}
	}
	slices.SortFunc(holders, func(a, b Holder) int { return cmp.Compare(a.PID, b.PID) })
	return holders, blind, err
}

// driver is the name of an interface's driver, "" where sysfs has none.
func driver(name string) string {
	to, err := os.Readlink(filepath.Join("/sys/class/net", name, "device/driver"))
	if err != nil {
		return ""
	}
	return filepath.Base(to)
}

// promiscuous reads IFF_PROMISC (0x100) from sysfs.
func promiscuous(name string) bool {
	b, err := os.ReadFile(filepath.Join("/sys/class/net", name, "flags"))
	if err != nil {
		return false
	}
	flags, err := strconv.ParseUint(strings.TrimSpace(string(b)), 0, 32)
	return err == nil && flags&0x100 != 0
}
