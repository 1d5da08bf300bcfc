package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/netmap"
)

// mostBytes is how long a lab file may be: a thousand ports fit easily.
const mostBytes = 1 << 20

// Load reads and checks a lab file. The error joins *Error.
func Load(file string) (*Lab, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the lab file cannot be read: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > mostBytes {
		return nil, &Error{File: file, Text: fmt.Sprintf("it has %d bytes, and a lab file at most %d", st.Size(), mostBytes)}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the lab file cannot be read: %w", err)
	}
	return Parse(file, b)
}

// Parse reads and checks the text of a lab file; file is its name for messages
// and where relative paths begin. The error joins *Error.
func Parse(file string, text []byte) (*Lab, error) {
	if len(text) > mostBytes {
		return nil, &Error{File: file, Text: fmt.Sprintf("it has %d bytes, and a lab file at most %d", len(text), mostBytes)}
	}
	r := &reader{file: file}
	// No alias, and no deeper than the schema: 5 levels.
	limits := loaderlimits.New(loaderlimits.AliasNone(), loaderlimits.DepthValue(50))
	var doc yaml.Node
	if err := yaml.Load(text, &doc, yaml.WithPlugin(limits)); err != nil {
		return nil, r.syntax(text, err)
	}
	top := &doc
	if top.Kind == yaml.DocumentNode && len(top.Content) == 1 {
		top = top.Content[0]
	}
	if anchor := find(top, func(n *yaml.Node) bool { return n.Anchor != "" || n.Kind == yaml.AliasNode }); anchor != nil {
		r.fail(at(anchor), "anchors (&) and aliases (*) are not for lab files: write it out")
		return nil, errors.Join(r.errs...)
	}
	l := &Lab{File: file, Nodes: []Node{}, Links: []Link{}, size: at(top)}
	r.lab(l, top)
	if len(r.errs) == 0 {
		l.check(r)
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return l, nil
}

// syntax is an error for text that is not YAML.
func (r *reader) syntax(text []byte, err error) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return &Error{File: r.file, Text: "the file is empty", Err: err}
	}
	e := &Error{File: r.file, Text: "this is no YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), Err: err}
	if l, ok := errors.AsType[*yaml.LoadError](err); ok {
		e.Line, e.Column, e.Text = l.Mark.Line, max(l.Mark.Column, 1), "this is no YAML that a lab file may have: "+l.Message
	}
	return e
}

// find returns the first node below n, or n, that fits. The tree has no cycles:
// aliases are not followed.
func find(n *yaml.Node, fits func(*yaml.Node) bool) *yaml.Node {
	if fits(n) {
		return n
	}
	for _, c := range n.Content {
		if f := find(c, fits); f != nil {
			return f
		}
	}
	return nil
}

func (r *reader) lab(l *Lab, n *yaml.Node) {
	r.fields(n, "a lab file",
		field{"environment", func(v *yaml.Node) { l.Environment = r.environment(v) }},
		field{"vm", func(v *yaml.Node) { l.Machine = r.machine(v) }},
		field{"ssh", func(v *yaml.Node) { l.SSH = r.access(v) }},
		field{"nodes", func(v *yaml.Node) {
			r.entries(v, "nodes", func(name string, k, v *yaml.Node) { l.Nodes = append(l.Nodes, r.node(name, k, v)) })
		}},
		field{"links", func(v *yaml.Node) {
			r.sequence(v, "links", func(v *yaml.Node) { l.Links = append(l.Links, r.link(v)) })
		}},
		field{"paths", func(v *yaml.Node) {
			if r.sequence(v, "paths", func(v *yaml.Node) { l.Given = append(l.Given, r.wayOf(v)) }); v.Kind == yaml.SequenceNode && len(v.Content) == 0 {
				r.fail(at(v), "paths is an empty list: leave it out to have those that the links make")
			}
		}},
	)
}

func (r *reader) environment(n *yaml.Node) Environment {
	e := Environment(r.text(n, "environment"))
	switch e {
	case Veth, VM, Local, SSH, "":
		return e
	}
	r.fail(at(n), "environment %.40q is none of veth, vm, local and ssh", e)
	return ""
}

func (r *reader) machine(n *yaml.Node) *Machine {
	m := &Machine{}
	r.fields(n, "vm",
		field{"netmap", func(v *yaml.Node) { m.Netmap = r.path(v, "netmap") }},
		field{"kernel", func(v *yaml.Node) { m.Kernel = r.path(v, "kernel") }},
		field{"nics", func(v *yaml.Node) {
			var err error
			if m.NICs, err = strconv.Atoi(r.text(v, "nics")); err != nil || m.NICs < 0 || m.NICs > 8 {
				r.fail(at(v), "nics is a number of pairs of cards from 0 to 8, and not %s", kind(v))
			}
		}},
	)
	return m
}

// name is what nodes and ports may be called: a word that fits a file's name
// and, with a dot between, a link's end.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)

func (r *reader) named(what, s string, n *yaml.Node) {
	if !name.MatchString(s) {
		r.fail(at(n), "%s cannot be called %.40q: letters, digits, - and _, at most 32", what, s)
	}
}

