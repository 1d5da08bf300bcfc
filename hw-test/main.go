// Hw-test tests this machine's packet path; hw-test -h tells how. Called by
// the name pktgen or rcv it is that program.
package main

import (
	"os"

	"github.com/ringwalk/ringwalk/hw-test/internal/harness"
)

func main() { os.Exit(harness.Main(os.Args, os.Stdout, os.Stderr)) }
