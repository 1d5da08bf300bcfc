package lab

// check finds what is wrong in a file whose every value is right by itself.
func (l *Lab) check(r *reader) {
	switch l.Environment {
	case "":
		r.fail(l.size, "the file has no environment: veth, vm, local or ssh")
		return
	case Veth:
		if len(l.Nodes)+len(l.Links)+len(l.Given) > 0 || l.Machine != nil || l.SSH != nil {
			r.fail(l.size, "environment veth makes its own nodes and links; it has nothing else to say (and needs no file)")
		}
		return
	case VM:
		if l.Machine == nil {
			l.Machine = &Machine{}
		}
	case Local, SSH:
		if l.Machine != nil {
			r.fail(l.size, "key vm is for environment vm, and this is %s", l.Environment)
		}
	}
	if l.SSH != nil && l.Environment != SSH {
		r.fail(l.size, "key ssh is for environment ssh, and this is %s", l.Environment)
	}
	l.checkHosts(r)
	l.checkPorts(r)
	l.checkLinks(r)
	if len(r.errs) == 0 {
		if len(l.Given) > 0 {
			l.checkGiven(r)
		} else if _, err := l.paths(); err != nil {
			r.errs = append(r.errs, err)
		}
	}
}

// checkPorts finds ports that are one and the same: names and addresses are
// those of a host.
func (l *Lab) checkPorts(r *reader) {
	if len(l.Nodes) == 0 {
		r.fail(l.size, "environment %s needs nodes", l.Environment)
	}
	type place struct{ host, name string }
	seen := map[place]string{}
	for _, n := range l.Nodes {
		for _, p := range n.Ports {
			name := n.Name + "." + p.Name
			for _, s := range []string{p.Interface, p.PCI, p.MAC} {
				if s == "" {
					continue
				}
				if other, twice := seen[place{n.Host, s}]; twice {
					r.fail(p.at, "port %s is %s, and so is %s", name, s, other)
				}
				seen[place{n.Host, s}] = name
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
