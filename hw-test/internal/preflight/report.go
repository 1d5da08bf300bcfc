// Package preflight looks at a host before a test: whether its ports, CPUs and
// settings are such that the figures will mean something.
//
//	ports, CPUs ──▶ Run ──▶ Report: one Check per thing, in a fixed order
//	  /sys, /proc ──┤          pass, warn, fail, or skipped and why
//	  ethtool     ──┤          found, wanted, and the command that changes it
//	  netlink     ──┘            │
//	                           Fix ──▶ journal ──▶ changed ──▶ Restore
//
// A check that does not apply is skipped, never passed: of a veth pair little
// can be said. A fail says that figures would be wrong, a warn that they would
// be lower, or vary, without need.
//
// Fix changes what can be changed at run time and put back: offloads, pause
// frames, ring sizes, adaptive coalescing, the affinity of interrupts, the CPU
// governor. What was is in the journal before (package journal), so that it is
// put back after a kill -9 too, by Recover.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/internal/journal"
)

// A Verdict is what a check comes to.
type Verdict string

const (
	Pass    Verdict = "pass"
	Warn    Verdict = "warn"    // figures will be lower than they need be, or vary
	Fail    Verdict = "fail"    // figures would be wrong, or there would be none
	Skipped Verdict = "skipped" // does not apply, or cannot be known; Why says which
)

// A Check is one thing that was looked at.
type Check struct {
	Name string `json:"check"`          // a word, such as "pause"
	Host string `json:"host,omitempty"` // of a lab of several; empty: this one
	Port string `json:"port,omitempty"` // the interface it is about; empty: the host
	// Verdict, and what it rests on.
	Verdict Verdict  `json:"verdict"`
	Found   string   `json:"found,omitempty"` // as it is; empty if skipped
	Want    string   `json:"want,omitempty"`  // as it should be; empty if passed
	Why     string   `json:"why,omitempty"`   // what follows from it, or why it is skipped
	Do      []string `json:"do,omitempty"`    // commands that change it, or tell more
	// Varies says that Found differs from run to run by itself (free memory),
	// so that only verdicts are to be compared.
	Varies bool `json:"varies,omitempty"`
	// Lacks says that it fails because this system has not what the port is
	// made of, as a kernel without netmap: nobody is at fault.
	Lacks bool `json:"lacks,omitempty"`
	// Fixable says that Fix would change something.
	Fixable bool `json:"fixable,omitempty"`

	fix []Setting // what that is
}

// A Setting is something that Fix changed.
type Setting struct {
	// What is "offload", "rings", "pause", "coalescing", "irq" or "governor".
	What string `json:"what"`
	// Name tells several of a kind apart: a feature, an interrupt's number, a
	// cpufreq policy.
	Name string `json:"name,omitempty"`
	Host string `json:"host,omitempty"` // as of a Check
	Port string `json:"port,omitempty"` // empty: the host
	Was  string `json:"was"`
	Set  string `json:"set"`
}

// String is the setting as it is printed.
func (s Setting) String() string {
	what := strings.Join(strings.Fields(s.Host+" "+s.Port+" "+s.What+" "+s.Name), " ")
	return fmt.Sprintf("%s: %s, was %s", what, s.Set, s.Was)
}

// A Port is what a test will open, and what for.
type Port struct {
	Host string `json:"host,omitempty"` // as of a Check
	// Spec is the port spec; a bare interface name is resolved as engine does.
	Spec string `json:"spec"`
	// Interface is the one below; Run finds it where it is empty. It stays empty
	// for ports without one, such as vale0:a.
	Interface string `json:"interface,omitempty"`
	// CPUs are those that the port's threads are to run on; empty: any.
	CPUs []int `json:"cpus,omitempty"`
}

// A Kernel is that of one of several hosts.
type Kernel struct {
	Host        string `json:"host"`
	Release     string `json:"release"`
	CommandLine string `json:"command_line"`
}

// A Report is what Run found. Checks are those of the ports, in the order of
// Ports, and then those of the host.
type Report struct {
	Time        time.Time `json:"time"`
	Kernel      string    `json:"kernel"`       // release, as uname -r
	CommandLine string    `json:"command_line"` // the kernel's
	// Kernels are those of several hosts, which the two above then name in a line.
	Kernels []Kernel `json:"kernels,omitempty"`
	Ports   []Port   `json:"ports"`
	Checks  []Check  `json:"checks"`
	// Fixed is what Fix changed before this report, Notes what it could not.
	Fixed []Setting `json:"fixed,omitempty"`
	Notes []string  `json:"notes,omitempty"`
}

// Options of Run and Fix; nil and the zero value are the default.
type Options struct {
	// Keep leaves what Fix changes in place until RestoreKept, whatever
	// becomes of this process.
	Keep bool
	// Machine is what is looked at; nil is this host.
	Machine *Machine
}

// Run looks at the ports and the host. It changes nothing and needs no rights,
// and skips what it may not see. Ports are looked at from the calling thread's
// network namespace. It returns early, with what there is, when ctx ends.
func Run(ctx context.Context, ports []Port, o *Options) *Report { return run(ctx, ports, o) }

// Fix changes what the checks of r, which Run has just made (one read from JSON
// no longer knows), found wanting and can be put back, and waits, 10 s at most, for links that it took down by that. The caller must call
// Restore on every way out, or Leave with Options.Keep. Run again tells what has
// become of it. What cannot be changed is in notes, one sentence each; the error
// says that nothing more could be changed, such as that another process holds
// the port's settings.
func Fix(ctx context.Context, r *Report, o *Options) (f *Fixed, notes []string, err error) {
	return fix(ctx, r, o)
}

