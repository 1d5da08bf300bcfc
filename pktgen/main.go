// Pktgen sends frames from a port; pktgen -h tells how.
package main

import (
	"os"

	"github.com/ringwalk/ringwalk/internal/command/pktgen"
)

func main() { os.Exit(pktgen.Main(os.Args[1:], os.Stdout, os.Stderr)) }
