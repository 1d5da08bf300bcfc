package suite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/vm"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/nic"
)

// machine runs the suite inside of the virtual machine that the lab file
// describes:
//
//	here                                     in the machine
//	hw-test throughput --lab vm.yaml ──▶ hw-test throughput --ports …
//	                                            │ session, trials, report
//	new directory ◀── archive on standard output┘
//	standard error ◀── progress, table
func (b *job) machine(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	if b.Session.Metrics != "" {
		return 0, cli.Usagef("--metrics: nobody outside reaches the machine")
	}
	var o vm.Options
	o.Flags(pflag.NewFlagSet("", pflag.ContinueOnError)) // its defaults
	m := b.Where.Lab().Machine
	o.Netmap, o.Kernel, o.NICs, o.Programs = m.Netmap, m.Kernel, m.NICs, carried.Names()
	o.Timeout, o.Grace = machineTime(b.planned(b.Rows)), machineGrace
	base := b.Session.Base()
	o.Run = b.script(args, base)
	if base == results.NoDir || base == session.Stdout {
		status, err := vm.Run(ctx, &o, nil, stdout, stderr)
		return status, ours(err)
	}
	dir, err := results.Create(base, b.Suite, time.Now())
	if err != nil {
		return 0, err
	}
	r, w := io.Pipe()
	unpacked := make(chan error, 1)
	go func() {
		err := results.Untar(r, dir)
		_, _ = io.Copy(io.Discard, r) // the machine is not to wait for who does not read
		unpacked <- err
	}()
	status, err := vm.Run(ctx, &o, nil, w, stderr)
	w.Close()
	unpacking := <-unpacked
	if _, none := os.Stat(filepath.Join(dir.Path(), "results.json")); none != nil {
		_ = os.Remove(dir.Path()) // only if there is nothing in it
		if err != nil || status != cli.ExitOK {
			return status, ours(err)
		}
		return 0, fmt.Errorf("the machine left no results: %w", cmp.Or(unpacking, none))
	}
	return status, errors.Join(ours(err), unpacking, b.keepMachine(dir, stdout, stderr))
}

// keepMachine adds what is known here only, and prints what was asked for.
func (b *job) keepMachine(dir *results.Dir, stdout, stderr io.Writer) error {
	text, err := os.ReadFile(b.Where.Lab().File)
	if err == nil {
		err = dir.File("lab.yaml", text)
	}
	human := stdout
	if b.JSON {
		human = stderr
	}
	fmt.Fprintf(human, "Report: %s\n", filepath.Join(dir.Path(), "report.html"))
	if !b.JSON {
		return err
	}
	report, unread := os.ReadFile(filepath.Join(dir.Path(), "suites", b.Suite+".json"))
	if unread == nil {
		_, unread = stdout.Write(report)
	}
	return errors.Join(err, unread)
}

// machineTime is after what time a machine is killed that has not ended: a
// suite takes its time there, and repeats trials.
func machineTime(planned time.Duration) time.Duration { return 5*time.Minute + 5*planned }

// machineGrace is ample for a suite to end its trial and report.
const machineGrace = time.Minute

// script is the command line in the machine; args are the flags as given here.
func (b *job) script(args []string, base string) string {
	inside := []string{"hw-test", b.Suite}
	for _, a := range args {
		name, value, valued := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		if (value != "" || !valued) && !slices.Contains([]string{"lab", "path", "reverse", "env", "results", "json"}, name) {
			inside = append(inside, a)
		}
	}
	l := b.Where.Ways()[0]
	inside = append(inside, "--ports="+l.From.Spec+","+l.To.Spec, "--in-machine="+l.Path)
	if len(l.From.CPUs)+len(l.To.CPUs) > 0 {
		inside = append(inside, "--cpus="+nic.WriteCPUs(l.From.CPUs)+"/"+nic.WriteCPUs(l.To.CPUs))
	}
	switch {
	case base != results.NoDir:
		inside = append(inside, "--results="+session.Stdout)
	case b.JSON:
		inside = append(inside, "--json")
	}
	var jobs []string
	if up := strings.Join(b.Where.Interfaces(), " "); up != "" {
		jobs = append(jobs, "link up "+up, "link wait "+up)
	}
	for i, word := range inside {
		inside[i] = quote(word)
	}
	return strings.Join(append(jobs, strings.Join(inside, " ")), " && ")
}

// quote makes one word of any text for the machine's command line.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// ours is an error of making a machine. It has an exit status as if around a
// program of the user's, who runs none here.
func ours(err error) error {
	if s, ok := errors.AsType[*cli.StatusError](err); ok && s.Status == cli.ExitHarness {
		return s.Err
	}
	return err
}