// Look is Run, and with fix a Fix that stays before it, of which the report
// then tells.
func Look(ctx context.Context, ports []Port, toFix bool) (*Report, error) {
	r := Run(ctx, ports, nil)
	if toFix && ctx.Err() == nil {
		f, notes, err := Fix(ctx, r, &Options{Keep: true})
		if f != nil {
			err = errors.Join(err, f.Leave())
		}
		switch {
		case errors.Is(err, journal.ErrNoPlace):
			err = journal.ErrNoPlace // no other place would give the right
			fallthrough
		case os.Geteuid() != 0 && errors.Is(err, os.ErrPermission):
			return nil, fmt.Errorf("to change settings needs root: %w", err)
		case err != nil:
			return nil, err
		}
		r = Run(ctx, ports, nil)
		r.Fixed, r.Notes = f.Settings, notes
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("the checks are not complete: %w", context.Cause(ctx))
	}
	return r, nil
}

// RestoreKept puts back what a Fix with Keep has set, of one interface of the
// calling thread's namespace or, for "", of all and of the host. report is
// called for each with its name, "" for the host, and what went wrong.
func RestoreKept(only string, report func(name string, err error)) error {
	return restoreKept(only, report)
}

// Recover puts back what processes that are dead left changed, as RestoreKept
// does for what was meant to stay.
func Recover(only string, report func(name string, kept bool, err error)) error {
	return recoverAll(only, report)
}

// Join makes one report of those of several hosts, in the order of names.
func Join(names []string, of map[string]*Report) *Report {
	all := &Report{Time: time.Now(), Ports: []Port{}, Checks: []Check{}}
	var kernels, lines []string
	for _, host := range names {
		r := of[host]
		all.Kernels = append(all.Kernels, Kernel{host, r.Kernel, r.CommandLine})
		kernels, lines = append(kernels, host+": "+r.Kernel), append(lines, host+": "+r.CommandLine)
		for _, p := range r.Ports {
			p.Host = host
			all.Ports = append(all.Ports, p)
		}
		for _, c := range r.Checks {
			c.Host = host
			all.Checks = append(all.Checks, c)
		}
		for _, s := range r.Fixed {
			s.Host = host
			all.Fixed = append(all.Fixed, s)
		}
		for _, n := range r.Notes {
			all.Notes = append(all.Notes, host+": "+n)
		}
	}
	all.Kernel, all.CommandLine = strings.Join(kernels, "; "), strings.Join(lines, "; ")
	return all
}

// Count is how many checks have a verdict.
func (r *Report) Count(v Verdict) (n int) {
	for _, c := range r.Checks {
		if c.Verdict == v {
			n++
		}
	}
	return n
}

// Failures are the checks that fail.
func (r *Report) Failures() (list []Check) {
	for _, c := range r.Checks {
		if c.Verdict == Fail {
			list = append(list, c)
		}
	}
	return list
}

// Lacks tells whether what fails does so only because this system lacks what
// it takes.
func (r *Report) Lacks() bool {
	list := r.Failures()
	return len(list) > 0 && !slices.ContainsFunc(list, func(c Check) bool { return !c.Lacks })
}

// String is the check and what was found, in a line.
func (c *Check) String() string {
	found := c.Found
	if found == "" {
		found = c.Why
	}
	return c.name() + ": " + found
}

// name is the check with where it is.
func (c *Check) name() string { return strings.Join(strings.Fields(c.Host+" "+c.Port+" "+c.Name), " ") }

// ErrFailed is wrapped by what Err returns.
var ErrFailed = errors.New("the preflight fails")

// Err is an error that names the checks that fail, nil if none does.
func (r *Report) Err() error {
	var names []string
	for _, c := range r.Failures() {
		names = append(names, c.name())
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrFailed, strings.Join(names, ", "))
}

// A Difference is a check that came out otherwise in two reports.
type Difference struct {
	Check string `json:"check"`
	Host  string `json:"host,omitempty"`
	Port  string `json:"port,omitempty"`
	A     string `json:"a"` // verdict and what was found, or "not there"
	B     string `json:"b"`
}

// Differences lists what differs between two reports, in their order: verdicts,
// and what was found where that does not vary by itself.
func Differences(a, b *Report) []Difference {
	const none = "not there"
	type key struct{ name, host, port string }
	rest := map[key]*Check{}
	for i := range b.Checks {
		c := &b.Checks[i]
		rest[key{c.Name, c.Host, c.Port}] = c
	}
	list := []Difference{}
	add := func(k key, x, y string) {
		if x != y {
			list = append(list, Difference{k.name, k.host, k.port, x, y})
		}
	}
	add(key{name: "kernel"}, a.Kernel, b.Kernel)
	add(key{name: "command line"}, a.CommandLine, b.CommandLine)
	for i := range a.Checks {
		c := &a.Checks[i]
		k := key{c.Name, c.Host, c.Port}
		other := rest[k]
		if other == nil {
			add(k, c.compared(false), none)
			continue
		}
		delete(rest, k)
		varies := c.Varies || other.Varies
		add(k, c.compared(varies), other.compared(varies))
	}
	for i := range b.Checks {
		c := &b.Checks[i]
		if k := (key{c.Name, c.Host, c.Port}); rest[k] == c {
			add(k, none, c.compared(false))
		}
	}
	return list
}

// compared is what is held against another report's.
func (c *Check) compared(varies bool) string {
	s := string(c.Verdict)
	switch {
	case c.Verdict == Skipped:
		return s + ": " + c.Why
	case varies || c.Found == "":
		return s
	}
	return s + ": " + c.Found
}
