package suite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/place"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Options are a suite's flags. The zero value is not valid; Flags sets the
// defaults.
type Options struct {
	Sizes   string
	Quick   bool
	PDR     float64 // percent
	MaxRate cli.Rate
	MinRate cli.Rate
	Width   float64 // percent

	Initial, Duration, Settle, Stall time.Duration
	Burst                            time.Duration
	Tolerance                        float64 // percent

	Confirm  uint64
	Env, DUT string
	Where    *place.Where // Flags makes it; copies of Options share it
	TBF, Own cli.Rate
	Lose     uint64
	Burn     time.Duration

	Session            session.Options
	JSON, List, DryRun bool

	inside bool // a user namespace made for it
}

// Environments by name, as --env has them.
const (
	envVeth    = "veth"
	envVethDUT = "veth-dut"
	envLocal   = string(lab.Local)
	envSSH     = string(lab.SSH)
	envVM      = string(lab.VM)
)

const (
	allSizes   = "64,128,256,512,1024,1280,1518,imix"
	quickSizes = "64,1518"
)

// Flags adds the flags of the suite of that name to a flag set.
func (o *Options) Flags(fs *pflag.FlagSet, name string) {
	o.Initial, o.Duration, o.Settle, o.Confirm = time.Second, 10*time.Second, 500*time.Millisecond, 2
	o.PDR, o.Width, o.Tolerance, o.Stall = 0.5, 0.5, 1, 5*time.Millisecond
	fs.StringVar(&o.Sizes, "sizes", allSizes, "frame `sizes` with CRC, 64 to 1518, and imix")
	if name == throughputName {
		fs.Var(percentValue{&o.PDR}, "pdr", "the `percent` of frames that the partial drop rate may lose")
	}
	if name != lossName {
		fs.Var(percentValue{&o.Width}, "width", "how near the bounds of a rate come together, in `percent`")
		fs.Var(cli.CountValue(&o.Confirm), "confirm", "how `many` full trials may decide about a rate: of 2, one may lose; 1: none")
		fs.Var(cli.DurationValue(&o.Initial, time.Second), "initial", "how `long` the first, short trials send")
		fs.Var(cli.RateValue(&o.MinRate), "min-rate", "the lowest `rate` to try; default: a hundredth of the highest, and 2000 frames in a short trial")
	}
	fs.Var(cli.DurationValue(&o.Duration, time.Second), "duration", "how `long` full trials send; RFC 2544 has 60s")
	fs.Var(cli.DurationValue(&o.Settle, time.Second), "settle", "how `long` to wait for stragglers after a trial, 200ms and more; RFC 2544 has 2s")
	fs.Var(percentValue{&o.Tolerance}, "rate-tolerance", "by how many `percent` pktgen may miss its rate before a trial is invalid")
	fs.Var(cli.DurationValue(&o.Stall, time.Second), "stall", "how `long` pktgen may stand still before what was lost may be its fault: it makes up for it in a burst; by default with --burst that much more")
	fs.Var(cli.DurationValue(&o.Burst, time.Second), "burst", "send frames in bursts, one each such `time`, not one by one: for a tester that wakes too seldom, such as an emulated machine (20ms)")
	fs.Var(cli.RateValue(&o.MaxRate), "max-rate", "the highest `rate` to try: frames a second, or 5Gbps, 5Gbps-wire, 50%; default: line rate, or where pktgen does not get there, 90 % of what it reaches")
	fs.BoolVar(&o.Quick, "quick", false, "a first look: sizes 64 and 1518, trials of 0.5 and 2 s")
	fs.StringVar(&o.Env, "env", envVethDUT, "`where`: veth-dut, or veth, which has no device and measures the tester; --ports and --lab have their own: local, ssh, vm")
	o.Where = new(place.Where)
	o.Where.Flags(fs)
	fs.StringVar(&o.DUT, "dut", testbed.Bridge, "veth-dut: `what` the device is: bridge (the kernel's) or forward (a program)")
	fs.Var(cli.RateValue(&o.TBF), "tbf", "veth-dut: a token bucket of this `rate` on the device's way out, as in 12Mbps")
	fs.Var(cli.CountValue(&o.Lose), "lose", "veth-dut, forward: the device loses every frame with this `number`")
	fs.Var(cli.RateValue(&o.Own), "own-tbf", "a token bucket of this `rate` on the sender's own device")
	fs.Var(cli.DurationValue(&o.Burn, time.Second), "burn", "have pktgen burn this much CPU `time` more for each frame, to see it noticed")
	_ = fs.MarkHidden("burn") // fails for unknown names only
	fs.BoolVar(&o.List, "list", false, "print the rows and do nothing")
	fs.BoolVar(&o.DryRun, "dry-run", false, "print the rows with their trials and times, and do nothing")
	fs.BoolVar(&o.JSON, "json", false, "one JSON object on standard output at the end, all else on standard error")
	o.Session.Flags(fs)
	bench.Flags(fs, &o.inside)
}

