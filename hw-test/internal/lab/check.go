package lab

import "fmt"

// check finds what is wrong in a file whose every value is right by itself.
func (l *Lab) check(r *reader) {
	switch l.Environment {
	case "":
		r.fail(l.size, "the file has no environment: veth, vm or local")
		return
	case Veth:
		if len(l.Nodes)+len(l.Links) > 0 || l.Machine != nil {
			r.fail(l.size, "environment veth makes its own nodes and links; it has nothing else to say (and needs no file)")
		}
		return
	case VM:
		if l.Machine == nil {
			l.Machine = &Machine{}
		}
	case Local:
		if l.Machine != nil {
			r.fail(l.size, "key vm is for environment vm, and this is %s", l.Environment)
		}
	}
	l.checkPorts(r)
	l.checkLinks(r)
	if len(r.errs) == 0 {
		_, err := l.paths()
		if err != nil {
			r.errs = append(r.errs, err)
		}
	}
}

// checkPorts finds ports that are one and the same.
func (l *Lab) checkPorts(r *reader) {
	if len(l.Nodes) == 0 {
		r.fail(l.size, "environment %s needs nodes", l.Environment)
	}
	seen := map[string]string{}
	for _, n := range l.Nodes {
		for _, p := range n.Ports {
			name := n.Name + "." + p.Name
			for _, s := range []string{p.Interface, p.PCI, p.MAC} {
				if s == "" {
					continue
				}
				if other, twice := seen[s]; twice {
					r.fail(p.at, "port %s is %s, and so is %s", name, s, other)
				}
				seen[s] = name
			}
		}
	}
}

func (l *Lab) checkLinks(r *reader) {
	if len(l.Links) == 0 && len(l.Nodes) > 0 {
		r.fail(l.size, "there are no links: say how the ports are wired, like links: [[gen.a, gen.b]]")
	}
	linked := map[string]bool{}
	for _, k := range l.Links {
		if k.A == k.B {
			r.fail(k.at, "a link joins %s with itself", k.A)
			continue
		}
		for _, end := range []string{k.A, k.B} {
			if _, p := l.Port(end); p == nil {
				r.fail(k.at, "a link ends at %.70q, and there is no such port: NODE.PORT", end)
			}
			if linked[end] {
				r.fail(k.at, "port %s has two links", end)
			}
			linked[end] = true
		}
	}
}

// Paths are the ways from one TG's port to another's, in the order of the links.
func (l *Lab) Paths() []Path {
	paths, _ := l.paths() // an error would have been Parse's
	return paths
}

func (l *Lab) paths() ([]Path, error) {
	peer := map[string]string{}
	for _, k := range l.Links {
		peer[k.A], peer[k.B] = k.B, k.A
	}
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
			fail = fmt.Sprintf("the path from %s is not clear: node %s has %d linked ports, and a dut may have two; make it several nodes", from, n.Name, len(out)+1)
		}
		if fail != "" {
			return nil, &Error{File: l.File, Line: at.line, Column: at.column, Text: fail}
		}
		p.Via = append(p.Via, in, out[0])
		in = peer[out[0]]
	}
}
