package vm

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// put writes a file and returns its path.
func put(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// bzImage is the head of one.
func bzImage(release string) []byte {
	b := make([]byte, 0x1000)
	copy(b[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(b[0x20e:], 0x600)
	copy(b[0x800:], release+" (someone@there) #1 SMP\x00")
	return b
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("there is no error, want one with %q", parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("the error %q does not say %q", err, p)
		}
	}
}

func TestOpenKernel(t *testing.T) {
	d := t.TempDir()
	k, err := openKernel(put(t, d+"/bz", bzImage("6.1.0-9-amd64")))
	if err != nil || k.uml || k.release != "6.1.0-9-amd64" {
		t.Errorf("a bzImage is %+v, error %v", k, err)
	}
	k, err = openKernel((&elfFile{sections: map[string]string{".uml.setup.init": "x"}}).write(t, d, "linux"))
	if err != nil || !k.uml || k.release != "" {
		t.Errorf("User-Mode Linux is %+v, error %v", k, err)
	}
	_, err = openKernel((&elfFile{}).write(t, d, "vmlinux"))
	wantError(t, err, "not User-Mode Linux", "bzImage")
	_, err = openKernel(put(t, d+"/text", []byte("#!/bin/sh\n")))
	wantError(t, err, "neither a bzImage nor", "build-uml.sh")
	_, err = openKernel(d + "/missing")
	wantError(t, err, "apt install linux-image-amd64", "--kernel")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v is not ErrNotExist", err)
	}
}

func TestDefaultKernel(t *testing.T) {
	d := t.TempDir()
	_, err := defaultKernel(d, "")
	wantError(t, err, "there is no kernel", "apt install linux-image-amd64")
	for _, r := range []string{"6.1.0-9-amd64", "6.1.0-56-amd64", "5.10.0-99-amd64", "0-rescue"} {
		put(t, d+"/vmlinuz-"+r, nil)
	}
	if got, err := defaultKernel(d, ""); err != nil || filepath.Base(got) != "vmlinuz-6.1.0-56-amd64" {
		t.Errorf("the newest is %s, error %v", got, err)
	}
	if got, err := defaultKernel(d, "6.1.0-9-amd64"); err != nil || filepath.Base(got) != "vmlinuz-6.1.0-9-amd64" {
		t.Errorf("that of the modules is %s, error %v", got, err)
	}
	_, err = defaultKernel(d, "6.2.0")
	wantError(t, err, "6.2.0", "build-netmap.sh")
}

func TestCompareVersions(t *testing.T) {
	ordered := []string{"", "5.10", "5.10.1", "6", "6.1-rc1", "6.1-rc2", "6.1-rc10", "6.1.0", "6.1.9", "6.1.10", "6.1.010a", "10"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := compareVersions(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%q against %q is %d", a, b, got)
			}
		}
	}
}

func ko(t *testing.T, depends string, more ...string) []byte {
	info := "license=GPL\x00depends=" + depends + "\x00vermagic=6.1.0 SMP mod_unload \x00"
	for _, m := range more {
		info += m + "\x00"
	}
	return (&elfFile{sections: map[string]string{".modinfo": info}}).bytes(t)
}

// compressed is b behind the kind of writer that new makes.
func compressed[W io.WriteCloser](t *testing.T, b []byte, make func(io.Writer) (W, error)) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := make(&out)
	if err == nil {
		_, err = w.Write(b)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// tree is a directory of netmap's modules and one of the kernel's.
func tree(t *testing.T) (own, kernel string) {
	d := t.TempDir()
	own, kernel = d+"/own", d+"/kernel"
	put(t, own+"/netmap.ko", ko(t, "", "parmtype=ring_size:uint", "parmtype=admode:int"))
	put(t, own+"/ixgbe.ko", ko(t, "netmap,mdio-bus"))
	put(t, own+"/e1000.ko", ko(t, "netmap"))
	put(t, kernel+"/modules.dep", []byte("kernel/veth.ko:\nkernel/mdio-bus.ko.xz: kernel/dca.ko.gz kernel/libphy.ko.zst\n"+
		"kernel/libphy.ko.zst: kernel/dca.ko.gz\nkernel/dca.ko.gz:\nkernel/e1000.ko:\n"))
	put(t, kernel+"/modules.builtin", []byte("kernel/serial-8250.ko\n"))
	put(t, kernel+"/kernel/veth.ko", ko(t, ""))
	put(t, kernel+"/kernel/mdio-bus.ko.xz", compressed(t, ko(t, "dca,libphy"), xz.NewWriter))
	put(t, kernel+"/kernel/libphy.ko.zst", compressed(t, ko(t, "dca"), func(w io.Writer) (*zstd.Encoder, error) { return zstd.NewWriter(w) }))
	put(t, kernel+"/kernel/dca.ko.gz", compressed(t, ko(t, ""), func(w io.Writer) (*gzip.Writer, error) { return gzip.NewWriter(w), nil }))
	return own, kernel
}

func names(all []*module) (names []string) {
	for _, m := range all {
		names = append(names, m.name)
	}
	return names
}

func TestModules(t *testing.T) {
	own, kernel := tree(t)
	m, err := newModules(own, kernel)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.addOwn(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"veth", "libphy", "e1000", "serial_8250", "serial-8250"} {
		if err := m.add(n); err != nil {
			t.Error(err)
		}
	}
	if got, want := names(m.order), []string{"netmap", "e1000", "dca", "libphy", "mdio_bus", "ixgbe", "veth"}; !slices.Equal(got, want) {
		t.Errorf("they are loaded as %q, want %q", got, want)
	}
	for _, mod := range m.order {
		if r, err := mod.release(); r != "6.1.0" || err != nil {
			t.Errorf("%s, unpacked, is for %q, error %v", mod.file, r, err)
		}
	}
	if m.order[1].file != own+"/e1000.ko" {
		t.Errorf("e1000 is %s, not the one for netmap", m.order[1].file)
	}
	wantError(t, m.add("nosuch"), "no such module")
}

func TestModulesErrors(t *testing.T) {
	own, _ := tree(t)
	_, err := newModules(t.TempDir(), "")
	wantError(t, err, "there is no netmap.ko in", "scripts/build-netmap.sh", "--netmap")
	m, err := newModules(own, "")
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, m.addOwn(), "ixgbe.ko needs the module mdio-bus", "--modules DIR")
	for file, content := range map[string][]byte{"x.ko": []byte("text"), "y.ko": (&elfFile{}).bytes(t), "z.ko.xz": []byte("not xz")} {
		d := t.TempDir()
		put(t, d+"/netmap.ko", ko(t, ""))
		put(t, d+"/"+file, content)
		m, err := newModules(d, "")
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, m.addOwn(), file)
	}
}

func TestModulesDir(t *testing.T) {
	_, kernel := tree(t)
	for _, c := range []struct{ release, given, want string }{
		{"", "", ""}, {"no-such-release", "", ""}, {"", kernel, kernel}, {"no-such-release", kernel, kernel},
	} {
		if got, err := (&machineKernel{release: c.release}).modulesDir(c.given); got != c.want || err != nil {
			t.Errorf("release %q, given %q: %q, error %v", c.release, c.given, got, err)
		}
	}
	_, err := (&machineKernel{}).modulesDir("/nonexistent")
	wantError(t, err, "/nonexistent", "depmod")
}

type machineKernel = kernel
