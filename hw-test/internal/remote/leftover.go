package remote

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// cleanCommand is what Clean runs on the host.
func cleanCommand() *cobra.Command {
	var wait time.Duration
	var force bool
	cmd := &cobra.Command{
		Use: "clean DIR…", Short: "remove what hw-test has left on this host", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, dirs []string) error {
			l, err := clean(dirs, wait, force, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(l)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "`how long` programs of others may take to end")
	cmd.Flags().BoolVar(&force, "force", false, "end them")
	return cmd
}

// clean is Clean on the host.
func clean(dirs []string, wait time.Duration, force bool, stderr io.Writer) (l left, err error) {
	l.Ended, l.Removed, l.Kept = []Process{}, []string{}, []Kept{}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return !isOurs(dir) })
	for i, dir := range dirs {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dirs[i] = real // as the kernel names what runs from it
		}
	}
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)

	first, err := strangers(dirs)
	if err != nil {
		return l, err
	}
	if len(first) > 0 && !force {
		io.WriteString(stderr, waiting)
	}
	if force {
		l.Running, err = endAll(dirs, first)
	} else {
		l.Running, err = await(dirs, wait)
	}
	if err != nil {
		return l, err
	}
	if l.Running == nil {
		l.Running = []Process{}
	}
	for _, p := range first {
		// What ended of a run that goes on is no news.
		if !slices.ContainsFunc(l.Running, func(r Process) bool { return r.PID == p.PID || r.Connection != "" && r.Connection == p.Connection }) {
			l.Ended = append(l.Ended, p)
		}
	}
	for _, dir := range dirs {
		l.remove(dir)
	}
	return l, nil
}

// isOurs is what findScript asks, too: in /tmp anybody can make a directory.
func isOurs(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

// await returns the strangers that are there after d, as soon as there are none.
func await(dirs []string, d time.Duration) ([]Process, error) {
	for deadline := time.Now().Add(d); ; time.Sleep(100 * time.Millisecond) {
		if p, err := strangers(dirs); len(p) == 0 || time.Now().After(deadline) {
			return p, err
		}
	}
}

// endAll ends processes and returns those that it could not end. Only those that
// no other one of them would end get SIGTERM: a second one may cut short what a
// program has to put back.
func endAll(dirs []string, list []Process) ([]Process, error) {
	for _, p := range list {
		if !slices.ContainsFunc(list, func(q Process) bool { return q.PID == p.parent }) {
			syscall.Kill(p.PID, syscall.SIGTERM)
		}
	}
	rest, err := await(dirs, grace+time.Second)
	if err != nil {
		return nil, err
	}
	for _, p := range rest {
		syscall.Kill(p.PID, syscall.SIGKILL)
	}
	return await(dirs, time.Second)
}

// remove removes the copies in a directory that no stranger runs from.
func (l *left) remove(dir string) {
	list, err := os.ReadDir(dir)
	if err != nil {
		l.Failed = append(l.Failed, err.Error())
		return
	}
	rest := 0
	for _, entry := range list {
		path := filepath.Join(dir, entry.Name())
		number, half := strings.CutPrefix(entry.Name(), ".new-")
		switch why := ""; {
		case half:
			if pid, err := strconv.Atoi(number); err == nil && isWriting(pid) {
				why = "it is being written, by process " + number
			}
			rest += l.removeUnless(why, path)
		case isCopy(entry.Name()):
			rest += l.removeUnless(l.user(path), path)
		default:
			rest++
		}
	}
	if rest == 0 {
		l.removeUnless("", dir)
	}
}

// isCopy knows what image.name makes.
func isCopy(name string) bool {
	sum, ok := strings.CutPrefix(name, "hw-test-")
	return ok && len(sum) == 16 && strings.Trim(sum, "0123456789abcdef") == ""
}

// removeUnless returns how many files stay.
func (l *left) removeUnless(why, path string) int {
	if why != "" {
		l.Kept = append(l.Kept, Kept{path, why})
		return 1
	}
	if err := os.Remove(path); err != nil {
		l.Failed = append(l.Failed, err.Error())
		return 1
	}
	l.Removed = append(l.Removed, path)
	return 0
}
