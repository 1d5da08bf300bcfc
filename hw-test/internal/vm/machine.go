package vm

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
)

// File descriptors of the machine's process. The console is 0 to 2.
const (
	fdInitramfs = 3
	fdChannel   = 4
)

// machine is how to start a virtual machine.
type machine struct {
	argv []string
	// guarded is for User-Mode Linux, see guard.
	guarded bool
	// The guest's names for the two serial lines.
	console, channel string
}

const qemuName = "qemu-system-x86_64"

// qemu is a PC without anything but two serial ports and the cards. A panic
// or an oops ends it, and only errors are on the console before.
func (o *Options) qemu(k *kernel) (*machine, error) {
	path, err := exec.LookPath(qemuName)
	if err != nil {
		return nil, fmt.Errorf("a bzImage needs QEMU: %w: install it (Debian: apt install qemu-system-x86, "+
			"Fedora: dnf install qemu-system-x86-core, Arch: pacman -S qemu-system-x86), or give --kernel a User-Mode-Linux executable", err)
	}
	argv := []string{
		path, "-accel", "tcg,thread=multi", "-cpu", "max", "-m", strconv.Itoa(o.MemMB), "-smp", strconv.Itoa(cmp.Or(o.CPUs, 2)),
		"-no-reboot", "-no-user-config", "-nodefaults", "-display", "none",
		"-kernel", k.path, "-initrd", fmt.Sprintf("/proc/self/fd/%d", fdInitramfs), "-append", "console=ttyS0 panic=-1 oops=panic quiet",
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-chardev", fmt.Sprintf("socket,id=channel,fd=%d", fdChannel), "-serial", "chardev:channel",
	}
	for hub := range o.NICs {
		for end := range 2 {
			id := fmt.Sprintf("n%d", 2*hub+end)
			argv = append(argv,
				"-netdev", fmt.Sprintf("hubport,hubid=%d,id=%s", hub, id),
				"-device", fmt.Sprintf("e1000,netdev=%s,mac=52:54:00:00:%02x:%02x", id, hub, end))
		}
	}
	return &machine{argv, false, "ttyS0", "ttyS1"}, nil
}

// uml is User-Mode Linux, which keeps its own files in dir.
func (o *Options) uml(k *kernel, dir string) *machine {
	in := "null" // what is read from fd 0 would end at once
	if o.Shell {
		in = "fd:0"
	}
	return &machine{[]string{
		k.path, fmt.Sprintf("mem=%dM", o.MemMB), fmt.Sprintf("initrd=/proc/self/fd/%d", fdInitramfs),
		"uml_dir=" + dir, "noreboot", "panic=-1", "oops=panic", "quiet",
		"con=null", "con0=" + in + ",fd:1", "ssl=null", fmt.Sprintf("ssl1=fd:%d", fdChannel),
	}, true, "tty0", "ttyS1"}
}

// deathOf says why there is no exit status.
func deathOf(c *console, started bool, cause error) error {
	if !errors.Is(cause, errNoStatus) {
		return cause // the guest said why, or our own output failed
	}
	if why, ok := c.panicked(); ok {
		return fmt.Errorf("the guest's kernel panicked: %s (%w)%s", why, cause, c.tail())
	}
	if !started {
		return fmt.Errorf("the machine ended before its kernel had started init: %w%s", cause, c.tail())
	}
	return fmt.Errorf("the machine ended without an exit status: %w%s", cause, c.tail())
}
