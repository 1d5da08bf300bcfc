package pktgen

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/pktgen/gen"
)

// replay is the flags about sending a capture file.
type replay struct {
	file   string
	speed  speed
	loops  uint64
	maxGap time.Duration
	strict bool
	maps   maps
}

func (r *replay) register(fs *pflag.FlagSet) {
	r.speed = 1
	fs.StringVarP(&r.file, "replay", "P", "", "send the frames of this capture `file` (pcap, pcapng, /dev/stdin) as they are, with the times between them as captured; -R sends them at a rate instead, -S and -D set their MAC addresses; once, or with -n or --duration until that ends it; threads split it by flow")
	fs.Var(&r.speed, "replay-speed", "replay this `factor` times as fast, or as fast as it goes: top")
	fs.Var(cli.CountValue(&r.loops), "loops", "replay the file this many times")
	fs.Var(cli.DurationValue(&r.maxGap, time.Second), "max-gap", "shorten longer times between replayed frames to this `time`")
	fs.BoolVar(&r.strict, "strict", false, "a frame that cannot be replayed (truncated, too long or short, of another link type) is an error; without it they are passed over and counted")
	fs.Var(&r.maps, "map-ip", "move addresses of replayed frames, source and destination alike: `FROM=TO`, as in 10.0.0.0/8=192.168.0.0/16; several times or with commas: the first that fits")
}

// config sets the replay, if one is asked for. flags are those that were given.
func (r *replay) config(c *gen.Config, flags *pflag.FlagSet) error {
	if r.file == "" {
		for _, name := range []string{"replay-speed", "loops", "max-gap", "strict", "map-ip"} {
			if flags.Changed(name) {
				return cli.Usagef("--%s is about a capture file: say which with -P", name)
			}
		}
		return nil
	}
	for _, name := range []string{
		"length", "src", "dst", "stream", "ipv4", "ipv6", "random-src", "random-dst", "flows",
		"frame", "fields", "packet", "payload", "rubbish", "dump",
	} {
		if flags.Changed(name) {
			return cli.Usagef("--%s does not go with -P: frames of a capture file are sent as they are (-S, -D and --map-ip change addresses)", name)
		}
	}
	if c.Rate > 0 && flags.Changed("replay-speed") {
		return cli.Usagef("--replay-speed is about the captured times: it does not go with -R or --bursts, which replace them")
	}
	c.Replay = &gen.Replay{File: r.file, Speed: float64(r.speed), Loops: r.loops, MaxGap: r.maxGap, Strict: r.strict}
	for _, m := range r.maps {
		c.Replay.Map = append(c.Replay.Map, gen.PrefixMap(m))
	}
	return nil
}

// fillReplay puts what became of the file into a result.
func fillReplay(r *cli.Result, file string, s *gen.Snapshot) {
	if p := s.Replay; p != nil {
		r.Replay = &cli.Replay{
			File: file, Loops: p.Loops, AskedSeconds: p.Schedule.Seconds(), Frames: p.Frames, Complete: p.Complete,
			Truncated: p.Truncated, TooLong: p.TooLong, TooShort: p.TooShort, OtherLink: p.OtherLink,
		}
	}
}

// short says in what a replay is short of what was asked, "" if in nothing.
func (r *replay) short(res *cli.Result, why string, bestEffort bool) string {
	p := res.Replay
	_, rated := rates(res)
	switch {
	case p == nil:
	case !p.Complete && (r.loops > 0 || res.Requested > 0 || res.Options["duration"] == ""):
		return fmt.Sprintf("the replay ended after %d frames, %d times to the file's end (%s)", p.Frames, p.Loops, why)
	case p.Complete && !bestEffort && rated == 0 && p.AskedSeconds >= briefest.Seconds() && res.Seconds > 1.01*p.AskedSeconds:
		return fmt.Sprintf("the replay took %.3f s, and by the times in the file it takes %.3f s", res.Seconds, p.AskedSeconds)
	}
	return ""
}

// Queues is one for a replay, unless said otherwise: order is worth more than
// speed.
func (o *options) Queues() int {
	if o.replay.file != "" && o.Threads == 0 {
		return 1
	}
	return o.Common.Queues()
}

// speed is a factor, or top for +Inf.
type speed float64

func (v *speed) Set(s string) error {
	if s == "top" {
		*v = speed(math.Inf(1))
		return nil
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || !(f > 0) || math.IsInf(f, 0) {
		return fmt.Errorf("speed %q is no factor above zero; write 2, 0.5 or top", s)
	}
	*v = speed(f)
	return nil
}

func (v *speed) String() string {
	if math.IsInf(float64(*v), 1) {
		return "top"
	}
	return strconv.FormatFloat(float64(*v), 'g', -1, 64)
}

func (v *speed) Type() string { return "factor" }

// maps is a flag that may come several times.
type maps []frame.PrefixMap

func (m *maps) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		p, err := frame.ParsePrefixMap(part)
		if err != nil {
			return err
		}
		*m = append(*m, p)
	}
	return nil
}

func (m *maps) String() string {
	var parts []string
	for _, p := range *m {
		parts = append(parts, p.From.String()+"="+p.To.String())
	}
	return strings.Join(parts, ",")
}

func (m *maps) Type() string { return "FROM=TO" }
