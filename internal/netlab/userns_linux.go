package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func inUserNS(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	setUserNS(cmd.SysProcAttr)
	return nil
}

// setUserNS asks for the network namespace by unshare in the child, not by
// clone: it is made after the id maps, with the rights the child has by then.
// Where those are taken away (AppArmor on Ubuntu), this is what fails.
func setUserNS(attr *syscall.SysProcAttr) {
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.Unshareflags |= unix.CLONE_NEWNET
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
}

func canUserNS() error {
	if _, err := os.Stat("/proc/self/uid_map"); err != nil {
		return fmt.Errorf("netlab: look for user namespaces: %w; is /proc mounted, has the kernel CONFIG_USER_NS? %w", err, ErrNotSupported)
	}
	attr := &os.ProcAttr{Sys: new(syscall.SysProcAttr)}
	setUserNS(attr.Sys)
	// The empty path fails to execute, as the last step after all others.
	_, err := os.StartProcess("", nil, attr)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno // without "fork/exec : "
	}
	return fmt.Errorf("netlab: make a user namespace with a network namespace: %w; "+
		"look at the sysctls user.max_user_namespaces, kernel.unprivileged_userns_clone "+
		"and kernel.apparmor_restrict_unprivileged_userns", err)
}
