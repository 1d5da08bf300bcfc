package carried

import "syscall"

// executable is this binary even if its file has been replaced or removed
// since, and where a directory above it may not be read.
func executable() (string, error) { return "/proc/self/exe", nil }

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
