package suite

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// where finds out about the ports, and which environment that is.
func (o *Options) where(fs *pflag.FlagSet) error {
	env, err := o.Where.Complete(fs)
	if err != nil {
		return err
	}
	given := string(env)
	if env == lab.Veth {
		given = envVethDUT
	}
	switch {
	case given == "" && !o.made():
		return cli.Usagef("--env %s: say which ports: --lab FILE%s", o.Env, map[bool]string{true: ", or --ports FROM,TO"}[o.Env == envLocal])
	case given != "" && fs.Changed("env") && o.Env != given:
		return cli.Usagef("--env %s, and the ports are of environment %s: leave --env out", o.Env, given)
	case given != "":
		o.Env = given
	}
	for _, flag := range []string{"dut", "tbf", "lose", "own-tbf"} {
		if !o.made() && fs.Changed(flag) {
			return cli.Usagef("--%s is of what hw-test makes itself (--env veth-dut), and these are ports that are there", flag)
		}
	}
	if o.Env == envLocal {
		return o.shares()
	}
	return nil
}

// Open makes what the trials run over; the caller closes it.
func (o *Options) Open(ctx context.Context) (testbed.Environment, error) {
	if o.made() {
		return testbed.NewVeth(o.testbed())
	}
	return o.Where.Open(ctx)
}

// Describe says what Open will make.
func (o *Options) Describe() testbed.Description {
	if !o.made() {
		return o.Where.Describe()
	}
	bed := o.testbed()
	d := bed.Describe()
	if bench.InsideUserNS() {
		d.Limits = append(d.Limits, "in a user namespace the kernel limits receive buffers (net.core.rmem_max)")
	}
	return d
}

// Paths name the flows of what Open will make.
func (o *Options) Paths() []string {
	if o.made() {
		return nil
	}
	return o.Where.Paths()
}

// MostPPS is the highest rate to try with frames of 60 bytes, as it was asked
// for; 0: it was not.
func (o *Options) MostPPS() float64 { return (&Profile{Mean: 60}).frames(o.MaxRate) }

// made tells whether the environment is one that hw-test makes of namespaces.
func (o *Options) made() bool { return o.Env == envVeth || o.Env == envVethDUT }

// shares turns rates that are a share of the link's speed into bits a second.
// In a machine that is done when it is there, and over other hosts when they
// are connected.
func (o *Options) shares() error {
	for _, r := range []struct {
		flag string
		rate *cli.Rate
	}{{"max-rate", &o.MaxRate}, {"min-rate", &o.MinRate}} {
		if r.rate.Unit != cli.LinkRate {
			continue
		}
		bps, err := o.Where.LinkBPS()
		if err != nil {
			return err
		}
		if bps == 0 {
			return cli.Usagef("--%s: %s has no link speed to take a share of (ethtool); say frames or bits a second", r.flag, o.Where.Ways()[0].From.Spec)
		}
		*r.rate = cli.Rate{Value: r.rate.Value / 100 * bps, Unit: cli.WireBPS}
	}
	return nil
}
