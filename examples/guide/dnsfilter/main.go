// Dnsfilter joins two ports and drops UDP to and from port 53 on the way: what
// docs/dataplane.md builds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/engine"
)

var workers = flag.Int("workers", 1, "run `N` threads, each with a queue of either port")

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: dnsfilter [-workers N] PORT PORT")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 || *workers < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Args(), *workers, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dnsfilter:", err)
		os.Exit(1)
	}
}

//docs:begin run

// run filters between two ports with n workers until ctx ends.
func run(ctx context.Context, specs []string, n int, out io.Writer) error {
	ports, err := engine.OpenAll(specs, &engine.Config{RX: n, TX: n, Promisc: true, DropTooLong: true})
	if err != nil {
		return err
	}
	for _, p := range ports {
		for _, note := range p.Info().Notes {
			fmt.Fprintln(out, note)
		}
	}
	a, b := ports[0], ports[1]
	filters := make([]*filter, n)
	list := make([]engine.Worker, n)
	for i := range list {
		filters[i] = &filter{}
		list[i] = engine.Worker{
			In:    []engine.RxQueue{a.RX()[i], b.RX()[i]},
			Out:   []engine.TxQueue{b.TX()[i], a.TX()[i]},
			Stage: filters[i],
		}
	}
	fmt.Fprintln(out, "running; ^C ends it")
	err = together(ctx, list)
	return errors.Join(err, end(out, ports, filters))
}

//docs:end

//docs:begin together

// together runs the workers until ctx ends or one of them fails, and returns
// when all have ended.
func together(ctx context.Context, list []engine.Worker) error {
	// A thread that waits for packets must not keep the others waiting.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), len(list)+1))
	each, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() {
			defer cancel()
			if err := list[i].Run(each); each.Err() == nil {
				errs[i] = err
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

//docs:end

//docs:begin end

// end has what is in the transmit rings leave, says what became of all, and
// closes. It comes when no worker runs any more.
func end(out io.Writer, ports []*engine.Port, filters []*filter) (err error) {
	for i, p := range ports {
		left, drainErr := p.Drain(time.Second)
		var dropped uint64
		for _, f := range filters {
			dropped += f.dropped[i].Load()
		}
		rx, tx := p.Stats()
		fmt.Fprintf(out, "%s: received %d, %d of them DNS and dropped; %d dropped by the kernel; sent %d, %d did not leave\n",
			p.Info().Spec, rx.Packets, dropped, rx.KernelDrops, tx.Packets, left)
		err = errors.Join(err, drainErr, p.Close())
	}
	return err
}

//docs:end
