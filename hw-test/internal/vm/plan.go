package vm

import (
	"bufio"
	"cmp"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// guestConfig is what the host tells the guest's init, as JSON.
type guestConfig struct {
	Modules []guestModule `json:"modules"` // in the order of loading
	Run     string        `json:"run,omitempty"`
	Args    []string      `json:"args,omitempty"`
	Shell   []string      `json:"shell,omitempty"`
	Rows    int           `json:"rows,omitempty"` // of the shell's terminal, if known
	Columns int           `json:"columns,omitempty"`
	Busybox string        `json:"busybox,omitempty"` // its path: it is to make its links
	Env     []string      `json:"env"`
	Console string        `json:"console"` // devices
	Channel string        `json:"channel"`
}

type guestModule struct {
	Name   string `json:"name"`
	File   string `json:"file"`
	Params string `json:"params,omitempty"`
}

// configFile is where the guest finds its guestConfig.
const configFile = "/etc/hw-test.json"

// guestPath has /bin last: busybox makes its links there, and what was
// included comes before.
const guestPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// plan is everything decided, before anything is made.
type plan struct {
	kernel  *kernel
	modules []*module
	params  map[string][]string // by module
	files   map[string]string   // in the guest: on the host
	config  guestConfig
	links   map[string]string
}

// plan decides about everything, or says what is missing.
func (o *Options) plan() (*plan, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := o.statIncluded(); err != nil {
		return nil, err
	}
	p := &plan{params: map[string][]string{}, files: map[string]string{}, links: map[string]string{}}
	if err := p.choose(o); err != nil {
		return nil, err
	}
	if err := p.addFiles(o); err != nil {
		return nil, err
	}
	p.config.Run, p.config.Args, p.config.Busybox = o.Run, o.Args, o.busybox()
	if o.Shell {
		p.config.Shell, _ = o.shell() // checked
	}
	for _, m := range p.modules {
		p.config.Modules = append(p.config.Modules, guestModule{m.name, m.guestFile(), strings.Join(p.params[m.name], " ")})
	}
	return p, nil
}

// choose chooses the kernel and the modules, which depend on each other.
func (p *plan) choose(o *Options) error {
	builtFor := ""
	if o.Netmap != "" {
		own, err := newModules(o.Netmap, "")
		if err != nil {
			return err
		}
		netmap, err := readModule("netmap", own.own["netmap"])
		if err != nil {
			return err
		}
		if builtFor, err = netmap.release(); err != nil {
			return err
		}
	}
	file := o.Kernel
	if file == "" {
		var err error
		if file, err = defaultKernel(bootDir, builtFor); err != nil {
			return err
		}
	}
	var err error
	if p.kernel, err = openKernel(file); err != nil {
		return err
	}
	if err := o.checkFor(p.kernel); err != nil {
		return err
	}
	if r := p.kernel.release; r != "" && builtFor != "" && r != builtFor {
		return fmt.Errorf("%s/netmap.ko was built for the kernel %s, and %s is %s: "+
			"build it for that (scripts/build-netmap.sh --kernel-dir /lib/modules/%s/build), or give --kernel the other", o.Netmap, builtFor, file, r, r)
	}
	dir, err := p.kernel.modulesDir(o.Modules)
	if err != nil {
		return err
	}
	m, err := newModules(o.Netmap, dir)
	if err != nil {
		return err
	}
	return p.load(o, m)
}

// load makes the list of modules to load.
func (p *plan) load(o *Options, m *modules) error {
	if err := m.addOwn(); err != nil {
		return err
	}
	if o.NICs > 0 {
		if err := m.add("e1000"); err != nil {
			return fmt.Errorf("--nics needs the driver e1000: %w", err)
		}
	}
	if m.has("veth") {
		if err := m.add("veth"); err != nil {
			return err
		}
	}
	for _, name := range o.Module {
		if err := m.add(name); err != nil {
			return fmt.Errorf("--module %s: %w", name, err)
		}
	}
	p.modules = m.order
	for _, s := range o.Params {
		name, param, err := splitParam(s)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.modules, func(m *module) bool { return m.name == name })
		if i < 0 {
			return cli.Usagef("--param %s: the module %s is not among those loaded (give --netmap DIR or --module %s)", s, name, name)
		}
		key, _, _ := strings.Cut(param, "=")
		if ok, err := p.modules[i].hasParam(key); err != nil {
			return err
		} else if !ok {
			return cli.Usagef("--param %s: the module %s has no parameter %s (modinfo %s)", s, name, key, p.modules[i].file)
		}
		p.params[name] = append(p.params[name], param)
	}
	return nil
}

// addFiles lists the files of the guest and the links.
func (p *plan) addFiles(o *Options) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find hw-test's own file, which is to be the guest's init: %w", err)
	}
	if err := checkSelf(self); err != nil {
		return err
	}
	p.files["/init"] = self
	for _, name := range append([]string{"hw-test"}, o.Programs...) {
		p.links["/bin/"+name] = "/init"
	}
	libraries := newClosure()
	for _, f := range append([]string{self}, o.Include...) {
		if err := libraries.add(f); err != nil {
			return err
		}
	}
	for f := range libraries.files {
		p.files[f] = f
	}
	p.config.Env = []string{guestPath, "HOME=/", "TERM=" + cmp.Or(os.Getenv("TERM"), "linux"),
		// Nothing is kept where all is gone at the end.
		results.Env + "=" + results.NoDir}
	if dirs := libraries.dirs(); len(dirs) > 0 {
		p.config.Env = append(p.config.Env, "LD_LIBRARY_PATH="+strings.Join(dirs, ":"))
	}
	for _, f := range o.Include {
		at := inGuest(f)
		if have, taken := p.files[at]; taken && have != f {
			return fmt.Errorf("--include %s: %s is in the guest already, from %s", f, at, have)
		}
		p.files[at] = f
		if path.Base(at) == "busybox" {
			p.links["/bin/sh"] = at
		}
	}
	return nil
}

// checkSelf finds out whether the guest could run this binary.
func checkSelf(file string) error {
	f, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("look at hw-test's own file: %w", err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 {
		return fmt.Errorf("this hw-test is for %v, and the machine's processor is an x86-64: build it with GOARCH=amd64: %w",
			f.Machine, errors.ErrUnsupported)
	}
	return nil
}

func (m *module) guestFile() string { return "/lib/modules/" + m.name + ".ko" }

// write writes the initramfs.
func (p *plan) write(w io.Writer) error {
	config, err := json.Marshal(&p.config)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(w, 1<<20)
	a := newArchive(buf)
	for _, d := range []string{"/dev", "/proc", "/sys", "/run", "/tmp", "/bin", "/sbin", "/usr/bin", "/usr/sbin"} {
		if err := a.dir(d); err != nil {
			return err
		}
	}
	if err := a.bytes(configFile, 0o644, config); err != nil {
		return err
	}
	for _, m := range p.modules {
		if err := a.bytes(m.guestFile(), 0o644, m.image); err != nil {
			return err
		}
	}
	for at, from := range p.files {
		if err := a.copy(at, from); err != nil {
			return err
		}
	}
	for at, to := range p.links {
		if err := a.link(at, to); err != nil {
			return err
		}
	}
	if err := a.close(); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("write the initramfs: %w", err)
	}
	return nil
}
