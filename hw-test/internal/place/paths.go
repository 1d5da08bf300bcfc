package place

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// readLab reads the lab file and chooses the paths.
func (w *Where) readLab() (env lab.Environment, err error) {
	if w.lab, err = lab.Load(w.LabFile); err != nil {
		return "", err
	}
	env = w.lab.Environment
	if env == lab.Veth {
		if w.Path != "" {
			return "", cli.Usagef("--path: environment veth makes its own")
		}
		return env, nil
	}
	if env == lab.Local {
		if err := w.lab.Resolve("/"); err != nil {
			return "", err
		}
	}
	if env == lab.SSH {
		if err := w.lab.CheckFiles(); err != nil {
			return "", err
		}
	}
	if w.paths, err = choose(w.lab.Paths(), w.Path); err != nil {
		return "", err
	}
	if env == lab.VM && len(w.paths) > 1 {
		return "", cli.Usagef("--path: in a machine one path is tested at a time")
	}
	if w.Reverse {
		for i, p := range w.paths {
			w.paths[i] = backwards(p)
		}
	}
	if err := apart(w.paths); err != nil {
		return "", err
	}
	here := new(testbed.Here)
	w.options.Ways, err = over(w.lab, w.paths, func(*lab.Node) testbed.Host {
		if env == lab.SSH {
			return nil // until Connect
		}
		return here
	})
	if env == lab.Local {
		w.ports = portsOf(w.lab, w.paths)
	}
	return env, err
}

// choose finds the paths that --path names: each by its number from 1, or by
// the port where it begins, or ends, and is then taken backwards.
func choose(paths []lab.Path, names string) (list []lab.Path, err error) {
	if names == "all" || names == "" && len(paths) == 1 {
		return slices.Clone(paths), nil
	}
	var lines []string
	for i, p := range paths {
		lines = append(lines, fmt.Sprintf("\n  %d  %s", i+1, p))
	}
	all := strings.Join(lines, "")
	if names == "" {
		return nil, cli.Usagef("the lab has %d paths: say which by --path, its number or the port it begins at:%s", len(paths), all)
	}
	for name := range strings.SplitSeq(names, ",") {
		p, found := find(paths, name)
		if !found {
			return nil, cli.Usagef("--path: the lab has no path %q; it has:%s", name, all)
		}
		list = append(list, p)
	}
	return list, nil
}

func find(paths []lab.Path, name string) (lab.Path, bool) {
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= len(paths) {
		return paths[n-1], true
	}
	for _, p := range paths {
		if name == p.From {
			return p, true
		}
	}
	var back []lab.Path
	for _, p := range paths {
		if name == p.To {
			back = append(back, backwards(p))
		}
	}
	if len(back) != 1 { // of several nobody knows which
		return lab.Path{}, false
	}
	return back[0], true
}

// backwards is the same path the other way.
func backwards(p lab.Path) lab.Path {
	via := slices.Clone(p.Via)
	slices.Reverse(via)
	return lab.Path{From: p.To, Via: via, To: p.From}
}

// apart holds that paths to be tested at once have a sender each, and that no
// port both sends and receives.
func apart(paths []lab.Path) error {
	for i, p := range paths {
		for _, q := range paths[:i] {
			switch {
			case p.From == q.From:
				return cli.Usagef("--path: two of them begin at %s, and a port has one generator", p.From)
			case p.From == q.To || p.To == q.From:
				return cli.Usagef("--path: at once %s would send and %s receive, which are joined by one of the other way: one after the other", p.From, q.From)
			}
		}
	}
	return nil
}

// over are paths of a lab as ports to open; host is where a node is.
func over(l *lab.Lab, paths []lab.Path, host func(*lab.Node) testbed.Host) (ways []testbed.Way, err error) {
	for _, p := range paths {
		w := testbed.Way{Path: p.String()}
		for _, e := range []struct {
			name string
			end  *testbed.End
		}{{p.From, &w.From}, {p.To, &w.To}} {
			node, port := l.Port(e.name)
			if l.Environment == lab.VM && port.Interface == "" && strings.Contains(port.Spec, "%") {
				return nil, cli.Usagef("%s: port %s: in a machine say interface, which are eth0, eth1, …", l.File, e.name)
			}
			*e.end = testbed.End{Host: host(node), Spec: port.Open(), CPUs: port.CPUs}
			check := e.end.Spec
			if e.end.Host == nil {
				e.end.Spec, check = strings.ReplaceAll(port.Spec, "%", e.name), strings.ReplaceAll(port.Spec, "%", "if0")
			}
			if err := testbed.CheckSpec(check); err != nil {
				return nil, cli.Usagef("%s: port %s: %w", l.File, e.name, err)
			}
		}
		for i, name := range p.Via {
			role := testbed.HopIn
			if i%2 == 1 {
				role = testbed.HopOut
			}
			if node, port := l.Port(name); port.Interface != "" {
				w.Via = append(w.Via, testbed.Passage{Role: role, Host: host(node), Interface: port.Interface})
			}
		}
		ways = append(ways, w)
	}
	return ways, nil
}

// portsOf are the ports of paths that are on a host: preflight.Of has those of
// all paths.
func portsOf(l *lab.Lab, paths []lab.Path) (list []preflight.Port) {
	for _, p := range paths {
		for _, name := range append(append([]string{p.From}, p.Via...), p.To) {
			n, port := l.Port(name)
			of := preflight.Port{Host: n.Host, Spec: port.Open(), Interface: port.Interface, CPUs: port.CPUs}
			if (n.Role == lab.TG || port.Interface != "") && !slices.ContainsFunc(list, func(p preflight.Port) bool { return p.Host == of.Host && p.Spec == of.Spec }) {
				list = append(list, of)
			}
		}
	}
	return list
}
