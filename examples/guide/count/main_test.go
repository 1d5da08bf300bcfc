package main

import (
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestUsage(t *testing.T) {
	if status, out := exampletest.Status(t); status != 2 || !strings.Contains(out, "usage: count PORT") {
		t.Errorf("status %d, %q", status, out)
	}
	if status, out := exampletest.Status(t, "packet:nosuch0"); status != 1 || !strings.Contains(out, "nosuch0") {
		t.Errorf("status %d, %q", status, out)
	}
}

func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 1)
	stop := exampletest.Start(t, m, "packet:m0")
	for i := range uint16(300) { // more than go into the ring at once
		exampletest.Send(t, ends[0].TX()[0], exampletest.Frame(1, 2, 1000, 2000, i))
	}
	long := append(exampletest.Frame(1, 2, 1000, 2000, 300), 1, 2, 3)
	exampletest.Send(t, ends[0].TX()[0], long)
	if out := stop(); !strings.Contains(out, "301 packets, 18063 bytes, the shortest 60; 0 dropped by the kernel") {
		t.Error(out)
	}
}
