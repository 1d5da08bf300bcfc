package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// strangers are the processes that run from a copy in dirs, or from one that
// was there, for another connection than this process.
func strangers(dirs []string) (list []Process, err error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("look for processes: %w", err)
	}
	here := os.Getenv("SSH_CONNECTION")
	for _, p := range all {
		exe, err := p.Executable()
		if err != nil {
			continue // another user's, or it has ended
		}
		exe = strings.TrimSuffix(exe, " (deleted)")
		if !isCopy(filepath.Base(exe)) || !slices.Contains(dirs, filepath.Dir(exe)) {
			continue
		}
		stat, err := p.Stat()
		if err != nil || p.PID == os.Getpid() || p.PID == os.Getppid() {
			continue
		}
		q := Process{PID: p.PID, parent: stat.PPID, exe: exe}
		environ, _ := p.Environ()
		for _, e := range environ {
			if c, ok := strings.CutPrefix(e, "SSH_CONNECTION="); ok {
				q.Connection = c
			}
		}
		if q.Connection != "" && q.Connection == here {
			continue
		}
		q.From, _, _ = strings.Cut(q.Connection, " ")
		if args, err := p.CmdLine(); err == nil {
			q.Command = strings.Join(args, " ")
		}
		if began, err := stat.StartTime(); err == nil {
			q.Since = time.Unix(int64(began), 0)
		}
		list = append(list, q)
	}
	return list, nil
}

// user says who runs from a copy; "" is nobody but us.
func (l *left) user(path string) string {
	for _, p := range l.Running {
		if p.exe == path {
			return fmt.Sprintf("process %d runs from it", p.PID)
		}
	}
	return ""
}

// isWriting tells whether a process is the shell that copies hw-test. Its number
// alone says little: another process may have it since, or a thread.
func isWriting(pid int) bool {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return false
	}
	args, err := p.CmdLine()
	return err == nil && strings.Contains(strings.Join(args, " "), begin)
}
