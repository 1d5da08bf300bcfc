package remote

import (
	"errors"
	"os/exec"

	"golang.org/x/sys/unix"
)

// ownGroup is what carried.Command does already: a process group of its own,
// and the end of the supervisor's thread ends the program.
func ownGroup(*exec.Cmd) {}

// waitAll is cmd.Wait, and ends what the program left behind in its group.
// Until Wait collects its number, that of the group is nobody else's.
func waitAll(cmd *exec.Cmd) error {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	return cmd.Wait()
}
