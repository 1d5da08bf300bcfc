package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// playEnv makes the test binary another process with an entry.
const playEnv = "RINGWALK_JOURNAL_PLAY"

func TestMain(m *testing.M) {
	if what := os.Getenv(playEnv); what != "" {
		if err := play(what); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var key = Key{Netns: "c0", Ifindex: 1, What: "test"}

type note struct{ Text string }

func remember(text string) func() (any, error) {
	return func() (any, error) { return note{text}, nil }
}

func never(t *testing.T) func(*Entry) error {
	return func(e *Entry) error { t.Errorf("undone: %+v", e); return nil }
}

// play holds an entry until standard input ends.
func play(what string) error {
	undo := func(*Entry) error { fmt.Println("undone"); return nil }
	e, joined, err := Take(key, what == "share", undo, remember(what))
	if err != nil {
		return err
	}
	fmt.Println("ready", joined)
	_, _ = os.Stdin.Read(make([]byte, 1))
	return e.Finish(undo)
}

type process struct {
	*exec.Cmd
	t   *testing.T
	end func()
	out *bufio.Reader
}

// start starts another process with an entry and returns what it says first.
func start(t *testing.T, what string) (*process, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), playEnv+"="+what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: cmd, t: t, end: func() { in.Close() }, out: bufio.NewReader(out)}
	return p, p.says()
}

func (p *process) says() string {
	line, _ := p.out.ReadString('\n')
	return strings.TrimSpace(line)
}

func (p *process) kill() {
	p.t.Helper()
	if err := p.Process.Kill(); err != nil {
		p.t.Error(err)
	}
	_ = p.Wait() // it was killed
}

// fresh is an empty journal.
func fresh(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("RINGWALK_RUN", dir)
	return dir
}

func entries(t *testing.T) int {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(os.Getenv("RINGWALK_RUN"), "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestTakeAndFinish(t *testing.T) {
	fresh(t)
	e, joined, err := Take(key, false, never(t), remember("first"))
	if err != nil || joined {
		t.Fatal(err, joined)
	}
	if err := e.Update(note{"second"}); err != nil {
		t.Fatal(err)
	}
	// The lock is on the file that has the name now.
	var held *HeldError
	if _, _, err := Take(key, false, never(t), remember("other")); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("taken twice: %v", err)
	}
	if h, err := Held(key, never(t)); err != nil || h == nil || h.Program != filepath.Base(os.Args[0]) || time.Since(h.Since) > time.Minute {
		t.Errorf("held by %v, %v", h, err)
	}
	if err := Recover(never(t)); err != nil {
		t.Error(err)
	}
	var n note
	if err := e.Finish(func(e *Entry) error { return e.Decode(&n) }); err != nil || n.Text != "second" || entries(t) != 0 {
		t.Errorf("%v, %+v, %d entries", err, n, entries(t))
	}
	if h, err := Held(key, never(t)); err != nil || h != nil {
		t.Errorf("held by %v, %v", h, err)
	}
}

