package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// host makes a /sys with interfaces.
func host(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	add := func(name, mac, dev string) {
		t.Helper()
		dir := filepath.Join(root, "sys/class/net", name)
		file := filepath.Join(dir, "address")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(mac+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if dev == "" {
			return
		}
		real := filepath.Join(root, "sys/devices/pci0000:00", dev)
		if err := os.MkdirAll(real, 0o755); err != nil {
			t.Fatal(err)
		}
		_ = os.Symlink("../../../bus/pci/drivers/ixgbe", filepath.Join(real, "driver"))
		if err := os.Symlink(real, filepath.Join(dir, "device")); err != nil {
			t.Fatal(err)
		}
	}
	add("lo", "00:00:00:00:00:00", "")
	add("eth0", "90:e2:ba:00:00:01", "0000:00:02.0/0000:03:00.0")
	add("eth1", "90:e2:ba:00:00:02", "0000:00:02.0/0000:03:00.1")
	add("eth1.7", "90:e2:ba:00:00:02", "") // a VLAN on eth1
	add("ens4", "52:54:00:00:00:04", "0000:00:04.0/virtio1")
	add("twin0", "90:e2:ba:00:00:05", "0000:05:00.0") // two ports of one function
	add("twin1", "90:e2:ba:00:00:06", "0000:05:00.0")
	if err := os.WriteFile(filepath.Join(root, "sys/class/net/bonding_masters"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestResolve(t *testing.T) {
	root := host(t)
	parse := func(a, b string) *Lab {
		t.Helper()
		l, err := Parse("lab.yaml", []byte("environment: local\nnodes:\n  g:\n    role: tg\n    ports:\n      a: {"+a+"}\n      b: {"+b+"}\nlinks: [[g.a, g.b]]\n"))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := parse("pci: 0000:03:00.0", "mac: 90:e2:ba:00:00:02, spec: packet:%")
	if err := l.Resolve(root); err != nil {
		t.Fatal(err)
	}
	if p := l.Nodes[0].Ports[0]; p.Open() != "eth0" || p.Driver != "ixgbe" || p.MAC != "90:e2:ba:00:00:01" {
		t.Errorf("a is %+v", p)
	}
	if p := l.Nodes[0].Ports[1]; p.Open() != "packet:eth1" || p.PCI != "0000:03:00.1" {
		t.Errorf("b is %+v", p)
	}
	l = parse("pci: 0000:00:04.0", "spec: udp:@10.0.0.1:7")
	if err := l.Resolve(root); err != nil {
		t.Fatal(err)
	}
	if p := l.Nodes[0].Ports[0]; p.Open() != "ens4" || p.PCI != "0000:00:04.0" {
		t.Errorf("a is %+v", p)
	}
	for _, c := range []struct{ a, b, says string }{
		{"interface: eth9", "interface: eth0", "lab.yaml:6:7: port g.a: this host has no interface eth9: ip -br link there lists them"},
		{"interface: eth1", "pci: 0000:09:00.0", "lab.yaml:7:7: port g.b: this host has no interface at PCI address 0000:09:00.0: lspci -D there lists them"},
		{"interface: eth1", "mac: 90:e2:ba:00:00:99", "with MAC address 90:e2:ba:00:00:99"},
		{"interface: eth1", "pci: 0000:05:00.0", "this host has more than one interface at PCI address 0000:05:00.0: twin0 and twin1; say interface instead"},
		{"interface: eth0", "pci: 0000:03:00.0", "lab.yaml:7:7: port g.b: it is eth0, and so is g.a"},
	} {
		if err := parse(c.a, c.b).Resolve(root); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %s: %v; want %s", c.a, c.b, err, c.says)
		}
	}
	if err := l.Resolve(t.TempDir()); err == nil || !strings.Contains(err.Error(), "cannot be listed") {
		t.Error(err)
	}
}
