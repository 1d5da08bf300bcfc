package vm

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runHere runs a script by the guest's runner, but on this machine.
func runHere(t *testing.T, script string) (status int, stdout, stderr string) {
	t.Helper()
	jobs, err := parseScript(script)
	if err != nil {
		t.Fatal(err)
	}
	var texts [2]bytes.Buffer
	var ends [2]*os.File
	done := make(chan struct{}, 2)
	for i := range ends {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = w
		go func() {
			_, _ = io.Copy(&texts[i], r)
			r.Close()
			done <- struct{}{}
		}()
	}
	r := &runner{stdout: ends[0], stderr: ends[1], running: newRunning()}
	status = r.run(jobs)
	r.background.Wait()
	for _, w := range ends {
		w.Close()
	}
	<-done
	<-done
	return status, texts[0].String(), texts[1].String()
}

func TestRunner(t *testing.T) {
	for _, c := range []struct {
		script string
		status int
		stdout string
	}{
		{"echo a  'b  c' && echo", 0, "a b  c\n\n"},
		{"sh -c 'exit 3'", 3, ""},
		{"sh -c 'exit 3' && echo no", 3, ""},
		{"sh -c 'exit 3' || echo yes", 0, "yes\n"},
		{"true && false || echo yes && echo too", 0, "yes\ntoo\n"},
		{"true || echo no && echo yes", 0, "yes\n"},
		{"false; echo yes", 0, "yes\n"},
		{"echo yes; false", 1, "yes\n"},
		{"sh -c 'kill -9 $$'", 128 + 9, ""},
		{"nosuchprogram", 127, ""},
		{"/nonexistent/x", 127, ""},
		{"/etc/passwd", 126, ""},
		{"exit", 0, ""},
		{"exit 7 || echo no; echo no", 7, ""},
		{"exit x", 2, ""},
		{"exit 256", 2, ""},
		{"false &", 0, ""},
		{"sleep 0.2 && echo late & echo first; wait; echo end", 0, "first\nlate\nend\n"},
		{"true & sh -c 'exit 5' & sh -c 'exit 6' & wait", 5, ""},
		{"sh -c 'exit 5' & wait; wait", 0, ""},
		{"exit 5 & wait || echo yes", 0, "yes\n"},
		{"exists / /etc/passwd", 0, ""},
		{"exists / /nonexistent", 1, ""},
		{"sleep x", 2, ""},
		{"sleep", 2, ""},
		{"cat", 2, ""},
		{"cat /nonexistent", 1, ""},
		{"link sideways lo", 2, ""},
		{"link up nosuchdevice", 1, ""},
		{"write x", 2, ""},
		{"dmesg now", 2, ""},
	} {
		status, stdout, stderr := runHere(t, c.script)
		if status != c.status || stdout != c.stdout {
			t.Errorf("%s: status %d, output %q, want %d, %q", c.script, status, stdout, c.status, c.stdout)
		}
		// It always says why it failed, unless the program should.
		silent := strings.Contains(c.script, "sh -c") || strings.Contains(c.script, "false") || strings.HasPrefix(c.script, "exists") || strings.HasPrefix(c.script, "exit 7")
		if (stderr == "") != (status == 0 || silent) && !silent {
			t.Errorf("%s: status %d, error output %q", c.script, status, stderr)
		}
	}
}

func TestRunnerFiles(t *testing.T) {
	f := filepath.Join(t.TempDir(), "f")
	if status, _, stderr := runHere(t, "write "+f+" 1"); status != 1 || !strings.Contains(stderr, f) {
		t.Errorf("writing into nothing: status %d, %q", status, stderr)
	}
	put(t, f, []byte("a long text"))
	if status, stdout, _ := runHere(t, "write "+f+" 'x y' && cat "+f+" "+f); status != 0 || stdout != "x yx y" {
		t.Errorf("status %d, %q", status, stdout)
	}
}

// TestRunnerBackground holds that the line does not wait for the background.
func TestRunnerBackground(t *testing.T) {
	jobs, err := parseScript("sleep 30 & exit 4")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if status := (&runner{stdout: os.Stdout, stderr: os.Stderr, running: newRunning()}).run(jobs); status != 4 || time.Since(begin) > 10*time.Second {
		t.Errorf("status %d after %v", status, time.Since(begin))
	}
}

// TestInterrupt: an interrupt ends what runs, and nothing begins after it.
func TestInterrupt(t *testing.T) {
	r := &runner{stdout: os.Stdout, stderr: os.Stderr, running: newRunning()}
	jobs, err := parseScript("/bin/sleep 100 & /bin/sleep 100 ; /bin/sleep 100 && wait")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, r.running.interrupt)
	began := time.Now()
	if status := r.run(jobs); status != statusCannotStart || time.Since(began) > 50*time.Second {
		t.Errorf("status %d after %v", status, time.Since(began))
	}
	if status := r.wait(nil); status != statusSignal+int(syscall.SIGINT) {
		t.Errorf("in the background: status %d", status)
	}
}
