package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// Exit statuses of commands as shells have them.
const (
	statusFailed      = 1
	statusUsage       = 2
	statusCannotStart = 126
	statusNotFound    = 127
	statusSignal      = 128 // and the signal's number
)

// runner runs a script in the guest.
type runner struct {
	stdout, stderr *os.File

	running    *running
	background sync.WaitGroup
	statuses   []*int // of the background jobs since the last wait, by start
	// exited says that the script ended itself.
	exited bool
}

// run runs the jobs and returns the last one's status; one in the background
// counts as 0.
func (r *runner) run(jobs []job) (status int) {
	for _, j := range jobs {
		if j.background {
			// The job has its own end: exit ends that only.
			own, result := &runner{stdout: r.stdout, stderr: r.stderr, running: r.running}, new(int)
			r.statuses = append(r.statuses, result)
			r.background.Go(func() { *result = own.job(j) })
			status = 0
			continue
		}
		if status = r.job(j); r.exited {
			break
		}
	}
	return status
}

func (r *runner) job(j job) (status int) {
	for _, s := range j.steps {
		if s.op == opAnd && status != 0 || s.op == opOr && status == 0 {
			continue
		}
		if status = r.command(s.argv); r.exited {
			break
		}
	}
	return status
}

func (r *runner) command(argv []string) int {
	if b := builtins[argv[0]]; b != nil {
		return b(r, argv)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = r.stdout, r.stderr
	err := r.running.run(cmd)
	switch {
	case cmd.ProcessState != nil:
		return exitStatus(cmd.ProcessState)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		r.complain(argv[0], fmt.Errorf("there is no such program in the guest: --include FILE brings one, and built in are %s",
			strings.Join(builtinNames(), ", ")))
		return statusNotFound
	}
	r.complain(argv[0], err)
	return statusCannotStart
}

// running are the programs that run. Its methods may be called from several
// goroutines.
type running struct {
	mu          sync.Mutex
	commands    map[*exec.Cmd]bool
	interrupted bool
}

func newRunning() *running { return &running{commands: map[*exec.Cmd]bool{}} }

// run runs a command, or does not begin it after an interrupt.
func (r *running) run(cmd *exec.Cmd) error {
	r.mu.Lock()
	if r.interrupted {
		r.mu.Unlock()
		return errInterrupted
	}
	err := cmd.Start()
	if err == nil {
		r.commands[cmd] = true
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	err = cmd.Wait()
	r.mu.Lock()
	delete(r.commands, cmd)
	r.mu.Unlock()
	return err
}

var errInterrupted = errors.New("interrupted before it began")

// interrupt sends SIGINT to all that runs.
func (r *running) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupted = true
	for cmd := range r.commands {
		_ = cmd.Process.Signal(syscall.SIGINT) // one that has just ended needs none
	}
}

// complain prints why a command failed.
func (r *runner) complain(name string, err error) {
	fmt.Fprintf(r.stderr, "hw-test vm: %s: %v\n", name, err)
}

func exitStatus(p *os.ProcessState) int {
	if s, ok := p.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return statusSignal + int(s.Signal())
	}
	return p.ExitCode()
}
