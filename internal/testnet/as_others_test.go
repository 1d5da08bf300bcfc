//go:build !linux

package testnet

import (
	"os/exec"
	"testing"
)

func asNobody(t *testing.T, _ *exec.Cmd) { t.Skip("no namespaces on this system") }
func asRoot(t *testing.T, _ *exec.Cmd)   { t.Skip("no namespaces on this system") }
