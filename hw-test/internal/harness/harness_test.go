package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// faultEnv spoils a program, to see that the self-test notices:
// "hang:pktgen" has it hang and ignore SIGTERM, "few:pktgen" send too little,
// "rights:hw-test" has it give up all rights first.
const faultEnv = "RINGWALK_HWTEST_FAULT"

// TestMain makes the test binary what the real one is: hw-test, pktgen and rcv,
// each when called by that name.
func TestMain(m *testing.M) {
	name := sshtest.Program(os.Args[0])
	if !slices.Contains([]string{"hw-test", "pktgen", "rcv"}, name) {
		os.Setenv(results.Env, results.NoDir) // tests of what is kept say where
		os.Exit(m.Run())
	}
	switch os.Getenv(faultEnv) {
	case "hang:" + name:
		ignoreTerm()
		time.Sleep(time.Hour)
	case "rights:" + name:
		noRights()
	case "few:" + name:
		if i := slices.Index(os.Args, "-n"); i > 0 {
			os.Args[i+1] = "10"
		}
	}
	os.Exit(Main(os.Args, os.Stdout, os.Stderr))
}

func run(args ...string) (stdout, stderr string, status int) {
	var o, e bytes.Buffer
	status = Main(append([]string{"/some/where/hw-test"}, args...), &o, &e)
	return o.String(), e.String(), status
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   string // on stderr, where it is the first line
	}{
		{"nosuch", cli.ExitUsage, `"nosuch" is neither a subcommand nor a flag of hw-test`},
		{"self nosuch", cli.ExitUsage, `"nosuch" is neither a subcommand nor a flag of hw-test self`},
		{"--nosuch", cli.ExitUsage, "unknown flag: --nosuch"},
		{"self --nosuch", cli.ExitUsage, "unknown flag: --nosuch"},
		{"--sizes", cli.ExitUsage, "flag needs an argument: --sizes"},
		{"--seconds=x", cli.ExitUsage, `--seconds: duration "x" is not a time; write a time such as 10s, 1m30s or 500ms (a bare number counts seconds)`},
		{"--sizes=9000", cli.ExitUsage, `--sizes: "9000" is not a number from 60 to 1514`},
		{"self --rung=x", cli.ExitUsage, `--rung: "x" is none of auto, root, userns and udp`},
		{"--sizes=60,128,60", cli.ExitUsage, "--sizes: 60 is there twice"},
		{"--queues=1,1", cli.ExitUsage, "--queues: 1 is there twice"},
		{"agent nosuch", cli.ExitUsage, `"nosuch" is not a flag of hw-test agent`},
		{"recover lab.yaml", cli.ExitUsage, `"lab.yaml" is not a flag of hw-test recover; did you mean --lab lab.yaml?`},
		{"recover --lab=../../lab.example.yaml", cli.ExitUsage, "--lab is for labs of other hosts, and ../../lab.example.yaml is of environment local; hw-test recover alone does this host"},
		{"throughput --sizes=64,64", cli.ExitUsage, "--sizes: 64 is there twice"},
	} {
		stdout, stderr, status := run(strings.Fields(c.args)...)
		if status != c.status || stdout != "" {
			t.Errorf("%s: status %d, want %d; prints %q", c.args, status, c.status, stdout)
		}
		command := "hw-test"
		if name, _, _ := strings.Cut(c.args, " "); !strings.HasPrefix(name, "-") && name != "nosuch" {
			command += " " + name
		}
		if want := "hw-test: " + c.says + "\n" + command + " -h tells the flags\n"; stderr != want {
			t.Errorf("%s says %q, want %q", c.args, stderr, want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"-h", "--help", "self -h", "help self"} {
		stdout, stderr, status := run(strings.Fields(args)...)
		if status != cli.ExitOK || stderr != "" {
			t.Errorf("%s: status %d, %q", args, status, stderr)
		}
		for _, s := range []string{"paced row holds", "--sizes lengths", "--rung where", "Exit status:", "Examples:", "as any user"} {
			if !strings.Contains(stdout, s) {
				t.Errorf("%s lacks %q", args, s)
			}
		}
		if strings.Contains(stdout, "check-rights") {
			t.Errorf("%s tells what is nobody's business", args)
		}
	}
}

// TestHelpOfOthers: a command for hw-test's own use has no exit statuses of the
// self-test's.
func TestHelpOfOthers(t *testing.T) {
	for _, name := range []string{"agent", "supervise"} {
		if stdout, _, status := run(name, "-h"); status != cli.ExitOK || strings.Contains(stdout, "Exit status") {
			t.Errorf("%s: status %d, %s", name, status, stdout)
		}
	}
}

// TestHelpWidth: no line of any command's help is wider than 100 columns.
func TestHelpWidth(t *testing.T) {
	status := 0
	root := newRoot(&status)
	addCompletion(root)
	n := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		n++
		args := append(strings.Fields(c.CommandPath())[1:], "-h")
		stdout, stderr, status := run(args...)
		if status != cli.ExitOK || stdout+stderr == "" {
			t.Errorf("%s: status %d", args, status)
		}
		for line := range strings.Lines(stdout + stderr) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
				t.Errorf("%s has a line of %d columns: %s", args, n, line)
			}
		}
		for _, below := range c.Commands() {
			look(below)
		}
	}
	look(root)
	if n < 25 {
		t.Errorf("there are %d commands", n)
	}
}

func TestVersion(t *testing.T) {
	if stdout, _, status := run("--version"); stdout != cli.VersionLine("hw-test")+"\n" || status != cli.ExitOK {
		t.Errorf("%q, status %d", stdout, status)
	}
}

func TestCarried(t *testing.T) {
	for _, name := range []string{"pktgen", "rcv"} {
		var o, e bytes.Buffer
		if status := Main([]string{"/usr/bin/" + name, "--version"}, &o, &e); status != 0 || o.String() != cli.VersionLine(name)+"\n" {
			t.Errorf("called %s: %q, status %d", name, o.String(), status)
		}
	}
}

// TestManualAndCompletion: every command that help shows has a page, and the
// programs have theirs.
func TestManualAndCompletion(t *testing.T) {
	dir := t.TempDir()
	var out, errs strings.Builder
	if status := Main([]string{"hw-test", "man", dir}, &out, &errs); status != cli.ExitOK || out.String()+errs.String() != "" {
		t.Fatalf("status %d, %s%s", status, out.String(), errs.String())
	}
	status := cli.ExitOK
	names := []string{"hw-test", "pktgen", "rcv"}
	for _, c := range newRoot(&status).Commands() {
		if c.IsAvailableCommand() && !c.DisableFlagParsing {
			names = append(names, "hw-test-"+c.Name())
		}
	}
	for _, name := range names {
		page, err := os.ReadFile(filepath.Join(dir, name+".1"))
		if err != nil || !strings.Contains(string(page), ".SH OPTIONS") {
			t.Errorf("%s: %v\n%s", name, err, page)
		}
	}
	if out, _, status := run("__complete", "throughput", "--s"); status != cli.ExitOK || !strings.Contains(out, "--sizes\tframe sizes") || strings.Contains(out, "`") {
		t.Errorf("completion: status %d, %s", status, out)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out.Reset()
		if status := Main([]string{"hw-test", "completion", shell}, &out, &errs); status != cli.ExitOK || !strings.Contains(out.String(), "__complete") {
			t.Errorf("%s: status %d, %s", shell, status, errs.String())
		}
	}
}