// percentValue is a flag for a percentage.
type percentValue struct{ p *float64 }

func (v percentValue) Set(s string) (err error) {
	*v.p, err = cli.ParsePercent(s)
	return err
}

func (v percentValue) String() string {
	if v.p == nil {
		return ""
	}
	return strconv.FormatFloat(*v.p, 'f', -1, 64)
}

func (v percentValue) Type() string { return "percent" }

// complete applies --quick where nothing else was said, and checks.
func (o *Options) complete(fs *pflag.FlagSet) error {
	if o.Quick {
		for name, set := range map[string]func(){
			"sizes":    func() { o.Sizes = quickSizes },
			"duration": func() { o.Duration = 2 * time.Second },
			"initial":  func() { o.Initial = 500 * time.Millisecond },
		} {
			if !fs.Changed(name) {
				set()
			}
		}
	}
	if !fs.Changed("stall") {
		o.Stall += o.Burst // it stands still that long anyway
	}
	o.Initial = min(o.Initial, o.Duration)
	for _, d := range []struct {
		flag         string
		value, least time.Duration
	}{{"duration", o.Duration, time.Second / 10}, {"initial", o.Initial, time.Second / 10}, {"settle", o.Settle, time.Second / 5}} {
		if d.value < d.least || d.value > time.Hour {
			return cli.Usagef("--%s: %v is not from %v to an hour", d.flag, d.value, d.least)
		}
	}
	if !slices.Contains([]string{envVeth, envVethDUT, envLocal, envSSH, envVM}, o.Env) {
		return cli.Usagef("--env: %q is none of veth-dut, veth, local, ssh and vm", o.Env)
	}
	if err := o.where(fs); err != nil {
		return err
	}
	switch {
	case o.DUT != testbed.Bridge && o.DUT != testbed.Forward:
		return cli.Usagef("--dut: %q is neither bridge nor forward", o.DUT)
	case o.Env == envVeth && (o.TBF.Value > 0 || o.Lose > 0 || fs.Changed("dut")):
		return cli.Usagef("--env veth has no device: --dut, --tbf and --lose go with veth-dut")
	case o.Lose > 0 && o.DUT != testbed.Forward:
		return cli.Usagef("--lose needs --dut forward: the kernel's bridge loses nothing on purpose")
	case o.Width < 0.01 || o.Width > 20:
		return cli.Usagef("--width: %v is not from 0.01 to 20 percent", o.Width)
	case o.Tolerance < 0.01 || o.Tolerance > 50:
		return cli.Usagef("--rate-tolerance: %v is not from 0.01 to 50 percent", o.Tolerance)
	case o.Stall <= 0 || o.Stall > time.Minute:
		return cli.Usagef("--stall: %v is not above zero and at most a minute", o.Stall)
	case o.Burst > time.Second:
		return cli.Usagef("--burst: %v is more than a second", o.Burst)
	case o.PDR >= 100:
		return cli.Usagef("--pdr: all frames may be lost")
	case o.Confirm < 1 || o.Confirm > 100:
		return cli.Usagef("--confirm: %d is not from 1 to 100", o.Confirm)
	}
	for flag, r := range map[string]cli.Rate{"tbf": o.TBF, "own-tbf": o.Own} {
		if r.Value > 0 && (r.Unit != cli.BPS || r.Value < 1e4 || r.Value > 30e9) {
			return cli.Usagef("--%s: a token bucket counts bits of frames a second, 10Kbps to 30Gbps; write 12Mbps, for instance", flag)
		}
	}
	for flag, r := range map[string]cli.Rate{"max-rate": o.MaxRate, "min-rate": o.MinRate} {
		if r.Unit == cli.LinkRate && o.made() {
			return cli.Usagef("--%s: a veth has no line rate to take a share of; say frames or bits a second", flag)
		}
	}
	profiles, err := o.profiles()
	for _, p := range profiles {
		if least, most := p.frames(o.MinRate), p.frames(o.MaxRate); most > 0 && least > most {
			return cli.Usagef("--min-rate is above --max-rate: %spps and %spps with frames of %s bytes", cli.Norm(least), cli.Norm(most), p.Size)
		}
	}
	return err
}

