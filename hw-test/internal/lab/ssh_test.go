package lab

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
)

// Three hosts, one of which has two nodes, and a switch that is none.
const hosts = `environment: ssh
ssh:
  config: none
  known_hosts: keys/known
  identities: [~/.ssh/lab, /etc/lab.key]
  agent: $LAB_AGENT
  cache_dir: /var/tmp/lab
  binaries: {linux/arm64: bin/arm, freebsd/amd64: /bin/bsd}
  timeout: 20s
  silence: 5s
nodes:
  gen1: {role: tg, host: root@one, ports: {a: {interface: eth1}, b: {interface: eth2}}}
  gen2: {role: tg, host: "two:2222", jump: [u@gate, "[fe80::1]:22"], ports: {a: {interface: eth1}}}
  fwd:  {role: dut, host: root@one, ports: {in: {interface: eth3}, out: {pci: "03:00.0"}}}
  sw:   {role: dut, ports: {p1: , p2: , p3: , p4: }}
  sink: {role: tg, host: "2001:db8::1", jump: none, ports: {b: {mac: 90-E2-BA-00-00-01}}}
links: [[gen1.a, sw.p1], [gen2.a, sw.p2], [sw.p3, sink.b], [gen1.b, fwd.in], [fwd.out, sw.p4]]
paths:
  - [gen1.a, sw.p1, sw.p3, sink.b]
  - [gen2.a, sw.p2, sw.p3, sink.b]
  - [gen1.b, fwd.in, fwd.out, sw.p4, sw.p3, sink.b]
`

func parseHosts(t *testing.T, old, new string) (*Lab, error) {
	t.Helper()
	if !strings.Contains(hosts, old) {
		t.Fatalf("%q is not in the file", old)
	}
	return Parse("dir/lab.yaml", []byte(strings.Replace(hosts, old, new, 1)))
}

