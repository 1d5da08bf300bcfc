package vm

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// module is one that the guest loads.
type module struct {
	name  string // as in /proc/modules: no dashes
	file  string // on the host
	image []byte // the ELF file, uncompressed
}

// modules are those that the guest loads, and where they come from.
type modules struct {
	own    map[string]string   // by name, those of --netmap: the file
	kernel map[string][]string // by name, the kernel's own: the file and those it needs, modules.dep
	inside map[string]bool     // built into the kernel, modules.builtin
	known  bool                // kernel and inside are the truth

	order []*module
	asked map[string]bool
}

const netmapHint = "build it with scripts/build-netmap.sh --out DIR (for User-Mode Linux with --arch um) and give --netmap DIR"

// newModules reads what there is: in netmapDir and, from depmod, in kernelDir;
// either may be empty.
func newModules(netmapDir, kernelDir string) (*modules, error) {
	m := &modules{own: map[string]string{}, kernel: map[string][]string{}, inside: map[string]bool{}, asked: map[string]bool{}}
	if netmapDir != "" {
		for _, pattern := range []string{"*.ko", "*.ko.*"} {
			files, _ := filepath.Glob(filepath.Join(netmapDir, pattern)) // fails for bad patterns only
			for _, f := range files {
				m.own[moduleName(f)] = f
			}
		}
		if m.own["netmap"] == "" {
			return nil, fmt.Errorf("there is no netmap.ko in %s: %s", netmapDir, netmapHint)
		}
	}
	if kernelDir == "" {
		return m, nil
	}
	m.known = true
	for file, do := range map[string]func(line string){
		"modules.dep": func(line string) {
			file, needs, _ := strings.Cut(line, ":")
			files := append([]string{file}, strings.Fields(needs)...)
			for i, f := range files {
				if !filepath.IsAbs(f) {
					files[i] = filepath.Join(kernelDir, f)
				}
			}
			m.kernel[moduleName(file)] = files
		},
		"modules.builtin": func(line string) { m.inside[moduleName(line)] = true },
	} {
		b, err := os.ReadFile(filepath.Join(kernelDir, file))
		if err != nil {
			return nil, fmt.Errorf("look for the kernel's modules: %w", err)
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" {
				do(line)
			}
		}
	}
	return m, nil
}

// moduleName is the module's name in the kernel for a file or a user's name.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// has tells whether the module is there to be loaded.
func (m *modules) has(name string) bool {
	return m.own[name] != "" || m.kernel[name] != nil
}

// addOwn adds all of --netmap, netmap first, which its drivers need.
func (m *modules) addOwn() error {
	if len(m.own) == 0 {
		return nil
	}
	names := []string{"netmap"}
	for n := range m.own {
		if n != "netmap" {
			names = append(names, n)
		}
	}
	slices.Sort(names[1:])
	for _, n := range names {
		if err := m.add(n); err != nil {
			return err
		}
	}
	return nil
}

// add adds a module after those that it needs. A module of --netmap comes
// before the kernel's of the same name. Nothing is to do for one that is built
// in.
func (m *modules) add(name string) error {
	name = moduleName(name)
	if m.asked[name] {
		return nil
	}
	m.asked[name] = true
	if file := m.own[name]; file != "" {
		mod, err := readModule(name, file)
		if err != nil {
			return err
		}
		needs, err := mod.needs()
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := m.add(n); err != nil {
				return fmt.Errorf("%s needs the module %s: %w", file, n, err)
			}
		}
		m.order = append(m.order, mod)
		return nil
	}
	files := m.kernel[name]
	if files == nil {
		if m.inside[name] {
			return nil
		}
		if !m.known {
			return fmt.Errorf("where the kernel's modules are is not known: give --modules DIR")
		}
		return fmt.Errorf("the kernel has no such module, nor is it built in")
	}
	// modules.dep lists them such that the last is to be loaded first.
	for _, need := range slices.Backward(files[1:]) {
		if err := m.add(moduleName(need)); err != nil {
			return err
		}
	}
	mod, err := readModule(name, files[0])
	if err != nil {
		return err
	}
	m.order = append(m.order, mod)
	return nil
}

func readModule(name, file string) (*module, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the module %s: %w", name, err)
	}
	defer f.Close()
	var r io.Reader = f
	switch filepath.Ext(file) {
	case ".xz":
		r, err = xz.NewReader(f)
	case ".gz":
		r, err = gzip.NewReader(f)
	case ".zst":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(f); err == nil {
			defer z.Close()
			r = z
		}
	}
	if err != nil {
		return nil, fmt.Errorf("unpack the module %s: %w", file, err)
	}
	image, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read the module %s: %w", file, err)
	}
	return &module{name, file, image}, nil
}

// needs are the modules that this one needs.
func (m *module) needs() ([]string, error) {
	all, err := m.info("depends")
	if err != nil || len(all) == 0 || all[0] == "" {
		return nil, err
	}
	return strings.Split(all[0], ","), nil
}

// release is the kernel that the module was built for.
func (m *module) release() (string, error) {
	all, err := m.info("vermagic")
	if err != nil || len(all) == 0 {
		return "", err
	}
	release, _, _ := strings.Cut(all[0], " ")
	return release, nil
}

// hasParam tells whether the module has a parameter. The kernel ignores one
// that it does not know, but for a line in its log.
func (m *module) hasParam(name string) (bool, error) {
	types, err := m.info("parmtype") // each "name:type"
	return slices.ContainsFunc(types, func(t string) bool { return strings.HasPrefix(t, name+":") }), err
}

// info reads the values of a tag in the section .modinfo, which MODULE_INFO of
// linux/module.h fills: strings "tag=value", each ended by a zero byte.
func (m *module) info(tag string) (values []string, err error) {
	f, err := elf.NewFile(bytes.NewReader(m.image))
	if err != nil {
		return nil, fmt.Errorf("%s is not a kernel module: %w", m.file, err)
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, fmt.Errorf("%s is not a kernel module: it has no .modinfo", m.file)
	}
	b, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("read .modinfo of %s: %w", m.file, err)
	}
	for s := range bytes.SplitSeq(b, []byte{0}) {
		if value, ok := bytes.CutPrefix(s, []byte(tag+"=")); ok {
			values = append(values, string(value))
		}
	}
	return values, nil
}