func TestUndoFails(t *testing.T) {
	fresh(t)
	broken := errors.New("broken")
	e, _, err := Take(key, false, never(t), remember("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Finish(func(*Entry) error { return broken }); !errors.Is(err, broken) || entries(t) != 1 {
		t.Errorf("%v, %d entries", err, entries(t))
	}
	// Nobody answers for it any more, so it can be tried again.
	if _, _, err := Take(key, false, func(*Entry) error { return broken }, remember("y")); !errors.Is(err, broken) || entries(t) != 1 {
		t.Errorf("%v, %d entries", err, entries(t))
	}
	if h, err := Held(key, func(*Entry) error { return ErrSkip }); h != nil || err != nil || entries(t) != 1 {
		t.Errorf("held by %v, %v, %d entries", h, err, entries(t))
	}
	if h, err := Held(key, func(*Entry) error { return broken }); h != nil || !errors.Is(err, broken) || entries(t) != 1 {
		t.Errorf("held by %v, %v, %d entries", h, err, entries(t))
	}
	if err := Recover(func(*Entry) error { return ErrSkip }); err != nil || entries(t) != 1 {
		t.Errorf("skipped: %v, %d entries", err, entries(t))
	}
	if err := Recover(func(*Entry) error { return Done(broken) }); !errors.Is(err, broken) || entries(t) != 0 {
		t.Errorf("done: %v, %d entries", err, entries(t))
	}
}

func TestNothingToRemember(t *testing.T) {
	fresh(t)
	no := errors.New("no")
	if _, _, err := Take(key, false, never(t), func() (any, error) { return nil, no }); !errors.Is(err, no) || entries(t) != 0 {
		t.Errorf("%v, %d entries", err, entries(t))
	}
	if err := Release(key, never(t)); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestLeave(t *testing.T) {
	fresh(t)
	e, _, err := Take(key, false, never(t), remember("x"))
	if err == nil {
		err = e.Leave()
	}
	if err != nil {
		t.Fatal(err)
	}
	kept := false
	if err := Release(key, func(e *Entry) error { kept = e.Kept; return nil }); err != nil || !kept || entries(t) != 0 {
		t.Errorf("%v, kept %v, %d entries", err, kept, entries(t))
	}
}

// Resume goes on with an entry that was left: it stays one that was kept, also
// when the process ends before it leaves it again.
func TestResume(t *testing.T) {
	fresh(t)
	if _, err := Resume(key); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	e, _, err := Take(key, false, never(t), remember("first"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(key); err == nil || !strings.Contains(err.Error(), "holds it") {
		t.Error(err)
	}
	if err := e.Leave(); err != nil {
		t.Fatal(err)
	}
	e, err = Resume(key)
	if err == nil {
		err = e.Update(note{"second"})
	}
	if err != nil {
		t.Fatal(err)
	}
	e.file.Close() // as a kill would
	var n note
	kept := false
	if err := Release(key, func(e *Entry) error { kept = e.Kept; return e.Decode(&n) }); err != nil || !kept || n.Text != "second" {
		t.Errorf("%v, kept %v, %+v", err, kept, n)
	}
}

func TestKilled(t *testing.T) {
	fresh(t)
	p, says := start(t, "alone")
	if says != "ready false" {
		t.Fatal(says)
	}
	if _, _, err := Take(key, true, never(t), remember("x")); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d, since", p.Process.Pid)) {
		t.Errorf("joined an entry of one alone: %v", err)
	}
	if err := Release(key, never(t)); err == nil {
		t.Error("released what is held")
	}
	p.kill()
	var n note
	e, _, err := Take(key, false, func(e *Entry) error { return e.Decode(&n) }, remember("x"))
	if err != nil || n.Text != "alone" {
		t.Fatalf("%v, %+v", err, n)
	}
	if err := e.Finish(func(*Entry) error { return nil }); err != nil || entries(t) != 0 {
		t.Errorf("%v, %d entries", err, entries(t))
	}
}

// Of those who share an entry the last one puts back, whichever that is.
func TestShared(t *testing.T) {
	fresh(t)
	a, says := start(t, "share")
	if says != "ready false" {
		t.Fatal(says)
	}
	b, says := start(t, "share")
	if says != "ready true" {
		t.Fatal(says)
	}
	e, joined, err := Take(key, true, never(t), remember("mine"))
	if err != nil || !joined {
		t.Fatal(err, joined)
	}
	a.end()
	if says := a.says(); says != "" {
		t.Errorf("the first of three says %q", says)
	}
	b.kill()
	var n note
	if err := e.Finish(func(e *Entry) error { return e.Decode(&n) }); err != nil || n.Text != "share" || entries(t) != 0 {
		t.Errorf("%v, %+v, %d entries", err, n, entries(t))
	}
	_ = a.Wait()
}

// Entries of another boot and what a killed process was writing go away.
func TestSweep(t *testing.T) {
	dir := fresh(t)
	for _, name := range []string{"00000000-0000-0000-0000-000000000000.c1.2.qdisc", temporary + "1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Recover(never(t)); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 || list[0].Name() != "lock" {
		t.Errorf("left %v, %v", list, err)
	}
}

func TestUnreadable(t *testing.T) {
	dir := fresh(t)
	d, err := directory()
	if err != nil {
		t.Fatal(err)
	}
	path, err := d.path(key)
	if err != nil || filepath.Dir(path) != dir {
		t.Fatal(path, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Recover(never(t)); err == nil || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	if _, err := d.path(Key{Netns: "../x", What: "y"}); err == nil {
		t.Error("a key that leads elsewhere")
	}
}

func TestPlace(t *testing.T) {
	t.Setenv("RINGWALK_RUN", "/proc/nowhere")
	if _, _, err := Take(key, false, never(t), remember("x")); err == nil {
		t.Error("took an entry in /proc")
	}
	if os.Geteuid() != 0 {
		t.Setenv("RINGWALK_RUN", "")
		dir := t.TempDir()
		t.Setenv("XDG_RUNTIME_DIR", dir)
		if name, err := place(); err != nil || name != filepath.Join(dir, "ringwalk") {
			t.Error(name, err)
		}
		t.Setenv("XDG_RUNTIME_DIR", "")
		if _, err := os.Stat(fmt.Sprintf("/run/user/%d", os.Geteuid())); err == nil {
			return // that is it, then
		}
		if err := Recover(never(t)); err != nil {
			t.Error(err)
		}
		if _, err := place(); err == nil || !strings.Contains(err.Error(), "set RINGWALK_RUN or XDG_RUNTIME_DIR") {
			t.Error(err)
		}
	}
}
