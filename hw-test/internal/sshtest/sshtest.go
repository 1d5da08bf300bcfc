// Package sshtest gives tests hosts to log in to: real sshd servers, each in
// namespaces of its own of the network, of mounts and of processes, on Linux
// and as root. All of it is gone when the test ends.
//
//	Lab.Here ── veth ── Server "a": NS, sshd, Home      Lab.Identity logs in,
//	    └────── veth ── Server "b": NS, sshd, Home      Lab.KnownHosts trusts
//
// The controller has to be in Lab.Here: as a function that Here.Do calls, if it
// dials on that thread, or as a process that Here.Start starts.
//
// Ports for test traffic are a further pair of the two hosts' namespaces:
//
//	a, b := l.Serve("a", ""), l.Serve("b", "")
//	pair, err := netlab.NewPair(a.NS, b.NS, &netlab.PairOptions{NameA: "port1", NameB: "port1"})
//
// # The test binary is hw-test
//
// Package remote copies its own binary to the hosts, which is that of the test,
// and runs it there as hw-test. So TestMain has to be hw-test where it is
// called so, by the names that Program knows:
//
//	func TestMain(m *testing.M) {
//		if sshtest.Program(os.Args[0]) == "hw-test" {
//			os.Exit(Main(os.Args, os.Stdout, os.Stderr))
//		}
//		os.Exit(m.Run())
//	}
package sshtest

import (
	"path/filepath"
	"strings"
)

// Program is the name of the program that argv[0] calls for: hw-test for a copy
// of it that package remote has made, half-written ones included, and else the
// last part of argv0.
func Program(argv0 string) string {
	name := filepath.Base(argv0)
	if strings.HasPrefix(name, "hw-test-") || strings.HasPrefix(name, ".new-") {
		return "hw-test"
	}
	return name
}
