package remote

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wants checks that an error says all that.
func wants(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%v\nlacks %q", err, s)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for s, want := range map[string]Target{
		"a":               {Host: "a"},
		"u@a:22":          {Host: "a", User: "u", Port: 22},
		"ssh://u@a:2222":  {Host: "a", User: "u", Port: 2222},
		"u@d@[fe80::1]:7": {Host: "fe80::1", User: "u@d", Port: 7},
	} {
		if got, err := ParseTarget(s); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "u@", "a:x", "a:0", "a:65536"} {
		if got, err := ParseTarget(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

func readConfig(t *testing.T, text string) (*sshConfig, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return readSSHConfig(file)
}

func TestSSHConfig(t *testing.T) {
	t.Setenv("HOME", "/h")
	t.Setenv("SSH_AUTH_SOCK", "/sock")
	included := filepath.Join(t.TempDir(), "more")
	if err := os.WriteFile(included, []byte("Host gen\nPort 2222\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(t, `
Include `+included+`
Host gen dut
	hostname %h.lab
	User tester
	ProxyJump door,u@gate:2200
	IdentityFile ~/.ssh/%h-%r
	IdentityFile %d/second%%
	IdentitiesOnly yes
	StrictHostKeyChecking no
	Frobnicate yes
Host alone
	ProxyJump none
	HostKeyAlias known-as
	IdentityAgent $OTHER_SOCK
	UserKnownHostsFile ~/k1 /k2
	GlobalKnownHostsFile none
Host door
	ProxyJump front
Host round
	ProxyJump round
Match host *.example
	Port 33
Host proxied
	ProxyCommand nc %h
Host both
	ProxyJump gate
	ProxyCommand nc %h
Host canonical
	CanonicalizeHostname yes
Host * !gen
	User anybody
`)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("OTHER_SOCK", "/other")
	look := func(target Target) *hop {
		t.Helper()
		h, err := c.look(target, new(Config).withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	known := []string{"/h/.ssh/known_hosts", "/h/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
	want := &hop{name: "gen", host: "gen.lab", user: "tester", port: 2222, jump: []Target{{Host: "door"}, {Host: "gate", User: "u", Port: 2200}}, known: known,
		identities: []string{"/h/.ssh/gen.lab-tester", "/h/second%"}, given: true, only: true, agent: "/sock"}
	if got := look(Target{Host: "gen"}); !reflect.DeepEqual(got, want) {
		t.Errorf("gen is\n%+v, want\n%+v", got, want)
	}
	want = &hop{name: "alone", host: "alone", user: "me", port: 7, alias: "known-as", known: []string{"/h/k1", "/k2"},
		identities: []string{"/h/.ssh/id_ed25519", "/h/.ssh/id_ecdsa", "/h/.ssh/id_rsa"}, agent: "/other"}
	if got := look(Target{Host: "alone", User: "me", Port: 7}); !reflect.DeepEqual(got, want) {
		t.Errorf("alone is\n%+v, want\n%+v", got, want)
	}
	if got := look(Target{Host: "x.example"}); got.port != 33 || got.user != "anybody" {
		t.Errorf("x.example is %+v", got)
	}
	if got := look(Target{Host: "both"}); len(got.jump) != 1 {
		t.Errorf("both is %+v", got)
	}
	for target, says := range map[string]string{"proxied": "ProxyCommand for proxied", "canonical": "CanonicalizeHostname for canonical"} {
		_, err := c.look(Target{Host: target}, new(Config))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", target, err)
		}
	}
	route, err := c.route(Target{Host: "gen"}, new(Config))
	var names []string
	for _, h := range route {
		names = append(names, h.String())
	}
	if got := strings.Join(names, " "); err != nil || got != "anybody@front anybody@door u@gate:2200 tester@gen:2222" {
		t.Errorf("the way to gen is %s, %v", got, err)
	}
	if _, err := c.route(Target{Host: "round"}, new(Config)); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("in a circle: %v", err)
	}
	if _, err := readConfig(t, "Match exec true\nPort 1\n"); err == nil || !strings.Contains(err.Error(), "Match Exec") {
		t.Errorf("Match exec: %v", err)
	}
	if _, err := readSSHConfig("/no/such"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	want := order{Name: "rcv", Args: []string{"\xff", ""}, Grace: time.Second, Silence: 2 * time.Second, Stdin: true}
	writeFrame(&b, kindStart, pack(want))
	writeFrame(&b, kindBeat, nil)
	whole := b.Bytes()
	r := bufio.NewReader(bytes.NewReader(whole))
	k, payload, err := readFrame(r)
	var got order
	if err := errors.Join(err, unpack(payload, &got)); err != nil || k != kindStart || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %d, %+v", err, k, got)
	}
	if k, payload, err := readFrame(r); k != kindBeat || len(payload) != 0 || err != nil {
		t.Errorf("%d, %q, %v", k, payload, err)
	}
	if _, _, err := readFrame(r); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for n := 1; n < len(whole)-5; n++ {
		if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(whole[:n]))); err != io.ErrUnexpectedEOF {
			t.Errorf("cut after %d: %v", n, err)
		}
	}
	if _, _, err := readFrame(bufio.NewReader(strings.NewReader("\x01\xff\xff\xff\xff"))); err == nil {
		t.Error("4 GB are believed")
	}
}

func TestHello(t *testing.T) {
	for text, ok := range map[string]bool{
		hello + "\nx":                             true,
		"welcome\nto this" + hello + "\nx":        true,
		"welcome\n":                               false,
		strings.Repeat("chatter\n", 10000):        false,
		strings.Repeat("x", 5000) + hello + "\nx": true, // over the reader's buffer
		strings.Repeat("x", 4090) + hello + "\nx": true,
		strings.Repeat("x", 1<<20) + hello + "\n": false,
		"==ringwalk supervise 1==\n" + "\nx\ny":   false,
	} {
		r := bufio.NewReader(strings.NewReader(text))
		if err := readHello(r); (err == nil) != ok {
			t.Errorf("%.40q: %v", text, err)
		} else if rest, _ := io.ReadAll(r); ok && string(rest) != "x" {
			t.Errorf("%.40q: leaves %q", text, rest)
		}
	}
}

func TestParseFacts(t *testing.T) {
	got, err := parseFacts([]string{"os Linux", "arch aarch64", "kernel 6.1.0", "name dut", "uid 1000", "caps 0000000000002000"})
	if want := (Facts{OS: "linux", Arch: "arm64", Kernel: "6.1.0", Hostname: "dut", UID: 1000, NetRaw: true}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = parseFacts([]string{"os FreeBSD", "arch amd64", "kernel 14.2", "name dut", "uid 0", "caps"})
	if want := (Facts{OS: "freebsd", Arch: "amd64", Kernel: "14.2", Hostname: "dut", NetRaw: true, NetAdmin: true}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, lines := range [][]string{nil, {"os Linux", "arch x86_64", "uid"}, {"os Linux", "arch x86_64", "uid 0", "caps x"}} {
		if got, err := parseFacts(lines); err == nil {
			t.Errorf("%q: %+v", lines, got)
		}
	}
}

func TestPutError(t *testing.T) {
	for said, errno := range map[string]error{
		"cat: write error: No space left on device": syscall.ENOSPC,
		"sh: 1: cannot create x: Permission denied": syscall.EACCES,
		"cat: write error: Disk quota exceeded":     syscall.EDQUOT,
	} {
		if err := putError([]string{"fail write /some where/x", said}); !errors.Is(err, errno) || !strings.HasPrefix(err.Error(), "/some where/x: could not write the copy") {
			t.Errorf("%s: %v", said, err)
		}
	}
	if err := putError([]string{"fail write /x", "something new"}); err == nil || err.Error() != "/x: could not write the copy: something new" {
		t.Error(err)
	}
}

// TestScripts: what every login shell is to pass on as it is.
func TestScripts(t *testing.T) {
	for _, s := range []string{prelude, probeScript, findScript, putScript, roomScript, placesScript} {
		if i := strings.IndexAny(s, `'!\`); i >= 0 {
			t.Errorf("a script has %q", s[max(0, i-10):i+1])
		}
	}
}
