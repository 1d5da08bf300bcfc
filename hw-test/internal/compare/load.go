package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// A Run is one directory of results.
type Run struct {
	Path        string    `json:"path"`
	Start       time.Time `json:"start"`
	Interrupted bool      `json:"interrupted"`

	*results.Session `json:"-"`
}

// A Group is runs that are one: of the same build on the same host, as a rule.
type Group struct {
	// Name is "A" for the baseline, then "B", "C", ….
	Name string `json:"group"`
	// Arguments are those of the command line, Runs what they stand for.
	Arguments []string `json:"arguments"`
	Runs      []*Run   `json:"runs"`
	// Passed are directories that hold no results.json and were passed over.
	Passed []string `json:"passed_over"`
	// Varies are sentences on what is not the same in all of its runs.
	Varies []string `json:"varies"`
}

// most bounds the groups: each has a letter.
const most = 26

// split makes groups of the arguments: one of each, or where there is a -- one
// of all between two of those. dash is how many came before the first --, below
// 0 if there is none.
func split(args []string, dash int) (groups [][]string, err error) {
	if dash < 0 {
		for _, a := range args {
			groups = append(groups, []string{a})
		}
	} else {
		groups = [][]string{args[:dash], nil}
		for _, a := range args[dash:] {
			if last := len(groups) - 1; a != "--" {
				groups[last] = append(groups[last], a)
			} else {
				groups = append(groups, nil)
			}
		}
		for _, g := range groups {
			if len(g) == 0 {
				return nil, cli.Usagef("nothing is on one side of a --: compare BASE… -- NEW…")
			}
		}
	}
	switch {
	case len(groups) < 2:
		return nil, cli.Usagef("compare wants two directories at least, the baseline first: each holds the results of one run, or a directory for each run")
	case len(groups) > most:
		return nil, cli.Usagef("%d groups are more than the %d that have a letter; -- separates groups of several: compare BASE… -- NEW…", len(groups), most)
	}
	return groups, nil
}

// load reads the groups. No run may be there twice.
func load(lists [][]string) (groups []*Group, err error) {
	seen := map[string]string{} // real path to group
	for i, args := range lists {
		g := &Group{Name: string(rune('A' + i)), Arguments: args, Runs: []*Run{}, Passed: []string{}, Varies: []string{}}
		for _, a := range args {
			if err := g.add(a); err != nil {
				return nil, err
			}
		}
		for _, r := range g.Runs {
			real, err := filepath.EvalSymlinks(r.Path)
			if err == nil {
				real, err = filepath.Abs(real)
			}
			if err != nil {
				return nil, fmt.Errorf("read results: %w", err)
			}
			if other, ok := seen[real]; ok {
				return nil, cli.Usagef("%s is in group %s and in group %s: a run is evidence once", r.Path, other, g.Name)
			}
			seen[real] = g.Name
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// add reads one argument: a results.json, a directory with one, or a directory
// of such directories.
func (g *Group) add(arg string) error {
	st, err := os.Stat(arg)
	if err != nil {
		return fmt.Errorf("read results: %w", err)
	}
	if !st.IsDir() || isRun(arg) {
		return g.read(arg)
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return fmt.Errorf("read results: %w", err)
	}
	n := len(g.Runs)
	for _, e := range entries {
		path := filepath.Join(arg, e.Name())
		if isRun(path) {
			if err := g.read(path); err != nil {
				return err
			}
		} else if st, err := os.Stat(path); err == nil && st.IsDir() {
			g.Passed = append(g.Passed, path)
		}
	}
	if len(g.Runs) == n {
		return fmt.Errorf("%s holds no results: neither a results.json, which hw-test writes when a run ends, nor directories with one", arg)
	}
	return nil
}

func isRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "results.json"))
	return err == nil
}

func (g *Group) read(path string) error {
	s, err := results.Load(path)
	if err != nil {
		return err
	}
	if strings.HasSuffix(path, ".json") {
		path = filepath.Dir(path)
	}
	if err := unique(path, s); err != nil {
		return err
	}
	g.Runs = append(g.Runs, &Run{path, s.Start, s.Interrupted, s})
	return nil
}

// unique holds what a session promises: each name once.
func unique(path string, s *results.Session) error {
	seen := map[figureKey]bool{}
	twice := func(k figureKey) error {
		if seen[k] {
			return fmt.Errorf("%s is no sound results.json: %s is in it twice", path, k)
		}
		seen[k] = true
		return nil
	}
	for _, u := range s.Suites {
		if err := twice(figureKey{suite: u.Name}); err != nil {
			return err
		}
		for _, c := range u.Cases {
			if err := twice(figureKey{suite: u.Name, name: c.Name}); err != nil {
				return err
			}
			for _, f := range c.Figures {
				if err := twice(figureKey{u.Name, c.Name, f.Name, f.Unit, f.Better}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
