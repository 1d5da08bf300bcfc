package testnet

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// asNobody runs cmd without any rights. The test binary lies in a directory
// of the builder's own, hence /proc/self/exe.
func asNobody(t *testing.T, cmd *exec.Cmd) {
	if os.Getuid() != 0 {
		return // no rights already
	}
	cmd.Path = "/proc/self/exe"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

func asRoot(t *testing.T, cmd *exec.Cmd) {
	if os.Getuid() != 0 {
		Skip(t, "this test needs root")
	}
}
