package pktgen

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/pktgen/gen"
)

// pace is the flags about how fast to send.
type pace struct {
	rate   cli.Rate
	gaps   string
	bursts bursts
}

func (p *pace) register(fs *pflag.FlagSet) {
	fs.VarP(cli.RateValue(&p.rate), "rate", "R", "frames a second of all threads together (100000, 14.88M), or bits of frames a second (5Gbps; 5Gbps-wire with CRC, preamble and gap), or percent of the link's speed (50%, of wire bits); default: as fast as it goes")
	fs.StringVar(&p.gaps, "gaps", "constant", "between paced frames: the `kind` constant, or poisson for exponentially distributed ones")
	fs.Var(&p.bursts, "bursts", "send `K/T`: K frames at once each time T, as in 64/1ms; threads take turns; instead of -R")
}

// config sets the pacing, but for a share of a link's speed, which takes an
// open port.
func (p *pace) config(c *gen.Config) error {
	switch p.gaps {
	case "constant":
	case "poisson":
		c.Gaps = gen.Poisson
	default:
		return cli.Usagef("--gaps: %q is neither constant nor poisson", p.gaps)
	}
	rated := p.rate.Value > 0
	switch {
	case p.bursts.frames > 0 && rated:
		return cli.Usagef("--bursts says the rate, too: it does not go with -R")
	case p.bursts.frames > 0 && c.Gaps != gen.Constant:
		return cli.Usagef("--bursts come at fixed times: they do not go with --gaps %s", p.gaps)
	case c.Gaps != gen.Constant && !rated:
		return cli.Usagef("--gaps %s needs a rate (-R) that the gaps are about", p.gaps)
	case p.bursts.frames > 0:
		c.BurstSize, c.Rate = int(p.bursts.frames), p.bursts.rate()
		return nil
	}
	c.Rate = p.rate.Value
	c.Unit = map[cli.RateUnit]gen.Unit{cli.PPS: gen.Frames, cli.BPS: gen.Bits, cli.WireBPS: gen.WireBits, cli.LinkRate: gen.WireBits}[p.rate.Unit]
	return nil
}

// ofLink turns a percentage into a rate. The note says of what.
func (p *pace) ofLink(c *gen.Config, info engine.Info) (note string, err error) {
	if p.rate.Unit != cli.LinkRate {
		return "", nil
	}
	if info.Interface == "" {
		return "", cli.Usagef("-R %v: port %s has no link to take a share of; say a rate in pps or bps", p.rate, info.Spec)
	}
	speed, err := nic.Speed(info.Interface)
	if err != nil {
		return "", cli.Usagef("-R %v: %w", p.rate, err)
	}
	c.Rate = p.rate.Value / 100 * speed
	return fmt.Sprintf("%v of the %sbit/s of %s are %sbit/s on the wire", p.rate, cli.Norm(speed), info.Interface, cli.Norm(c.Rate)), nil
}

// fillPace puts what was asked and how well it went into a result, whose rates
// are filled in already.
func fillPace(r *cli.Result, c *gen.Config, s *gen.Snapshot) {
	r.GivenUpSeconds, r.BehindSeconds = s.GivenUp.Seconds(), s.Behind.Seconds()
	switch c.Unit {
	case gen.Frames:
		r.RateAskedPPS = c.Rate
	case gen.Bits:
		r.RateAskedBPS = c.Rate
	case gen.WireBits:
		r.RateAskedWireBPS = c.Rate
	}
	// n random gaps are together off by 1/√n, once in a hundred times by 2.6
	// of that.
	tolerance := 0.01
	if c.Gaps == gen.Poisson && r.Packets > 0 {
		tolerance = max(tolerance, 3/math.Sqrt(float64(r.Packets)))
	}
	achieved, asked := rates(r)
	r.RateMet = achieved >= (1-tolerance)*asked
	if d := s.Departures; d.Batches > 0 {
		r.Departures = &cli.Departures{
			Batches: d.Batches, MeanNS: int64(d.Mean), MinNS: int64(d.Min), P50NS: int64(d.P50), P90NS: int64(d.P90),
			P99NS: int64(d.P99), P999NS: int64(d.P999), MaxNS: int64(d.Max), StdDevNS: int64(d.StdDev),
		}
	}
}

// rates returns the achieved rate in the unit of the asked one, and that.
func rates(r *cli.Result) (achieved, asked float64) {
	switch {
	case r.RateAskedBPS > 0:
		return r.BPS, r.RateAskedBPS
	case r.RateAskedWireBPS > 0:
		return r.WireBPS, r.RateAskedWireBPS
	}
	return r.PPS, r.RateAskedPPS
}

// briefest is the shortest schedule whose rate is judged: a rate over a moment
// means nothing.
const briefest = 50 * time.Millisecond

// missed says by how much the rate was missed, "" if it was not, or if sending
// has not begun.
func missed(r *cli.Result) string {
	achieved, asked := rates(r)
	if r.RateMet || r.Start.IsZero() || r.Requested > 0 && achieved*r.Seconds < asked*briefest.Seconds() {
		return ""
	}
	unit := "pps"
	if asked != r.RateAskedPPS {
		unit = "bps"
	}
	return fmt.Sprintf("%s%s were achieved of the %s%s asked", cli.Norm(achieved), unit, cli.Norm(asked), unit)
}

// bursts is the flag K/T.
type bursts struct {
	frames uint64
	every  time.Duration
}

const mostBurst = 1 << 30

func (b *bursts) Set(s string) error {
	k, t, ok := strings.Cut(s, "/")
	n, err1 := cli.ParseCount(k)
	d, err2 := cli.ParseDuration(t, time.Second)
	if !ok || err1 != nil || err2 != nil || d == 0 || n > mostBurst {
		return fmt.Errorf("bursts %q are not of the form K/T; write 64/1ms for 64 frames each millisecond", s)
	}
	*b = bursts{n, d}
	return nil
}

func (b *bursts) String() string {
	if b.frames == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%v", b.frames, b.every)
}

func (b *bursts) Type() string { return "K/T" }

func (b *bursts) rate() float64 { return float64(b.frames) / b.every.Seconds() }
