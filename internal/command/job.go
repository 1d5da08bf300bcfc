package command

import (
	"context"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/metrics"
)

// A Job is what a program does between opening its port and its exit status.
type Job struct {
	// Run blocks until all is done or its context ends.
	Run func(context.Context) error
	// Close releases what Run used, after it and before the last Result.
	Close func() error
	// Result is the run until now. It is called from any goroutine.
	Result func() cli.Result
	// Interval is Result for the line of an interval, if that has more in it;
	// it is called from one goroutine at a time.
	Interval func() cli.Result
	// Judge says in what the result is short of what was asked, nil if in
	// nothing. It is not asked after a failure.
	Judge func(*cli.Result) error
	// Count is how many packets end the run, for the display; 0: no limit.
	Count uint64
}

// listen opens the server that --metrics asks for, nil if it does not.
func (c *Common) listen() (*metrics.Server, error) {
	if c.MetricsAddr == "" {
		return nil, nil
	}
	return metrics.Listen(c.MetricsAddr)
}

// Do runs the job with its lines, display and metrics, reports, and returns
// the exit status.
func (p *Port) Do(ctx context.Context, j *Job) int {
	c, rep := p.common, p.rep
	rep.Goal = cli.Goal{Packets: j.Count, Duration: c.Duration}
	if p.metrics != nil {
		p.metrics.Serve(j.Result)
		rep.Note("metrics at http://%s/metrics", p.metrics.Addr())
	}
	interval := j.Interval
	if interval == nil {
		interval = j.Result
	}
	var jsonErr error
	quiet := every(c.Interval, func() {
		if err := rep.Interval(interval()); err != nil {
			jsonErr = err
		}
	})
	runErr := j.Run(ctx)
	quiet()
	if err := j.Close(); err != nil && runErr == nil {
		runErr = err
	}
	res := j.Result()
	var short error
	if runErr == nil {
		short = j.Judge(&res)
	}
	return finish(rep, &res, runErr, short, jsonErr)
}

// every calls f each interval from a goroutine of its own, until stop, which
// returns when no call is under way.
func every(interval time.Duration, f func()) (stop func()) {
	if interval <= 0 {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(interval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}
