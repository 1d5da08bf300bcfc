package vm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cavaliergopher/cpio"
	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// options parses flags as Command does.
func options(t *testing.T, args ...string) *Options {
	t.Helper()
	o := &Options{Programs: []string{"pktgen"}}
	fs := pflag.NewFlagSet("vm", pflag.ContinueOnError)
	fs.SetInterspersed(false)
	o.Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	o.Args = fs.Args()
	return o
}

// TestCommandErrors holds that every failure of hw-test itself has its status
// and its remedy, and that nothing is started for it.
func TestCommandErrors(t *testing.T) {
	own, kernel := tree(t)
	d := t.TempDir()
	bz := put(t, d+"/bz", bzImage("6.1.0"))
	other := put(t, d+"/other", bzImage("5.10.0"))
	uml := (&elfFile{sections: map[string]string{".uml.setup.init": "x"}}).write(t, d, "linux")
	t.Setenv("PATH", d) // without QEMU
	for _, c := range []struct {
		args string // separated by blanks
		want string
	}{
		{"", "--run COMMANDS"},
		{"--run x y", "not both"},
		{"--run a|b", "is for a shell"},
		{"--nosuch", "unknown flag: --nosuch"},
		{"--nics x --run x", "nics"},
		{"--nics 9 x", "0 to 8"},
		{"--mem 1 x", "--mem 1 is not"},
		{"--cpus 100 x", "--cpus"},
		{"--timeout -1s x", "timeout"},
		{"--param ring_size=1 x", "not MODULE.NAME=VALUE"},
		{"--param netmap.ring_size x", "not MODULE.NAME=VALUE"},
		{"--shell", "apt install busybox-static"},
		{"--shell --include /bin/cat", "needs a shell"},
		{"--include /nonexistent x", "/nonexistent"},
		{"--include " + d + " x", "not a file"},
		{"--kernel /nonexistent x", "apt install linux-image-amd64"},
		{"--netmap " + d + " x", "scripts/build-netmap.sh"},
		{"--netmap " + own + " --kernel " + other + " x", "was built for the kernel 6.1.0"},
		{"--netmap " + own + " --kernel " + bz + " x", "--modules DIR"},
		{"--kernel " + bz + " --nics 1 x", "driver e1000"},
		{"--kernel " + bz + " --module nosuch --modules " + kernel + " x", "--module nosuch: the kernel has no such"},
		{"--kernel " + bz + " --modules " + d + " x", "depmod"},
		{"--kernel " + bz + " --param netmap.ring_size=1 x", "not among those loaded"},
		{"--kernel " + bz + " --netmap " + own + " --modules " + kernel + " --param netmap.rings=1 x", "no parameter rings"},
		{"--kernel " + bz + " --modules " + kernel + " x", "apt install qemu-system-x86"},
		{"--kernel " + uml + " --nics 1 --modules " + kernel + " x", "needs QEMU"},
		{"--kernel " + uml + " --cpus 2 x", "one processor"},
	} {
		status := -1
		cmd := Command(&status, "pktgen")
		cmd.SetArgs(strings.Fields(c.args))
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetOut(io.Discard)
		err := cmd.Execute()
		if err == nil || !strings.Contains(err.Error(), c.want) || cli.Status(err) != cli.ExitHarness {
			t.Errorf("%q: status %d, error %v, want one with %q", c.args, cli.Status(err), err, c.want)
		}
	}
}

// TestPlan looks into the initramfs of a full command line.
func TestPlan(t *testing.T) {
	own, kernel := tree(t)
	d := t.TempDir()
	bz := put(t, d+"/bz", bzImage("6.1.0"))
	put(t, d+"/data.pcap", []byte("frames"))
	put(t, d+"/busybox", nil)
	t.Chdir(d)
	o := options(t, "--kernel", bz, "--netmap", own, "--modules", kernel, "--nics", "1", "--param", "netmap.ring_size=65792",
		"--param=netmap.admode=2", "--include", "data.pcap", "--include", d+"/busybox", "--shell", "pktgen", "-i", "vale0:1")
	p, err := o.plan()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.write(&b); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{} // with their content, or a link's target
	for r := cpio.NewReader(&b); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files["/"+h.Name] = string(content) + h.Linkname
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if files["/init"] != string(binary) {
		t.Errorf("/init has %d bytes and is not this program", len(files["/init"]))
	}
	for name, want := range map[string]string{
		"/bin/hw-test": "/init", "/bin/pktgen": "/init", "/bin/data.pcap": "frames", d + "/busybox": "", "/bin/sh": d + "/busybox",
		"/proc": "", "/dev": "",
	} {
		if got, ok := files[name]; !ok || got != want {
			t.Errorf("%s is %q, there: %v, want %q", name, got, ok, want)
		}
	}
	var config guestConfig
	if err := json.Unmarshal([]byte(files[configFile]), &config); err != nil {
		t.Fatal(err)
	}
	if first := config.Modules[0]; first.Name != "netmap" || first.Params != "ring_size=65792 admode=2" {
		t.Errorf("the first module is %+v", first)
	}
	for _, m := range config.Modules {
		if _, ok := files[m.File]; !ok {
			t.Errorf("the module %s is not in the archive", m.File)
		}
	}
	if !slices.Equal(config.Args, []string{"pktgen", "-i", "vale0:1"}) || !slices.Equal(config.Shell, []string{d + "/busybox", "sh"}) {
		t.Errorf("it is to run %q and %q", config.Args, config.Shell)
	}
	if !slices.Contains(config.Env, guestPath) {
		t.Errorf("its environment is %q", config.Env)
	}
}

func TestIncludeTwice(t *testing.T) {
	d := t.TempDir()
	bz := put(t, d+"/bz", bzImage("6.1.0"))
	put(t, d+"/a/x", nil)
	put(t, d+"/b/x", nil)
	t.Chdir(d)
	_, err := options(t, "--kernel", bz, "--include", "a/x", "--include", "b/x", "x").plan()
	wantError(t, err, "/bin/x is in the guest already, from a/x")
	if got := inGuest(filepath.Join(d, "a/../b/x")); got != d+"/b/x" {
		t.Errorf("an absolute path becomes %s", got)
	}
}

// TestEnded holds that the end of the caller's context is told from failures.
func TestEnded(t *testing.T) {
	err := ownFailure(&cli.StatusError{Status: cli.ExitInterrupted, Err: context.Canceled})
	if cli.Status(err) != cli.ExitInterrupted || !errors.Is(err, context.Canceled) {
		t.Errorf("%v has the status %d", err, cli.Status(err))
	}
	if o := options(t, "--timeout", "90", "x"); o.Timeout != 90*time.Second {
		t.Errorf("--timeout 90 is %v", o.Timeout)
	}
}

func TestIsInit(t *testing.T) {
	if IsInit("/init") {
		t.Error("this process is not a machine's first")
	}
	if Init() == 0 {
		t.Error("Init says it succeeded")
	}
}
