package remote

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// commands are those of processes, without the path.
func commands(list []Process) string {
	var names []string
	for _, p := range list {
		names = append(names, filepath.Base(strings.Join(strings.Fields(p.Command)[:1], ""))+" "+strings.Join(strings.Fields(p.Command)[1:], " "))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// nothing checks that the host is as it was.
func (w *work) nothing(t *testing.T) {
	t.Helper()
	within(t, 5*time.Second, "without any process", func() bool { return len(w.s.Processes()) == 0 })
	if left := tree(w.s.Home) + " " + tree(w.s.Tmp); strings.Contains(left, "ringwalk") {
		t.Errorf("left behind: %s", left)
	}
}

// TestCleanAfterCrash: after a kill -9 nothing is left, but what runs over our
// own connection.
func TestCleanAfterCrash(t *testing.T) {
	w := newWork(t)
	w.controller(t).Process.Kill()
	began := time.Now()
	c, err := w.h.Clean(t.Context(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	name := filepath.Base(w.h.path)
	token := w.token + "-controlled"
	// The child may have ended before.
	if got := strings.Replace(commands(c.Ended), "play-sleep "+token+", ", "", 1); got != name+" supervise, play-stay "+token {
		t.Errorf("ended: %q", got)
	}
	if len(c.Running)+len(c.Kept) != 0 || len(c.Removed) != 0 || took > 4*time.Second {
		t.Errorf("%+v after %v", c, took)
	}
	if n := len(processes(w.token)); n != 2 {
		t.Errorf("%d processes of ours run, want 2", n)
	}
	w.h.Close()
	w.nothing(t)
}

// TestCleanBeside: a run that goes on is left alone and named, unless force is
// used.
func TestCleanBeside(t *testing.T) {
	w := newWork(t)
	w.h.Close()
	w.isGone(t, 5*time.Second)
	other := w.l.mustDial(Target{Host: w.s.Address}, w.c)
	mark := filepath.Join(w.s.Home, "mark")
	wait := starts(t, other, t.Context(), "play-orderly", mark)
	h := w.l.mustDial(Target{Host: w.s.Address}, w.c)
	began := time.Now()
	var patience time.Duration
	c, err := h.Clean(t.Context(), false, func(d time.Duration) { patience = d })
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < w.c.Silence+grace || took > w.c.Silence+grace+4*time.Second {
		t.Errorf("it took %v", took)
	}
	if patience != w.c.Silence+w.c.Grace+time.Second {
		t.Errorf("it was to wait for %v", patience)
	}
	want := filepath.Base(h.path) + " supervise, play-orderly " + mark
	if got := commands(c.Running); got != want || len(c.Ended)+len(c.Removed) != 0 {
		t.Errorf("running: %q, want %q; %+v", got, want, c)
	}
	for _, p := range c.Running {
		if age := time.Since(p.Since); p.From != "10.9.1.1" || age < 0 || age > time.Minute || p.PID == 0 {
			t.Errorf("%+v", p)
		}
	}
	if len(c.Kept) != 1 || c.Kept[0].Path != h.path || !strings.HasSuffix(c.Kept[0].Why, " runs from it") {
		t.Errorf("kept: %+v", c.Kept)
	}
	if _, _, status, err := launch(t, other, t.Context(), "play-exit", "3"); status != 3 || err != nil {
		t.Errorf("the other run goes on with status %d, %v", status, err)
	}

	c, err = h.Clean(t.Context(), true, nil)
	if got := commands(c.Ended); err != nil || got != want || len(c.Running)+len(c.Kept) != 0 || len(c.Removed) != 2 {
		t.Errorf("by force %+v, %v", c, err)
	}
	if text, err := os.ReadFile(mark); err != nil || string(text) != "put back" {
		t.Errorf("it could not put things back: %q, %v", text, err)
	}
	if status, err := wait(); err != nil || status != 0 {
		t.Errorf("the other controller is told: status %d, %v", status, err)
	}
	h.Close()
	other.Close()
	w.nothing(t)
}

// TestCleanStuck: a supervisor that does nothing is reported, and force ends it
// and its program.
func TestCleanStuck(t *testing.T) {
	w := newWork(t)
	w.h.Close()
	w.isGone(t, 5*time.Second)
	controller := w.controller(t)
	for _, p := range w.s.Processes() {
		if slices.Contains(p.Args, "supervise") {
			syscall.Kill(p.PID, syscall.SIGSTOP)
		}
	}
	controller.Process.Kill()
	h := w.l.mustDial(Target{Host: w.s.Address}, w.c)
	c, err := h.Clean(t.Context(), false, nil)
	if err != nil || len(c.Running) != 3 || len(c.Kept) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = h.Clean(t.Context(), true, nil)
	if err != nil || len(c.Ended) != 3 || len(c.Running)+len(c.Kept) != 0 {
		t.Errorf("by force %+v, %v", c, err)
	}
	h.Close()
	w.nothing(t)
}

// TestCleanFiles: which files are removed and which are not.
func TestCleanFiles(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.Serve("a", `
mkdir "$HOME/own" "$HOME/else"
mount -t tmpfs tmpfs "$HOME/own"
ln -s "$HOME/else" "$TMPDIR/ringwalk-0"
`)
	c := l.config(s)
	c.CacheDir = filepath.Join(s.Home, "own")
	h := l.mustDial(Target{Host: s.Address}, c)
	const older = "hw-test-0123456789abcdef"
	cache, own := filepath.Join(s.Home, ".cache/ringwalk"), filepath.Dir(h.path)
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, s.Path(filepath.Join(own, older)), "")
	// One that is being written, and two of processes that do not: .new-1 would
	// be sshd's.
	go h.script(t.Context(), `: >"$1/.new-$$"; sleep 60;`, nil, cache)
	var written []string
	within(t, 10*time.Second, "a file is being written", func() bool {
		written, _ = filepath.Glob(filepath.Join(cache, ".new-*"))
		return len(written) == 1
	})
	for _, name := range []string{older, "hw-test-notes", ".new-1", ".new-999999999"} {
		write(t, filepath.Join(cache, name), "")
	}
	write(t, filepath.Join(s.Home, "else", older), "behind a symbolic link")

	// What cannot be removed is an error, and keeps nothing else.
	remount := func(how string) {
		t.Helper()
		lines, err := h.script(t.Context(), `mount -o remount,"$1" "$2" 2>&1 && echo done;`, nil, how, c.CacheDir)
		if err != nil || lines[0] != "done" {
			t.Fatal(lines, err)
		}
	}
	remount("ro")
	got, err := h.Clean(t.Context(), false, nil)
	wants(t, err, "clean root@10.9.1.2: remove "+filepath.Join(own, older)+": read-only file system: it stays until that is mounted")
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("%v is not EROFS", err)
	}
	want := []string{filepath.Join(cache, ".new-1"), filepath.Join(cache, ".new-999999999"), filepath.Join(cache, older)}
	if !slices.Equal(got.Removed, want) || len(got.Kept) != 1 || got.Kept[0].Path != written[0] || !strings.HasPrefix(got.Kept[0].Why, "it is being written, by process ") {
		t.Errorf("%+v, want %v to be removed", got, want)
	}
	remount("rw")
	got, err = h.Clean(t.Context(), false, nil)
	want = []string{filepath.Join(own, older), own} // and ours, which was not there
	slices.Sort(got.Removed)
	slices.Sort(want)
	if err != nil || !slices.Equal(got.Removed, want) {
		t.Errorf("%+v, %v, want %v to be removed", got, err, want)
	}
	if text, err := os.ReadFile(filepath.Join(s.Home, "else", older)); err != nil || len(text) == 0 {
		t.Errorf("it has followed a symbolic link: %v", err)
	}

	// Now it cannot be started any more.
	_, err = h.Clean(t.Context(), false, nil)
	wants(t, err, "clean root@10.9.1.2: start hw-test on root@10.9.1.2", h.path)
	h = l.mustDial(Target{Host: s.Address}, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Clean(ctx, false, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	h.Close()
	if _, err := h.Clean(t.Context(), false, nil); err == nil {
		t.Error("a closed one was cleaned")
	}
}
