package pktgen

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/pktgen/gen"
)

// burn is the hidden flag that makes pktgen slower by a known CPU time per
// frame: to see whether who measures pktgen notices. The generator knows nothing
// of it.
type burn struct{ each time.Duration }

func (b *burn) register(fs *pflag.FlagSet) {
	fs.Var(cli.DurationValue(&b.each, time.Second), "burn", "use this much more CPU `time` for each frame, in the thread that sends it")
	_ = fs.MarkHidden("burn") // fails for unknown names only
}

func (b *burn) config(c *gen.Config) {
	if b.each > 0 {
		c.Wrap = func(s engine.Stage) engine.Stage { return &burner{stage: s, each: int64(b.each)} }
	}
}

const (
	// lump is the CPU time, ns, that is burnt at a time, at least: so much that
	// reading the clock is nothing against it.
	lump = 10e3
	// stolen is a step of the clock, ns, that is not of this thread's work: it
	// did not have the processor.
	stolen = 5e3
)

// A burner is a stage that takes longer.
type burner struct {
	stage engine.Stage
	each  int64 // ns for each packet
	owed  int64 // ns; below zero, what was too much
}

// Process is the stage's, and then what its packets cost.
func (b *burner) Process(in, out []*netmap.Ring, clk *engine.Clock) (int, bool, error) {
	n, done, err := b.stage.Process(in, out, clk)
	if b.owed += int64(n) * b.each; b.owed < lump {
		return n, done, err
	}
	for last := engine.Monotonic(); b.owed > 0; {
		now := engine.Monotonic()
		if now-last < stolen {
			b.owed -= now - last
		}
		last = now
	}
	return n, done, err
}
