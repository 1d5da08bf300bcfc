//go:build !linux

package remote

import (
	"os/exec"
	"syscall"
)

// ownGroup gives the program a process group of its own.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// waitAll is cmd.Wait, and ends what the program left behind in its group.
func waitAll(cmd *exec.Cmd) error {
	err := cmd.Wait()
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	return err
}
