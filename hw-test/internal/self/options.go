package self

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/place"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Options select what the self-test runs. The zero value is not valid; Flags
// sets the defaults.
type Options struct {
	Sizes  string        // frame lengths without CRC, in bytes, comma-separated
	Queues string        // numbers of queues, comma-separated
	Send   time.Duration // how long each row sends
	Rung   string        // "auto" or one of the rungs
	JSON   bool          // a Report on standard output, the table on standard error

	Where        place.Where
	Session      session.Options
	List, DryRun bool

	// CheckRights does nothing but tell whether namespaces can be made. The
	// ladder asks this of itself, started in a user namespace.
	CheckRights bool

	inside bool // a user namespace made for it
}

// Flags adds the self-test's flags to a flag set.
func (o *Options) Flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Sizes, "sizes", "60,128,512,1514", "frame `lengths` without CRC in bytes, 60 to 1514")
	fs.StringVar(&o.Queues, "queues", "1,2", "`numbers` of queues of both programs, 1 to 16")
	o.Send = time.Second
	fs.Var(cli.DurationValue(&o.Send, time.Second), "seconds", "how long each row sends, 0.1 to 60 seconds")
	fs.StringVar(&o.Rung, "rung", auto, "`where` to run: root, userns, udp; auto: the first that works")
	o.Where.Flags(fs)
	fs.BoolVar(&o.List, "list", false, "print the rows and do nothing")
	fs.BoolVar(&o.DryRun, "dry-run", false, "print the rows with what they send and how long that takes, and do nothing")
	fs.BoolVar(&o.JSON, "json", false, "one JSON object on standard output at the end, the table on standard error")
	o.Session.Flags(fs)
	fs.BoolVar(&o.CheckRights, "check-rights", false, "tell whether network namespaces can be made here, and do nothing else")
	_ = fs.MarkHidden("check-rights") // fails for unknown names only
	bench.Flags(fs, &o.inside)
}

// rows makes the table's rows without their results.
func (o *Options) rows() ([]*Row, error) {
	sizes, err := list("--sizes", o.Sizes, 60, 1514)
	if err != nil {
		return nil, err
	}
	queues, err := list("--queues", o.Queues, 1, 16)
	if err != nil {
		return nil, err
	}
	if o.Send < time.Second/10 || o.Send > time.Minute {
		return nil, cli.Usagef("--seconds: %v is not from 0.1 to 60 seconds", o.Send)
	}
	if !slices.Contains([]string{auto, string(Root), string(UserNS), string(UDP)}, o.Rung) {
		return nil, cli.Usagef("--rung: %q is none of auto, root, userns and udp", o.Rung)
	}
	var rows []*Row
	for _, size := range sizes {
		for _, q := range queues {
			for _, pace := range []Pace{Paced, Full} {
				rows = append(rows, &Row{
					index: len(rows), Size: size, Queues: q, Pace: pace,
					Verdict: results.Unfinished, Why: []string{notBegun},
				})
			}
		}
	}
	return rows, nil
}

func list(flag, s string, least, most int) ([]int, error) {
	var l []int
	for _, part := range strings.Split(s, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < least || n > most {
			return nil, cli.Usagef("%s: %q is not a number from %d to %d", flag, part, least, most)
		}
		if slices.Contains(l, n) {
			return nil, cli.Usagef("%s: %d is there twice", flag, n)
		}
		l = append(l, n)
	}
	return l, nil
}

// runner makes the self-test where the flags say.
func (o *Options) runner(fs *pflag.FlagSet) (*runner, error) {
	given, err := o.Where.Given(fs, "the self-test", "self")
	switch {
	case err != nil:
		return nil, err
	case !given:
		return newRunner(o)
	}
	for _, flag := range []string{"rung", "queues"} {
		if fs.Changed(flag) {
			return nil, cli.Usagef("--%s is of what hw-test makes itself, and these are ports that are there", flag)
		}
	}
	return newOver(o, &o.Where, 0)
}
