package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// helperEnv makes the test binary play a program, because a second signal
// ends the process.
const helperEnv = "RINGWALK_CLI_TEST_HELPER"

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		os.Exit(helper(mode))
	}
	os.Exit(m.Run())
}

func helper(mode string) int {
	if mode == "nohup" {
		signal.Ignore(syscall.SIGHUP)
	}
	ctx, stop := Signals(context.Background())
	if mode == "stopped" {
		stop()
		stop() // twice does no harm
		fmt.Println("ready")
		time.Sleep(10 * time.Second)
		return 0
	}
	fmt.Println("ready")
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		return 99
	}
	fmt.Println(context.Cause(ctx))
	if !errors.Is(context.Cause(ctx), context.Canceled) {
		return 98
	}
	if mode == "hang" {
		time.Sleep(10 * time.Second)
		return 97
	}
	return 0
}

func TestSignals(t *testing.T) {
	const byINT, byTERM = "interrupted\n", "stopped by terminated\n"
	const byHUP = "stopped by hangup\n"
	for _, c := range []struct {
		mode    string
		signals []syscall.Signal
		out     []string // the line after each signal; "" for none
		status  int      // as a shell would see it: 128+n for death by signal n
	}{
		{"orderly", []syscall.Signal{syscall.SIGINT}, []string{byINT}, 0},
		{"orderly", []syscall.Signal{syscall.SIGTERM}, []string{byTERM}, 0},
		{"orderly", []syscall.Signal{syscall.SIGHUP}, []string{byHUP}, 0},
		{"nohup", []syscall.Signal{syscall.SIGHUP, syscall.SIGINT}, []string{"", byINT}, 0},
		{"hang", []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, []string{byINT, ""}, ExitInterrupted},
		{"hang", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, []string{byTERM, ""}, ExitInterrupted},
		{"hang", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, []string{byINT, ""}, ExitInterrupted},
		{"stopped", []syscall.Signal{syscall.SIGTERM}, []string{""}, 128 + int(syscall.SIGTERM)},
	} {
		t.Run(fmt.Sprint(c.mode, c.signals), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), helperEnv+"="+c.mode)
			pipe, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(pipe)
			if line, _ := out.ReadString('\n'); line != "ready\n" {
				t.Fatalf("helper says %q", line)
			}
			for i, s := range c.signals {
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				if c.out[i] == "" {
					continue
				}
				if line, _ := out.ReadString('\n'); line != c.out[i] {
					t.Fatalf("after %v the helper says %q, want %q", s, line, c.out[i])
				}
			}
			if rest, _ := io.ReadAll(out); len(rest) > 0 {
				t.Errorf("helper also says %q", rest)
			}
			cmd.Wait()
			status := cmd.ProcessState.ExitCode()
			if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
				status = 128 + int(ws.Signal())
			}
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
		})
	}
}

func TestSignalsParent(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	ctx, stop := Signals(parent)
	defer stop()
	cancel()
	<-ctx.Done()
}
