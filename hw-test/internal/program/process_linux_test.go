package program

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// Programs that this test binary is, by the name that Process starts it by.
var plays = map[string]func(args []string){
	// It goes on until SIGTERM, and then has a result.
	"play-orderly": func([]string) {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, "play-orderly: ready: says a test")
		<-term
		time.Sleep(50 * time.Millisecond)
		fmt.Println(`{"packets": 7}`)
	},
	"play-short": func([]string) {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, "play-short: ready: says a test")
		<-term
		fmt.Println(`{"packets": 6, "errors": ["one is missing"]}`)
		os.Exit(3)
	},
	"play-stay": func([]string) {
		signal.Ignore(syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, "play-stay: ready: says a test")
		time.Sleep(time.Hour)
	},
	"play-killed": func([]string) {
		fmt.Fprintln(os.Stderr, "play-killed: ready: says a test")
		time.Sleep(time.Hour)
	},
}

func TestMain(m *testing.M) {
	if play := plays[os.Args[0]]; play != nil {
		play(os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Stop ends a program in order and has its result; the end of the context ends
// it as well, and what it then says counts for nothing.
func TestStop(t *testing.T) {
	launch := Process((*exec.Cmd).Start)
	for name, c := range map[string]struct {
		failure string
		packets uint64
	}{
		"play-orderly": {"", 7},
		"play-short":   {"ended with status 3: one is missing", 6},
		"play-stay":    {ErrHangs.Error(), 0},
		"play-killed":  {ErrHangs.Error(), 0}, // before it could be in order
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Start(t.Context(), launch, name, nil)
			if !p.IsReady() || p.HasEnded() {
				t.Fatalf("%+v", p.Wait())
			}
			o := p.Stop()
			if o.Failure != c.failure || (o.Result != nil) != (c.packets > 0) || o.Result != nil && o.Result.Packets != c.packets {
				t.Errorf("stopped: %+v", o)
			}
			if again := p.Stop(); again != o {
				t.Errorf("stopped again: %+v", again)
			}
			ctx, cancel := context.WithCancel(t.Context())
			p = Start(ctx, launch, name, nil)
			if !p.IsReady() {
				t.Fatalf("%+v", p.Wait())
			}
			cancel()
			if o := p.Wait(); o.Failure != ErrHangs.Error() || o.Result != nil {
				t.Errorf("its context ended: %+v", o)
			}
		})
	}
}

// One that somebody else ends has not been stopped.
func TestEndedBySomethingElse(t *testing.T) {
	var pid int
	p := Start(t.Context(), Process(func(cmd *exec.Cmd) error {
		err := cmd.Start()
		if err == nil {
			pid = cmd.Process.Pid
		}
		return err
	}), "play-stay", nil)
	if !p.IsReady() {
		t.Fatal(p.Wait())
	}
	syscall.Kill(pid, syscall.SIGKILL)
	if o := p.Wait(); o.Failure != "was ended by something else (signal: killed)" {
		t.Errorf("%+v", o)
	}
}
