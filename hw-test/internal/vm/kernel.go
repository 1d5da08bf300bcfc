package vm

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// kernel is a file that a machine boots.
type kernel struct {
	path string
	// uml says that it is User-Mode Linux, which is an executable, and not a
	// bzImage.
	uml bool
	// release is what uname -r would say, and what its modules were built
	// for; empty for User-Mode Linux, whose file does not tell.
	release string
}

const bootDir = "/boot"

const kernelHint = "install one (Debian: apt install linux-image-amd64, Fedora: dnf install kernel-core, Arch: pacman -S linux) " +
	"or give --kernel FILE"

// openKernel looks at what kind of kernel a file is.
func openKernel(path string) (*kernel, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("look at the kernel: %w: %s", err, kernelHint)
	}
	defer f.Close()
	k := &kernel{path: path}
	// The boot protocol's header, Documentation/x86/boot.rst: "HdrS" at 0x202,
	// at 0x20e the version's offset less 0x200.
	head := make([]byte, 1<<16)
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	if n > 0x210 && string(head[0x202:0x206]) == "HdrS" {
		at := int(binary.LittleEndian.Uint16(head[0x20e:])) + 0x200
		if at < n {
			text, _, _ := bytes.Cut(head[at:], []byte{0})
			k.release, _, _ = strings.Cut(string(text), " ")
		}
		return k, nil
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return nil, fmt.Errorf("%s is neither a bzImage nor a User-Mode-Linux executable: give --kernel another file, "+
			"such as /boot/vmlinuz-RELEASE or what scripts/build-uml.sh makes", path)
	}
	defer e.Close()
	// arch/um's linker script makes this section; strip leaves its name.
	if e.Section(".uml.setup.init") == nil && e.Section(".uml.initcall.init") == nil {
		return nil, fmt.Errorf("%s is an ELF file, but not User-Mode Linux: "+
			"of an unpacked kernel (vmlinux) give --kernel its bzImage (vmlinuz)", path)
	}
	k.uml = true
	return k, nil
}

// defaultKernel is the newest kernel installed in dir, or the one that modules
// of the given release were built for.
func defaultKernel(dir, release string) (string, error) {
	if release != "" {
		path := filepath.Join(dir, "vmlinuz-"+release)
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("the modules of --netmap were built for the kernel %s: %w: give --kernel FILE that kernel, "+
				"or build the modules for an installed one (scripts/build-netmap.sh --kernel-dir /lib/modules/RELEASE/build)", release, err)
		}
		return path, nil
	}
	all, _ := filepath.Glob(filepath.Join(dir, "vmlinuz-*")) // fails for bad patterns only
	if len(all) == 0 {
		return "", fmt.Errorf("there is no kernel %s/vmlinuz-*: %s", dir, kernelHint)
	}
	return slices.MaxFunc(all, compareVersions), nil
}

// compareVersions orders strings as people order versions: runs of digits by
// their number, all else by its bytes.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		da, db := digits(a), digits(b)
		if da == 0 || db == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
		if c := cmp.Or(cmp.Compare(len(na), len(nb)), cmp.Compare(na, nb)); c != 0 {
			return c
		}
		a, b = a[da:], b[db:]
	}
	return cmp.Compare(len(a), len(b))
}

func digits(s string) int {
	n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if n < 0 {
		return len(s)
	}
	return n
}

// modulesDir is where the kernel's own modules are: given, if the user named
// a directory, else the release's if there is one, else empty.
func (k *kernel) modulesDir(given string) (string, error) {
	if given == "" && k.release == "" {
		return "", nil
	}
	dir := cmp.Or(given, filepath.Join("/lib/modules", k.release))
	_, err := os.Stat(filepath.Join(dir, "modules.dep"))
	switch {
	case err == nil:
		return dir, nil
	case given == "" && errors.Is(err, os.ErrNotExist):
		return "", nil
	}
	return "", fmt.Errorf("look for the kernel's modules: %w: give --modules the directory that depmod has been run on, /lib/modules/RELEASE", err)
}
