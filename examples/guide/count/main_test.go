package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
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

// A capture file ends by itself, so that every packet is counted.
func TestCapture(t *testing.T) {
	spec := "pcap:" + filepath.Join(t.TempDir(), "frames.pcap")
	file := exampletest.Open(t, nil, spec, &engine.Config{TX: 1})
	for i := range uint16(1200) { // more than go into the ring at once
		exampletest.Send(t, file.TX()[0], exampletest.Frame(1, 2, 1000, 2000, i))
	}
	exampletest.Send(t, file.TX()[0], append(exampletest.Frame(1, 2, 1000, 2000, 1200), 1, 2, 3))
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	status, out := exampletest.Status(t, spec)
	if status != 0 || !strings.Contains(out, "1201 packets, 72063 bytes, the shortest 60; 0 dropped by the kernel") {
		t.Errorf("status %d, %s", status, out)
	}
}

// On an interface it goes on until it is told to end.
func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 1)
	stop := exampletest.Start(t, m, "packet:m0")
	exampletest.Send(t, ends[0].TX()[0], exampletest.Frame(1, 2, 1000, 2000, 0))
	if out := stop(); !strings.Contains(out, " dropped by the kernel") {
		t.Error(out)
	}
}
