package agent

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/recovery"
	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
)

// A recoverer recovers a lab's hosts.
type recoverer struct {
	force  bool
	asJSON bool

	mu    sync.Mutex // for
	out   io.Writer  // what was done
	notes io.Writer  // what is waited for
}

// run does it on all hosts that can be reached, at once.
func (r *recoverer) run(ctx context.Context, l *lab.Lab) error {
	hosts, errs := dialEach(ctx, l)
	all := []*Left{}
	for i, of := range l.Hosts() {
		left := &Left{Host: of.Name, Recovered: []recovery.Recovered{}}
		left.Cleaned = remote.Cleaned{Ended: []remote.Process{}, Running: []remote.Process{}, Removed: []string{}, Kept: []remote.Kept{}}
		if errs[i] != nil {
			left.Error = errs[i].Error()
		}
		all = append(all, left)
	}
	var done sync.WaitGroup
	for i, left := range all {
		if errs[i] == nil {
			done.Go(func() { errs[i] = r.host(ctx, hosts.Host(left.Host), left) })
		}
	}
	done.Wait()
	errs = append(errs, hosts.Close())
	if r.asJSON {
		errs = append(errs, bench.PrintJSON(r.out, all))
	}
	return join(errs)
}

// host waits for the end of what a lost run left, puts back what that did not,
// and removes hw-test. The agent goes on, though its file has gone.
func (r *recoverer) host(ctx context.Context, h *Host, left *Left) error {
	cleaned, err := h.ssh.Clean(ctx, r.force, func(d time.Duration) {
		r.mu.Lock()
		defer r.mu.Unlock()
		fmt.Fprintf(r.notes, "waiting up to %v for what a lost run has left on %s\n", d, h.name)
	})
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case cleaned.Removed != nil: // also if not all could be
		left.Cleaned = cleaned
		list, e := h.recover()
		left.Recovered = append(left.Recovered, list...)
		err = join([]error{err, e})
	}
	if err != nil {
		left.Error = err.Error()
	}
	if !r.asJSON {
		r.mu.Lock()
		defer r.mu.Unlock()
		left.print(r.out, r.force)
	}
	return join([]error{err, left.rest()})
}

// recover puts back what programs have left that have ended.
func (h *Host) recover() ([]recovery.Recovered, error) {
	out, err := call[Nothing, Recovered](context.Background(), h, "Recover", Nothing(false))
	for i := range out.List {
		out.List[i].Host = h.name
	}
	return out.List, h.failed(err, out.Error)
}

// rest says that not all is gone.
func (l *Left) rest() error {
	var words []string
	if len(l.Running) > 0 {
		words = append(words, "a run goes on")
	}
	if len(l.Kept) > 0 {
		words = append(words, "a copy of hw-test stays")
	}
	if words == nil {
		return nil
	}
	return fmt.Errorf("%s: %s", l.Host, strings.Join(words, ", and "))
}

func (l *Left) print(w io.Writer, force bool) {
	ended, goesOn := "has ended", "goes on: its connection lives (--force ends it)"
	if force {
		ended, goesOn = "ended by --force", "goes on: --force could not end it"
	}
	for _, run := range runs(l.Ended) {
		fmt.Fprintf(w, "%s: %s %s\n", l.Host, run, ended)
	}
	if recovery.Print(w, l.Recovered); len(l.Recovered) == 0 && l.Error == "" {
		fmt.Fprintf(w, "%s: %s\n", l.Host, recovery.Nothing)
	}
	for _, run := range runs(l.Running) {
		fmt.Fprintf(w, "%s: %s %s\n", l.Host, run, goesOn)
	}
	for _, f := range l.Removed {
		fmt.Fprintf(w, "%s: removed %s\n", l.Host, f)
	}
	for _, k := range l.Kept {
		fmt.Fprintf(w, "%s: stays: %s: %s\n", l.Host, k.Path, k.Why)
	}
}

// runs are processes in words, those of one connection together.
func runs(list []remote.Process) (words []string) {
	var connections []string
	of := map[string][]remote.Process{}
	for _, p := range list {
		if of[p.Connection] == nil {
			connections = append(connections, p.Connection)
		}
		of[p.Connection] = append(of[p.Connection], p)
	}
	for _, c := range connections {
		since, from := of[c][0].Since, ""
		if of[c][0].From != "" {
			from = " from " + of[c][0].From
		}
		var names []string
		for _, p := range of[c] {
			if p.Since.Before(since) {
				since = p.Since
			}
			name, _, _ := strings.Cut(p.Command, " ")
			if name = filepath.Base(name); strings.HasPrefix(name, "hw-test-") {
				name = "hw-test"
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		plural := "es"
		if len(of[c]) == 1 {
			plural = ""
		}
		words = append(words, fmt.Sprintf("a run%s since %s (%d process%s: %s)", from, since.Format(time.DateTime), len(of[c]), plural, strings.Join(names, ", ")))
	}
	return words
}
