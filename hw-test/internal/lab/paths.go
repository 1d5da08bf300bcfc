package lab

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Path is what frames take from one TG's port to another: those of From enter
// Via[0], leave the same DUT by Via[1], and so on, and come out at To. Frames
// may go the other way as well.
type Path struct {
	From string   `json:"from"`
	Via  []string `json:"via,omitempty"`
	To   string   `json:"to"`

	at position
}

// String is the path as it is printed.
func (p Path) String() string {
	var b strings.Builder
	b.WriteString(p.From)
	for i, v := range p.Via {
		if i%2 == 0 {
			b.WriteString(" → " + v)
		} else {
			b.WriteString(" ⇒ " + v)
		}
	}
	b.WriteString(" → " + p.To)
	return b.String()
}

// Ports are all ports of the path, in the order in which frames pass them.
func (p Path) Ports() []string { return slices.Concat([]string{p.From}, p.Via, []string{p.To}) }

func (r *reader) wayOf(n *yaml.Node) Path {
	p := Path{at: at(n)}
	var ports []string
	r.sequence(n, "a path", func(v *yaml.Node) { ports = append(ports, r.text(v, "a port of a path")) })
	switch {
	case n.Kind != yaml.SequenceNode:
	case len(ports) < 2 || len(ports)%2 != 0:
		r.fail(p.at, "a path is a tg's port, two ports of each dut on the way and a tg's port, like [gen.a, dev.in, dev.out, gen.b]; this one has %d", len(ports))
	default:
		last := len(ports) - 1
		p.From, p.Via, p.To = ports[0], ports[1:last], ports[last]
	}
	return p
}

// Paths are the ways from one TG's port to another's: those that the file
// gives, else those that its links make, in their order.
func (l *Lab) Paths() []Path {
	if len(l.Given) > 0 {
		return slices.Clone(l.Given)
	}
	paths, _ := l.paths() // an error would have been Parse's
	return paths
}

// peers is which port each linked port is linked to.
func (l *Lab) peers() map[string]string {
	peer := map[string]string{}
	for _, k := range l.Links {
		peer[k.A], peer[k.B] = k.B, k.A
	}
	return peer
}

// checkGiven finds what is wrong with the file's paths. Several may end at one
// port, which then receives from several.
func (l *Lab) checkGiven(r *reader) {
	peer := l.peers()
	begun := map[string]bool{}
	for i := range l.Given {
		p := &l.Given[i]
		if why := l.fault(p.Ports(), peer); why != "" {
			r.fail(p.at, "%s", why)
		} else if begun[p.From] {
			r.fail(p.at, "two paths begin at %s, and a port can send one way only", p.From)
		}
		begun[p.From] = true
	}
}

// fault says why frames cannot pass these ports one after the other, or nothing.
func (l *Lab) fault(ports []string, peer map[string]string) string {
	last := len(ports) - 1
	seen := map[string]bool{}
	for i, name := range ports {
		n, p := l.Port(name)
		switch isEnd := i == 0 || i == last; {
		case p == nil:
			return fmt.Sprintf("the path has %.70q, and there is no such port: NODE.PORT", name)
		case seen[name]:
			return fmt.Sprintf("the path has port %s twice", name)
		case isEnd && n.Role != TG:
			return fmt.Sprintf("a path goes from a tg's port to a tg's port, and %s is a dut's", name)
		case !isEnd && n.Role != DUT:
			return fmt.Sprintf("between its ends a path has ports of duts only, and %s is a tg's", name)
		}
		seen[name] = true
	}
	for i := 0; i < last; i++ {
		from, to := ports[i], ports[i+1]
		if i%2 == 0 {
			if peer[from] != to {
				return fmt.Sprintf("the path goes from %s to %s, and no link joins them", from, to)
			}
			continue
		}
		if a, _ := l.Port(from); a.Name != strings.Split(to, ".")[0] {
			return fmt.Sprintf("the path enters node %s by %s and would leave it by %s, which is not its own", a.Name, from, to)
		}
	}
	return ""
}

// paths are those that the links make.
func (l *Lab) paths() ([]Path, error) {
	peer := l.peers()
	done := map[string]bool{}
	paths := []Path{}
	for _, k := range l.Links {
		for _, from := range []string{k.A, k.B} {
			if n, _ := l.Port(from); n.Role != TG || done[from] {
				continue
			}
			p, err := l.follow(from, peer, k.at)
			if err != nil {
				return nil, err
			}
			done[from], done[p.To] = true, true
			paths = append(paths, *p)
		}
	}
	if len(paths) == 0 {
		return nil, &Error{File: l.File, Line: l.size.line, Column: l.size.column,
			Text: "no link ends at a tg: there is nobody to send or receive"}
	}
	return paths, nil
}

// follow goes from a TG's port over links and through DUTs to another TG's. It
// meets no port twice, for a port has one link and a DUT two linked ports.
func (l *Lab) follow(from string, peer map[string]string, at position) (*Path, error) {
	p := &Path{From: from}
	for in := peer[from]; ; {
		n, _ := l.Port(in)
		if n.Role == TG {
			p.To = in
			return p, nil
		}
		var out []string
		for i := range n.Ports {
			if name := n.Name + "." + n.Ports[i].Name; name != in && peer[name] != "" {
				out = append(out, name)
			}
		}
		fail := ""
		switch {
		case len(out) == 0:
			fail = fmt.Sprintf("the path from %s ends in node %s, which has no other linked port", from, n.Name)
		case len(out) > 1:
			fail = fmt.Sprintf("the path from %s is not clear: node %s has %d linked ports; say which way frames go, like paths: [[%s, %s, %s, …]]",
				from, n.Name, len(out)+1, from, in, out[0])
		}
		if fail != "" {
			return nil, &Error{File: l.File, Line: at.line, Column: at.column, Text: fail}
		}
		p.Via = append(p.Via, in, out[0])
		in = peer[out[0]]
	}
}
