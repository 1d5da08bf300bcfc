// Package lab is the lab file, lab.yaml: which ports of which nodes a test runs
// over, and how they are wired.
//
//	lab.yaml ──▶ Parse ──▶ Lab: nodes (tg, dut) ── ports ── links
//	               │         │
//	    errors with file,    ├─ Paths: from a tg's port to a tg's port, via duts
//	    line and column      ├─ Hosts: whom to connect to, each once
//	                         └─ Resolve: PCI and MAC addresses to interface names
//
// Everything in the file is checked before anything is done: an unknown key, a
// port linked twice, a link to a port that is not there. Nothing in it is a
// secret, also where its nodes are on other hosts, and it names no command to
// run; the only programs are hw-test's own, for hosts that are not like this
// one. YAML's anchors and aliases are refused, so that a file is never larger
// than it looks.
package lab

import (
	"fmt"
	"strings"
)

// An Environment is where a lab's nodes are.
type Environment string

const (
	// Veth is made for the test: namespaces on this host. It needs no file.
	Veth Environment = "veth"
	// VM is a virtual machine made for the test.
	VM Environment = "vm"
	// Local is this host, with NICs that are wired to each other.
	Local Environment = "local"
	// SSH is other hosts, each with one or more of the nodes, reached over ssh.
	SSH Environment = "ssh"
)

// A Role is what a node does in a test.
type Role string

const (
	// TG is a traffic generator and receiver.
	TG Role = "tg"
	// DUT is a device under test, which forwards what a TG sends.
	DUT Role = "dut"
)

// A Lab is a lab file as it was understood.
type Lab struct {
	File        string      `json:"file"`
	Environment Environment `json:"environment"`
	// Machine is the virtual machine of Environment VM, else nil.
	Machine *Machine `json:"vm,omitempty"`
	// SSH says how the hosts of Environment SSH are reached; nil: as ssh does.
	SSH   *Access `json:"ssh,omitempty"`
	Nodes []Node  `json:"nodes"` // in the file's order
	Links []Link  `json:"links"`
	// Given are the paths that the file says; without them the links make
	// them. Paths has either.
	Given []Path `json:"paths,omitempty"`

	size position // where the file ends, for what is missing in it
}

// A Machine says what `hw-test vm` makes. Paths are from the lab file's
// directory.
type Machine struct {
	Netmap string `json:"netmap,omitempty"` // directory with netmap.ko, as scripts/build-netmap.sh makes it
	Kernel string `json:"kernel,omitempty"` // bzImage or User-Mode-Linux executable, "" for what netmap.ko was built for
	NICs   int    `json:"nics"`             // pairs of e1000 cards, each pair joined: eth0-eth1, eth2-eth3, …
}

// A Node is a host, or a part of one.
type Node struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Host is where a node of environment SSH is, [user@]host[:port]; "" for a
	// DUT that is a device of its own. Several nodes may have one.
	Host string `json:"host,omitempty"`
	// Jump are the hosts on the way, the first one first; none: as ssh's
	// configuration says; the word none alone: there are none.
	Jump  []string `json:"jump,omitempty"`
	Ports []Port   `json:"ports"` // in the file's order

	at, hostAt position // hostAt: of host or jump
}

// A Port is one interface of a node and how it is opened.
type Port struct {
	Name string `json:"name"`
	// The interface: one of these says which it is, Resolve fills the others
	// in. All may be empty for a Spec that names its port itself, and for a
	// DUT that is a device of its own.
	Interface string `json:"interface,omitempty"`
	PCI       string `json:"pci,omitempty"` // like 0000:03:00.0
	MAC       string `json:"mac,omitempty"` // like 90:e2:ba:00:00:01
	// Spec is a port spec in which % stands for the interface's name.
	Spec string `json:"spec"`
	// CPUs are those that the port's threads are to run on; empty: any.
	CPUs []int `json:"cpus,omitempty"`
	// Driver is the interface's, after Resolve.
	Driver string `json:"driver,omitempty"`

	at position
}

// Open is the spec to open, with the interface's name in its place.
func (p *Port) Open() string { return strings.ReplaceAll(p.Spec, "%", p.Interface) }

// needsInterface tells whether a spec has a place for one.
func (p *Port) needsInterface() bool { return strings.Contains(p.Spec, "%") }

// A Link is a cable between two ports, each written NODE.PORT.
type Link struct {
	A string `json:"a"`
	B string `json:"b"`

	at position
}

// A position is a place in the file; 0 is none.
type position struct{ line, column int }

// An Error is what is wrong in a lab file, and where.
type Error struct {
	File   string
	Line   int // from 1; 0: the file as a whole
	Column int // from 1
	Text   string
	Err    error // the cause, or nil
}

// Error is one sentence that begins with the place.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Text)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Node finds a node, or nil.
func (l *Lab) Node(name string) *Node {
	for i := range l.Nodes {
		if l.Nodes[i].Name == name {
			return &l.Nodes[i]
		}
	}
	return nil
}

// Port finds a port by NODE.PORT, with its node; nil if there is none.
func (l *Lab) Port(name string) (*Node, *Port) {
	node, port, _ := strings.Cut(name, ".")
	n := l.Node(node)
	if n == nil {
		return nil, nil
	}
	for i := range n.Ports {
		if n.Ports[i].Name == port {
			return n, &n.Ports[i]
		}
	}
	return n, nil
}