func (r *reader) node(name string, k, v *yaml.Node) Node {
	r.named("a node", name, k)
	n := Node{Name: name, Ports: []Port{}, at: at(k)}
	what := fmt.Sprintf("node %.32s", name)
	r.fields(v, what,
		field{"role", func(v *yaml.Node) {
			if n.Role = Role(r.text(v, "role")); n.Role != TG && n.Role != DUT && n.Role != "" {
				r.fail(at(v), "role %.40q is neither tg (traffic generator) nor dut (device under test)", n.Role)
			}
		}},
		field{"host", func(v *yaml.Node) { n.Host, n.hostAt = r.target(v, "host"), at(v) }},
		field{"jump", func(v *yaml.Node) { n.Jump, n.hostAt = r.jump(v), at(v) }},
		field{"ports", func(v *yaml.Node) {
			r.entries(v, "ports", func(name string, k, v *yaml.Node) { n.Ports = append(n.Ports, r.port(n.Name, name, k, v)) })
		}},
	)
	if v.Kind == yaml.MappingNode && !has(v, "role") {
		r.fail(at(k), "%s has no role: tg or dut", what)
	}
	if v.Kind == yaml.MappingNode && len(n.Ports) == 0 {
		r.fail(at(k), "%s has no ports", what)
	}
	for i := range n.Ports {
		r.oneInterface(&n, &n.Ports[i])
	}
	return n
}

// oneInterface holds that a port says once which interface it is. A device of
// its own, which other hosts only see by their cables, need not say it.
func (r *reader) oneInterface(n *Node, p *Port) {
	given := 0
	for _, s := range []string{p.Interface, p.PCI, p.MAC} {
		if s != "" {
			given++
		}
	}
	lacks := given == 0 && p.needsInterface() && (n.Role != DUT || n.Host != "")
	const one = "give one of interface, pci and mac"
	if lacks {
		r.fail(p.at, "port %.32s.%.32s does not say which interface it is: "+one, n.Name, p.Name)
	} else if given > 1 {
		r.fail(p.at, "port %.32s.%.32s says which interface it is in %d ways: "+one, n.Name, p.Name, given)
	}
}

func has(n *yaml.Node, key string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

var pciAddress = regexp.MustCompile(`^([0-9a-f]{4}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$`)

func (r *reader) port(node, name string, k, v *yaml.Node) Port {
	r.named("a port", name, k)
	p := Port{Name: name, Spec: "%", at: at(k)}
	what := fmt.Sprintf("port %.32s.%.32s", node, name)
	if isNull(v) {
		return p
	}
	r.fields(v, what,
		field{"interface", func(v *yaml.Node) {
			p.Interface = r.text(v, "interface")
			if len(p.Interface) > 15 || strings.ContainsAny(p.Interface, "/ \t\n:%") {
				r.fail(at(v), "no interface is called %.40q: at most 15 characters, no /, : or space", p.Interface)
			}
		}},
		field{"pci", func(v *yaml.Node) {
			p.PCI = strings.ToLower(r.text(v, "pci"))
			if !pciAddress.MatchString(p.PCI) {
				r.fail(at(v), "%.40q is no PCI address like 0000:03:00.0 (lspci -D shows them)", p.PCI)
			} else if strings.Count(p.PCI, ":") == 1 {
				p.PCI = "0000:" + p.PCI
			}
		}},
		field{"mac", func(v *yaml.Node) {
			mac, err := net.ParseMAC(r.text(v, "mac"))
			if err != nil || len(mac) != 6 {
				r.fail(at(v), "%.40q is no MAC address like 90:e2:ba:00:00:01 (ip link shows them)", v.Value)
			}
			p.MAC = mac.String()
		}},
		field{"spec", func(v *yaml.Node) { p.Spec = r.spec(v) }},
		field{"cpus", func(v *yaml.Node) { p.CPUs = r.cpus(v) }},
	)
	return p
}

func (r *reader) spec(n *yaml.Node) string {
	s := r.text(n, "spec")
	kind, rest, _ := strings.Cut(s, ":")
	switch {
	case s == "" || s == "%":
		return "%"
	case kind == "packet" && rest != "", kind == "udp" && rest != "":
	case kind == "netmap", strings.HasPrefix(kind, "vale"):
		if _, err := netmap.ParseSpec(strings.ReplaceAll(s, "%", "if0")); err != nil {
			r.fail(at(n), "%w", err)
		}
	default:
		r.fail(at(n), "spec %.60q is none of packet:%%, netmap:%%, udp:…, vale…: and %% alone, where %% stands for the interface's name", s)
	}
	return s
}

// cpus reads 2, 2-3, "0,2-3" or a list of such.
func (r *reader) cpus(n *yaml.Node) (cpus []int) {
	one := func(n *yaml.Node) {
		list, ok := nic.CPUList(strings.ReplaceAll(r.text(n, "cpus"), " ", ""))
		if !ok {
			r.fail(at(n), "%s is no list of CPUs like 2-3 or 0,2", kind(n))
		}
		for _, c := range list {
			if slices.Contains(cpus, c) {
				r.fail(at(n), "CPU %d is there twice", c)
				return
			}
			cpus = append(cpus, c)
		}
	}
	if n.Kind == yaml.SequenceNode {
		r.sequence(n, "cpus", one)
	} else {
		one(n)
	}
	return cpus
}

func (r *reader) link(n *yaml.Node) Link {
	l := Link{at: at(n)}
	var ends []string
	r.sequence(n, "a link", func(v *yaml.Node) { ends = append(ends, r.text(v, "an end of a link")) })
	if n.Kind == yaml.SequenceNode && len(ends) != 2 {
		r.fail(at(n), "a link has two ends, like [gen.a, dev.in], and not %d", len(ends))
	}
	if len(ends) == 2 {
		l.A, l.B = ends[0], ends[1]
	}
	return l
}
