package vm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// User-Mode Linux runs each of the guest's processes in a process of the host,
// whose system calls it intercepts by ptrace(2). If its main process is killed
// alone, the kernel lets go of the others, and they go on running with their
// system calls executed by the host. Nothing of that must ever happen:
//
//	hw-test ──▶ guard, the first process of a PID namespace ──▶ linux ──▶ guest's processes
//	            SIGKILL when hw-test dies
//
// With the first process of a namespace the kernel kills all others in it, and
// at once, see pid_namespaces(7). A normal end kills the process group, which
// reaches all of them at once, too.

// guardArg tells init that it is to be the guard.
const guardArg = "guard"

// guarded makes cmd, which is not started yet, run below a guard.
func guarded(cmd *exec.Cmd) {
	cmd.Args = append([]string{"init", guardArg}, cmd.Args...)
	cmd.Path = "/proc/self/exe"
	attr := cmd.SysProcAttr
	attr.Cloneflags |= unix.CLONE_NEWPID
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	}
}

// guard runs argv, with the descriptors that it was given itself, until its
// end. What it says is on the machine's console.
func guard(argv []string) int {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{os.NewFile(fdInitramfs, "initramfs"), os.NewFile(fdChannel, "channel")}
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		fmt.Println(err)
		return 1
	}
	return 0
}
