package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// Options say what machine to make and what to run there. The zero value is
// not valid; Flags sets the defaults.
type Options struct {
	Kernel  string        // a bzImage or a User-Mode-Linux executable; empty: one of /boot
	Netmap  string        // a directory with netmap.ko and drivers; empty: no netmap
	Modules string        // what /lib/modules/RELEASE is; empty: that, if it is there
	Module  []string      // names of the kernel's own modules to load
	Params  []string      // MODULE.NAME=VALUE
	NICs    int           // pairs of e1000 cards, each pair on a hub
	Include []string      // files to put into the guest, with their libraries
	Run     string        // a command line, see Command's help
	Args    []string      // one command, word by word, instead of Run
	Shell   bool          // an interactive shell, after Run if there is one
	MemMB   int           // the guest's memory in MiB
	CPUs    int           // the guest's processors; 0: 2, under User-Mode Linux 1
	Timeout time.Duration // after which the machine is killed; 0: never
	// Grace is for a command that has something to say at its end: where the
	// machine is to be killed, the command is interrupted (SIGINT) and given so
	// much time before. 0: none.
	Grace time.Duration

	// Programs are the names by which the binary, called so, is another
	// program than hw-test.
	Programs []string
}

// Flags adds the options' flags to a flag set.
func (o *Options) Flags(f *pflag.FlagSet) {
	f.StringVar(&o.Kernel, "kernel", "", "bzImage or User-Mode-Linux executable `FILE` (default: what netmap.ko was built for, else the newest /boot/vmlinuz-*)")
	f.StringVar(&o.Netmap, "netmap", "", "`DIR` with netmap.ko and drivers, as scripts/build-netmap.sh --out makes it; all are loaded")
	f.IntVar(&o.NICs, "nics", 0, "`N` pairs of e1000 cards, each pair joined: eth0-eth1, eth2-eth3, …; not under User-Mode Linux")
	f.StringVar(&o.Run, "run", "", "`COMMANDS` to run, see above")
	f.StringArrayVar(&o.Include, "include", nil, "put `FILE` and the libraries it needs into the guest, by the same path, a relative one in /bin (repeatable)")
	f.BoolVar(&o.Shell, "shell", false, "run the included shell on the guest's console, after --run; Ctrl-] ends the machine")
	f.StringArrayVar(&o.Params, "param", nil, "module parameter `MODULE.NAME=VALUE` (repeatable)")
	f.StringArrayVar(&o.Module, "module", nil, "load the kernel's own module `NAME` and those it needs (repeatable; veth is loaded anyway)")
	f.StringVar(&o.Modules, "modules", "", "`DIR` with the kernel's own modules (default /lib/modules/RELEASE)")
	f.IntVar(&o.MemMB, "mem", 1024, "the guest's memory in `MiB`")
	f.IntVar(&o.CPUs, "cpus", 0, "the guest's `processors` (default 2; User-Mode Linux has 1)")
	o.Timeout = 10 * time.Minute
	f.Var(cli.DurationValue(&o.Timeout, time.Second), "timeout", "kill the machine after this time; 0: never")
}

// check finds what is wrong with the options in themselves.
func (o *Options) check() error {
	switch {
	case len(o.Args) > 0 && o.Run != "":
		return cli.Usagef("give the command by --run or as arguments, not both (%q)", o.Args[0])
	case len(o.Args) == 0 && o.Run == "" && !o.Shell:
		return cli.Usagef("say what to run in the machine: --run COMMANDS, a command as arguments, or --shell")
	case o.NICs < 0 || o.NICs > 8:
		return cli.Usagef("--nics %d is not from 0 to 8 pairs", o.NICs)
	case o.MemMB < 128 || o.MemMB > 1<<20:
		return cli.Usagef("--mem %d is not from 128 to %d MiB", o.MemMB, 1<<20)
	case o.CPUs < 0 || o.CPUs > 64:
		return cli.Usagef("--cpus %d is not from 1 to 64", o.CPUs)
	case o.Timeout < 0:
		return cli.Usagef("--timeout %v is negative", o.Timeout)
	}
	if o.Run != "" {
		if _, err := parseScript(o.Run); err != nil {
			return cli.Usagef("--run: %w", err)
		}
	}
	for _, p := range o.Params {
		if _, _, err := splitParam(p); err != nil {
			return err
		}
	}
	if o.Shell {
		if _, err := o.shell(); err != nil {
			return err
		}
	}
	return nil
}

// checkFor finds what the kernel cannot do.
func (o *Options) checkFor(k *kernel) error {
	switch {
	case k.uml && o.NICs > 0:
		return cli.Usagef("--nics needs QEMU: User-Mode Linux has no cards to emulate; give --kernel a bzImage, or use veth")
	case k.uml && o.CPUs > 1:
		return cli.Usagef("--cpus %d: User-Mode Linux has one processor", o.CPUs)
	}
	return nil
}

// splitParam splits MODULE.NAME=VALUE.
func splitParam(p string) (module, param string, err error) {
	module, param, ok := strings.Cut(p, ".")
	name, _, ok2 := strings.Cut(param, "=")
	if !ok || !ok2 || module == "" || name == "" {
		return "", "", cli.Usagef("--param: %q is not MODULE.NAME=VALUE, such as netmap.ring_size=65792", p)
	}
	return moduleName(module), param, nil
}

// inGuest is the path of an included file in the guest.
func inGuest(file string) string {
	if filepath.IsAbs(file) {
		return filepath.Clean(file)
	}
	return "/bin/" + filepath.Base(file)
}

// shell is the command of the first shell among the included files.
func (o *Options) shell() ([]string, error) {
	for _, f := range o.Include {
		switch filepath.Base(f) {
		case "sh", "ash", "bash", "dash", "ksh", "mksh", "zsh":
			return []string{inGuest(f)}, nil
		case "busybox":
			return []string{inGuest(f), "sh"}, nil
		}
	}
	return nil, cli.Usagef("--shell needs a shell in the guest: --include /bin/bash, or --include /usr/bin/busybox " +
		"(Debian: apt install busybox-static)")
}

// busybox is the path of busybox in the guest, if it is included.
func (o *Options) busybox() string {
	for _, f := range o.Include {
		if filepath.Base(f) == "busybox" {
			return inGuest(f)
		}
	}
	return ""
}

// statIncluded names a file that is not there before anything takes its time.
func (o *Options) statIncluded() error {
	for _, f := range o.Include {
		st, err := os.Stat(f)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("--include: %w", err)
		case err == nil && !st.Mode().IsRegular():
			return fmt.Errorf("--include %s: it is not a file: name its files one by one", f)
		}
	}
	return nil
}