func TestHosts(t *testing.T) {
	t.Setenv("HOME", "/h")
	l, err := parseHosts(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	want := []Host{
		{"root@one", remote.Target{Host: "one", User: "root"}, []string{"gen1", "fwd"}},
		{"two:2222", remote.Target{Host: "two", Port: 2222, Jump: []remote.Target{{Host: "gate", User: "u"}, {Host: "fe80::1", Port: 22}}}, []string{"gen2"}},
		{"2001:db8::1", remote.Target{Host: "2001:db8::1", Jump: []remote.Target{}}, []string{"sink"}},
	}
	if got := l.Hosts(); !reflect.DeepEqual(got, want) {
		t.Errorf("hosts\n%+v, want\n%+v", got, want)
	}
	config := &remote.Config{
		SSHConfig: "none", KnownHosts: []string{"dir/keys/known"}, Identities: []string{"/h/.ssh/lab", "/etc/lab.key"},
		Agent: "$LAB_AGENT", CacheDir: "/var/tmp/lab", Binaries: map[string]string{"linux/arm64": "dir/bin/arm", "freebsd/amd64": "/bin/bsd"},
		Timeout: 20 * time.Second, Silence: 5 * time.Second,
	}
	if got := l.SSH.Remote(); !reflect.DeepEqual(got, config) {
		t.Errorf("access\n%+v, want\n%+v", got, config)
	}
	if got := (*Access)(nil).Remote(); !reflect.DeepEqual(got, &remote.Config{}) {
		t.Errorf("without key ssh: %+v", got)
	}
	var paths []string
	for _, p := range l.Paths() {
		paths = append(paths, p.String())
	}
	if want := []string{"gen1.a → sw.p1 ⇒ sw.p3 → sink.b", "gen2.a → sw.p2 ⇒ sw.p3 → sink.b", "gen1.b → fwd.in ⇒ fwd.out → sw.p4 ⇒ sw.p3 → sink.b"}; !slices.Equal(paths, want) {
		t.Errorf("paths %q, want %q", paths, want)
	}
	// What results keep says the same.
	text, err := json.Marshal(l)
	var kept Lab
	if err := errors.Join(err, json.Unmarshal(text, &kept)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(kept.Hosts(), want) || !reflect.DeepEqual(kept.SSH.Remote(), config) || len(kept.Paths()) != 3 || kept.Paths()[2].String() != paths[2] {
		t.Errorf("kept are %s", text)
	}
}

// uncomment takes the comment signs off the lines from first on that have them.
func uncomment(t *testing.T, text, first string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, first)
	if !ok {
		t.Fatalf("no line %q", first)
	}
	out := before + strings.TrimPrefix(first, "# ")
	for line := range strings.Lines(rest) {
		bare, comment := strings.CutPrefix(line, "# ")
		if !comment && line != "\n" {
			out += strings.TrimPrefix(rest, "\n")
			break
		}
		out, rest = out+bare, rest[len(line):]
	}
	return out
}

// What the example has in comments is right, too.
func TestExampleOfHosts(t *testing.T) {
	text, err := os.ReadFile("../../lab.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := uncomment(t, uncomment(t, string(text), "# ssh:"), "# paths:")
	s = strings.Replace(s, "environment: local", "environment: ssh", 1)
	s = strings.ReplaceAll(s, "    #   host: ", "    host: ")
	s = strings.ReplaceAll(s, "    #   jump: ", "    jump: ")
	l, err := Parse("lab.yaml", []byte(s))
	if err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	if c := l.SSH; c == nil || c.Config != "lab.ssh" || c.Agent != "none" || c.Binaries["linux/arm64"] != "build/hw-test-arm64" || c.Silence != 10*time.Second {
		t.Errorf("ssh is %+v", c)
	}
	if h := l.Hosts(); len(h) != 1 || h[0].Name != "root@gen1" || len(h[0].Target.Jump) != 1 || len(l.Given) != 1 {
		t.Errorf("hosts %+v, paths %v", h, l.Given)
	}
}

func TestHostErrors(t *testing.T) {
	for _, c := range []struct{ old, new, says string }{
		{"host: root@one, ports: {a", "ports: {a", "dir/lab.yaml:12:3: node gen1 is a tg of environment ssh and has no host"},
		{"host: root@one, ports: {in", "ports: {in", "port fwd.in says which interface it is, and node fwd has no host"},
		{"in: {interface: eth3}", "in: ", "port fwd.in does not say which interface it is: give one of interface, pci and mac"},
		{"sw:   {role: dut", "sw:   {role: dut, jump: a", "node sw has a jump and no host"},
		{"host: root@one, ports: {in", "host: one, ports: {in", "dir/lab.yaml:14:27: nodes gen1 and fwd are on one host, one, and reach it by another user or jump"},
		{"host: root@one, ports: {in", "host: root@one, jump: gate, ports: {in", "by another user or jump"},
		{"in: {interface: eth3}", "in: {interface: eth1}", "port fwd.in is eth1, and so is gen1.a"},
		{"host: root@one", "host: root@one:x", `dir/lab.yaml:12:26: host: "root@one:x": the port "x" is not a number`},
		{"host: root@one", "host: root:geheim@one", "a user's name has no colon; a lab file has no place for secrets"},
		{"host: root@one", `host: "a b"`, `host: "a b" is no host`},
		{"host: root@one", `host: "-oProxyCommand=x"`, `dir/lab.yaml:12:26: host: "-oProxyCommand=x" is no host: no name of a host or a user begins with -`},
		{"host: root@one", `host: "root@-x"`, `"root@-x" is no host`},
		{"host: root@one", `host: "-l@one"`, `"-l@one" is no host`},
		{"[u@gate, \"[fe80::1]:22\"]", "[-x]", `jump: "-x" is no host`},
		{"host: root@one", `host: "a:b:c"`, `host: "a:b:c" is no host`},
		{"host: root@one", `host: "a@"`, "names no host"},
		{"host: root@one", "host: ", "host is empty"},
		{"host: root@one", `host: "` + strings.Repeat("a", 301) + `"`, "is no host"},
		{"[u@gate, \"[fe80::1]:22\"]", "[]", "jump is an empty list"},
		{"[u@gate, \"[fe80::1]:22\"]", "[u@gate, none:0]", "jump: "},
		{"[u@gate, \"[fe80::1]:22\"]", "{a: b}", "jump is a mapping, and has to be one value"},
		{"config: none", "passphrase: x", `dir/lab.yaml:3:3: unknown key "passphrase"; a lab file has no place for secrets: log in by a key, and have an agent hold one that has a passphrase (ssh-add)`},
		{"config: none", "confg: none", `unknown key "confg"; ssh has config, known_hosts, identities, agent, cache_dir, binaries, timeout and silence`},
		{"config: none", "config: ~other/x", "begins in another home directory"},
		{"known_hosts: keys/known", "known_hosts: []", "known_hosts is an empty list"},
		{"cache_dir: /var", "cache_dir: var", "cache_dir is on the hosts and has to be an absolute path"},
		{"linux/arm64", "arm", `"arm" is no system like linux/arm64`},
		{"silence: 5s", "silence: 5", `silence is a time from 1s to 10m0s, such as 30s, and not the value "5"`},
		{"timeout: 20s", "timeout: 1h", "timeout is a time from 1s to 10m0s"},
		{"agent: $LAB_AGENT", "agent: [a]", "agent is a list"},
		{"environment: ssh", "environment: ssh\nvm: {}", "key vm is for environment vm, and this is ssh"},
		// Paths.
		{"paths:\n", "x:\n", "unknown key"},
		{hosts[strings.Index(hosts, "paths:"):], "", "node sw has 4 linked ports; say which way frames go"},
		{hosts[strings.Index(hosts, "paths:"):], "paths: []", "paths is an empty list"},
		{hosts[strings.Index(hosts, "paths:"):], "paths: x", "paths is the value \"x\", and has to be a list"},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "x", "dir/lab.yaml:19:5: a path is the value \"x\""},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[gen1.a, sw.p1, sink.b]", "dir/lab.yaml:19:5: a path is a tg's port, two ports of each dut on the way and a tg's port, like [gen.a, dev.in, dev.out, gen.b]; this one has 3"},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[gen1.a, sw.p1, sw.p5, sink.b]", `the path has "sw.p5", and there is no such port`},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[gen1.a, sw.p1, sw.p4, sink.b]", "the path goes from sw.p4 to sink.b, and no link joins them"},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[gen1.a, sw.p1, fwd.out, sw.p4, sw.p3, sink.b]", "the path enters node sw by sw.p1 and would leave it by fwd.out"},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[gen1.a, sw.p2, sw.p3, sink.b]", "the path goes from gen1.a to sw.p2, and no link joins them"},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[sw.p1, gen1.a]", "a path goes from a tg's port to a tg's port, and sw.p1 is a dut's"},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[gen1.a, gen2.a, sw.p3, sink.b]", "ports of duts only, and gen2.a is a tg's"},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[gen1.a, sw.p1, sw.p1, gen1.a]", "the path has port sw.p1 twice"},
		{"[gen1.a, sw.p1, sw.p3, sink.b]", "[gen2.a, sw.p2, sw.p3, sink.b]", "dir/lab.yaml:20:5: two paths begin at gen2.a"},
	} {
		_, err := parseHosts(t, c.old, c.new)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q instead of %q:\n got %v\nwant %s", c.new, c.old, err, c.says)
		}
		if _, ok := errors.AsType[*Error](err); err != nil && !ok {
			t.Errorf("%v is no *Error", err)
		}
	}
}

