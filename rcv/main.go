// Rcv counts and verifies what arrives at a port; rcv -h tells how.
package main

import (
	"os"

	"github.com/ringwalk/ringwalk/internal/command/rcv"
)

func main() { os.Exit(rcv.Main(os.Args[1:], os.Stdout, os.Stderr)) }
