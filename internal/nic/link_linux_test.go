package nic

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/testnet"
)

func TestSpeed(t *testing.T) {
	pair := testnet.Pair(t, nil)
	err := pair.A.NS.Do(func() error {
		if bps, err := Speed(pair.A.Name); err != nil || bps != 10e9 {
			t.Errorf("a veth's speed is %g, %v; want 10 Gbit/s", bps, err)
		}
		for name, says := range map[string]string{"lo": "say a rate in pps or bps", "nosuch0": "no such device"} {
			if bps, err := Speed(name); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %g, %v; want an error on %q", name, bps, err, says)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNode(t *testing.T) {
	sys := t.TempDir()
	file := func(name, content string) {
		t.Helper()
		name = filepath.Join(sys, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file("class/net/eth0/device/numa_node", "1")
	file("class/net/eth1/device/numa_node", "-1")
	file("devices/system/node/node0/cpulist", "0-3,8-11")
	file("devices/system/node/node1/cpulist", "4-7,12-13,15")
	for _, c := range []struct {
		online, name string
		node         int
		cpus         []int
	}{
		{"0", "eth0", 0, nil},
		{"0-1", "eth0", 1, []int{4, 5, 6, 7, 12, 13, 15}},
		{"0,1", "eth0", 1, []int{4, 5, 6, 7, 12, 13, 15}},
		{"0-1", "eth1", 0, nil}, // a device of no node
		{"0-1", "veth0", 0, nil},
		{"nonsense", "eth0", 0, nil},
		{"1-0", "eth0", 0, nil},
		{"0-99999999", "eth0", 0, nil},
	} {
		file("devices/system/node/online", c.online)
		if node, cpus := nodeOf(sys, c.name); node != c.node || !slices.Equal(cpus, c.cpus) {
			t.Errorf("nodes %s, %s: node %d with CPUs %v, want %d with %v", c.online, c.name, node, cpus, c.node, c.cpus)
		}
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	mine := slices.DeleteFunc([]int{0, 1, 2, 3, 1000}, func(n int) bool { return !set.IsSet(n) })
	if got := allowed([]int{0, 1, 2, 3, 1000}); !slices.Equal(got, mine) {
		t.Errorf("CPUs %v are left, want %v", got, mine)
	}
}
