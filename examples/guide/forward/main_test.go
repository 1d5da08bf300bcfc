package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestUsage(t *testing.T) {
	if status, out := exampletest.Status(t, "packet:nosuch0"); status != 2 || !strings.Contains(out, "usage: forward PORT PORT") {
		t.Errorf("status %d, %q", status, out)
	}
	if status, out := exampletest.Status(t, "packet:nosuch0", "packet:lo"); status != 1 || !strings.Contains(out, "nosuch0") {
		t.Errorf("status %d, %q", status, out)
	}
}

func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 2)
	stop := exampletest.Start(t, m, "packet:m0", "packet:m1")
	for i := range ends {
		var sent [][]byte
		for number := range uint16(100 + 11*i) {
			sent = append(sent, exampletest.Frame(byte(1+i), byte(2-i), 1000, 2000, number))
		}
		exampletest.Send(t, ends[i].TX()[0], sent...)
		if got := exampletest.Receive(t, ends[1-i], len(sent)); !slices.EqualFunc(got, sent, slices.Equal) {
			t.Errorf("from %d: %d frames came of %d, or others did", i, len(got), len(sent))
		}
		exampletest.Quiet(t, ends[1-i])
	}
	out := stop()
	for _, want := range []string{
		"packet:m0: received 100, 0 dropped by the kernel; sent 111, 0 did not leave",
		"packet:m1: received 111, 0 dropped by the kernel; sent 100, 0 did not leave",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in what it said: %s", want, out)
		}
	}
}
