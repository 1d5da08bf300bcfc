// Hw-test tests this machine's packet path; hw-test -h tells how. Called by
// the name pktgen or rcv it is that program.
package main

import (
	"os"
	"path/filepath"
	"runtime"

	"github.com/ringwalk/ringwalk/hw-test/internal/harness"
	"github.com/ringwalk/ringwalk/hw-test/internal/vm"
)

func main() {
	if vm.IsInit(os.Args[0]) {
		os.Exit(vm.Init()) // a VM's first process
	}
	if runtime.GOOS == "linux" { // ps shows a program started as /proc/self/exe as "exe"
		_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0)
	}
	os.Exit(harness.Main(os.Args, os.Stdout, os.Stderr))
}