// testbed is the environment's options.
func (o *Options) testbed() testbed.Options {
	t := testbed.Options{OwnBPS: o.Own.Value, Burn: o.Burn}
	if o.Env == envVethDUT {
		t.Hop, t.HopBPS, t.Lose = o.DUT, o.TBF.Value, o.Lose
	}
	return t
}

// Profile is the frames of a row.
type Profile struct {
	// Size is as RFC 2544 has it, with CRC: "64", or "imix".
	Size string `json:"size"`
	// Lengths is pktgen's -l, without CRC, and Mean that in bytes on average.
	Lengths string  `json:"lengths"`
	Mean    float64 `json:"mean_length"`
}

// crc is what pktgen's lengths lack to those of RFC 2544.
const crc = 4

// imix is pktgen's: seven frames of 60 bytes, four of 590, one of 1514.
var imix = Profile{"imix", "imix", (7*60 + 4*590 + 1514) / 12.0}

func (o *Options) profiles() (list []Profile, err error) {
	for _, s := range strings.Split(o.Sizes, ",") {
		if s == imix.Size {
			list = append(list, imix)
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 64 || n > 1518 {
			return nil, cli.Usagef("--sizes: %q is neither imix nor a size from 64 to 1518, with CRC", s)
		}
		list = append(list, Profile{s, strconv.Itoa(n - crc), float64(n - crc)})
	}
	for i, p := range list {
		if slices.Contains(list[:i], p) {
			return nil, cli.Usagef("--sizes: %s is there twice", p.Size)
		}
	}
	return list, nil
}

// bits returns a load's bits a second, of frames without CRC and on the wire.
func (p *Profile) bits(pps float64) (bps, wire float64) {
	return pps * p.Mean * 8, pps * (p.Mean + 24) * 8
}

// frames returns a rate in frames a second.
func (p *Profile) frames(r cli.Rate) float64 {
	switch r.Unit {
	case cli.BPS:
		return r.Value / p.Mean / 8
	case cli.WireBPS:
		return r.Value / (p.Mean + 24) / 8
	}
	return r.Value
}

// rate prints a load in all three ways.
func (p *Profile) rate(pps float64) string {
	bps, wire := p.bits(pps)
	return fmt.Sprintf("%spps, %sbit/s (%sbit/s on the wire)", cli.Norm(pps), cli.Norm(bps), cli.Norm(wire))
}

// search is the configuration of a search from o and the highest rate.
func (o *Options) search(p *Profile, most float64, overhead func() time.Duration) *search.Config {
	c := &search.Config{
		Goals: []search.Goal{{Name: "NDR", LossRatio: 0}, {Name: "PDR", LossRatio: o.PDR / 100}},
		Max:   most, Initial: o.Initial, Final: o.Duration, Width: o.Width / 100, Confirm: int(o.Confirm), Overhead: overhead,
	}
	// So many frames that a trial can tell a small loss from none.
	c.Min = min(most/2, max(most/100, 2000/o.Initial.Seconds()))
	if o.MinRate.Value > 0 {
		c.Min = min(most, p.frames(o.MinRate))
	}
	if o.PDR == 0 {
		c.Goals = c.Goals[:1]
	}
	return c
}
