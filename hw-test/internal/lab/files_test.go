package lab

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const withFiles = `environment: ssh
ssh:
  config: conf
  known_hosts: [known, known2]
  identities: id
  binaries: {linux/arm64: arm}
nodes:
  a: {role: tg, host: a, ports: {p: {interface: eth0}}}
  b: {role: tg, host: b, ports: {p: {interface: eth0}}}
links: [[a.p, b.p]]
`

// The files that key ssh names are looked for by lab check, each with its place,
// and not by Load.
func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("lab.yaml"), []byte(withFiles), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(in("arm"), 0o755); err != nil {
		t.Fatal(err)
	}
	check := func() error {
		cmd := Command()
		cmd.SetArgs([]string{"check", in("lab.yaml")})
		cmd.SetOut(io.Discard)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		return cmd.Execute()
	}
	err := check()
	want := in("lab.yaml") + ":3:11: config: the file " + in("conf") + " of this host cannot be read: no such file or directory\n" +
		in("lab.yaml") + ":4:17: known_hosts: the file " + in("known") + " of this host cannot be read: no such file or directory\n" +
		in("lab.yaml") + ":4:24: known_hosts: the file " + in("known2") + " of this host cannot be read: no such file or directory\n" +
		in("lab.yaml") + ":5:15: identities: the file " + in("id") + " of this host cannot be read: no such file or directory\n" +
		in("lab.yaml") + ":6:27: binaries: the file " + in("arm") + " of this host cannot be read: is a directory"
	if err == nil || err.Error() != want || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Errorf("%v is no *Error", err)
	}

	if err := os.Remove(in("arm")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"conf", "known", "known2", "id", "arm"} {
		if err := os.WriteFile(in(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := check(); err != nil {
		t.Error(err)
	}
	text := strings.NewReplacer("config: conf", "config: none", "  known_hosts: [known, known2]\n", "", "  identities: id\n", "", "  binaries: {linux/arm64: arm}\n", "").Replace(withFiles)
	l, err := Parse(in("lab.yaml"), []byte(text))
	if err == nil {
		err = l.CheckFiles()
	}
	if err != nil {
		t.Error(err)
	}
}
