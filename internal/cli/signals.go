package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// stopped is the cause of a context that a signal has cancelled.
type stopped struct{ os.Signal }

func (s stopped) Error() string {
	if s.Signal == os.Interrupt {
		return "interrupted"
	}
	return fmt.Sprintf("stopped by %v", s.Signal)
}

func (stopped) Unwrap() error { return context.Canceled }

// Signals gives a context that the first SIGINT, SIGTERM or SIGHUP cancels,
// so that the program ends in order, puts back what it changed and reports;
// context.Cause names the signal. A second signal ends the process at once
// with ExitInterrupted: whoever presses ^C twice does not want to wait.
// A SIGHUP that the process was started to ignore (nohup) stays ignored.
//
// stop ends the watch and restores the signals' default; call it when the
// orderly part is over. Signals starts one goroutine, which stop ends.
func Signals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		// A shell starts background jobs with SIGINT ignored; who sends it to one
		// means it.
		if s != syscall.SIGHUP || !signal.Ignored(s) {
			signal.Notify(ch, s)
		}
	}
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case s := <-ch:
				if !first {
					os.Exit(ExitInterrupted)
				}
				cancel(stopped{s})
			case <-done:
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(ch)
		close(done)
		cancel(nil)
	})
}