// Names and addresses are those of a host: two may have the same.
func TestSameNameOnTwoHosts(t *testing.T) {
	if _, err := parseHosts(t, "{mac: 90-E2-BA-00-00-01}", "{interface: eth1}"); err != nil {
		t.Error(err)
	}
}

// Paths are for this host's labs as well.
func TestPathsOfThisHost(t *testing.T) {
	l, err := Parse("l", []byte(`environment: local
nodes:
  g: {role: tg, ports: {a: {interface: e0}, b: {interface: e1}, c: {interface: e2}}}
  d: {role: dut, ports: {a: , b: , c: }}
links: [[g.a, d.a], [g.b, d.b], [g.c, d.c]]
paths: [[g.a, d.a, d.c, g.c], [g.b, d.b, d.c, g.c]]
`))
	if err != nil {
		t.Fatal(err)
	}
	if p := l.Paths(); len(p) != 2 || p[1].String() != "g.b → d.b ⇒ d.c → g.c" || !slices.Equal(p[1].Ports(), []string{"g.b", "d.b", "d.c", "g.c"}) {
		t.Errorf("paths %v", p)
	}
}

func TestResolveWith(t *testing.T) {
	l, err := parseHosts(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	nics := map[string][]Device{
		"root@one":    {{Name: "eth1"}, {Name: "eth2", Driver: "ixgbe"}, {Name: "eth3"}, {Name: "eth4", PCI: "0000:03:00.0"}},
		"two:2222":    {{Name: "eth1", MAC: "02:00:00:00:00:01"}},
		"2001:db8::1": {{Name: "eth1", MAC: "90:e2:ba:00:00:01"}},
	}
	var asked []string
	list := func(host string) ([]Device, error) {
		asked = append(asked, host)
		// As an agent sends it.
		var b bytes.Buffer
		var got []Device
		err := errors.Join(gob.NewEncoder(&b).Encode(nics[host]), gob.NewDecoder(&b).Decode(&got))
		return got, err
	}
	if err := l.ResolveWith(list); err != nil {
		t.Fatal(err)
	}
	if want := []string{"root@one", "two:2222", "2001:db8::1"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	for name, want := range map[string]string{"fwd.out": "eth4", "sink.b": "eth1", "gen2.a": "eth1", "sw.p1": ""} {
		if _, p := l.Port(name); p.Interface != want {
			t.Errorf("%s is %q, want %q", name, p.Interface, want)
		}
	}
	nics["root@one"] = nics["root@one"][:1]
	l, _ = parseHosts(t, "", "")
	err = l.ResolveWith(func(host string) ([]Device, error) {
		if host == "two:2222" {
			return nil, io.ErrUnexpectedEOF
		}
		return nics[host], nil
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	for _, says := range []string{
		"dir/lab.yaml:12:66: port gen1.b: host root@one has no interface eth2: ip -br link there lists them",
		"port fwd.out: host root@one has no interface at PCI address 0000:03:00.0",
		"the interfaces of host two:2222 cannot be listed: unexpected EOF",
	} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v: does not say %s", err, says)
		}
	}
	if strings.Contains(err.Error(), "this host") {
		t.Errorf("%v: names this host", err)
	}
	if err := l.Resolve("/"); err == nil || !strings.Contains(err.Error(), "on other hosts") {
		t.Errorf("for this host: %v", err)
	}
}

func TestCheckOfHosts(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	file := dir + "/lab.yaml"
	for name, text := range map[string]string{
		"lab.yaml":   strings.NewReplacer("/etc/lab.key", "lab.key", "/bin/bsd", "bin/bsd").Replace(hosts),
		"keys/known": "", ".ssh/lab": "", "lab.key": "", "bin/arm": "", "bin/bsd": "",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := Command()
		cmd.SetOut(&out)
		cmd.SetArgs(append([]string{"check", file}, args...))
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	text := run()
	for _, says := range []string{
		"environment ssh\n", "ssh: config none\n", "/.ssh/lab, " + dir + "/lab.key\n", "ssh: binary for linux/arm64 ", "ssh: silence 5s\n",
		"host root@one: gen1, fwd\n", "host two:2222: gen2; jump: u@gate, [fe80::1]:22\n", "host 2001:db8::1: sink; jump: none\n",
		"path gen1.a → sw.p1 ⇒ sw.p3 → sink.b\n", "no host was connected to; this does, and finds the interfaces: hw-test preflight --lab " + file + "\n",
	} {
		if !strings.Contains(text, says) {
			t.Errorf("%s\ndoes not say %q", text, says)
		}
	}
	for _, says := range []string{`"known_hosts":[`, `"silence_ns":5000000000`, `"host":"two:2222"`, `"jump":["none"]`, `"paths":[{"from":"gen1.a","via":["sw.p1","sw.p3"],"to":"sink.b"}`} {
		if text := run("--json"); !strings.Contains(text, says) {
			t.Errorf("%s\ndoes not say %q", text, says)
		}
	}
}
