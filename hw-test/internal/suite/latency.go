package suite

import (
	"context"
	"errors"
	"io"
	"time"
)

// LatencyPoint is the delay at one load.
type LatencyPoint struct{}

func latency(context.Context, *job, *Row) error { return errors.New("not yet") }

func (b *job) planLatency(*Row, time.Duration) []step { return nil }

func (b *job) printLatency(io.Writer) {}
