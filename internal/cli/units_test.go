package cli

import (
	"fmt"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestParseCount(t *testing.T) {
	for s, want := range map[string]uint64{
		"1": 1, "1000000": 1000000, "1M": 1000000, "1e6": 1000000, "1.5k": 1500, "1.001M": 1001000,
		"18446744073709551615": math.MaxUint64, "9007199254740992": 1 << 53, "1.0": 1,
	} {
		if got, err := ParseCount(s); err != nil || got != want {
			t.Errorf("ParseCount(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "0", "-1", "0.5", "1.5", "1.0001k", "18446744073709551616", "1e19", "20P", "nan", "inf", "1e-3", "0x10",
		"0k", "1e6M", "1 000",
	} {
		got, err := ParseCount(s)
		checkRefusal(t, s, got, err)
	}
}

func TestParsePercent(t *testing.T) {
	for s, want := range map[string]float64{"0": 0, "0.1": 0.1, "5%": 5, "100": 100} {
		if got, err := ParsePercent(s); err != nil || got != want {
			t.Errorf("ParsePercent(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "%", "-1", "101", "nan", "1k", "5%%", "x"} {
		got, err := ParsePercent(s)
		checkRefusal(t, s, got, err)
	}
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		s    string
		unit time.Duration
		want time.Duration
	}{
		{"10", time.Second, 10 * time.Second},
		{"1.5", time.Second, 1500 * time.Millisecond},
		{"0", time.Second, 0},
		{"2s", time.Second, 2 * time.Second},
		{"1m30s", time.Millisecond, 90 * time.Second},
		{"1000", time.Millisecond, time.Second},
		{"500ms", time.Second, 500 * time.Millisecond},
	} {
		if got, err := ParseDuration(c.s, c.unit); err != nil || got != c.want {
			t.Errorf("ParseDuration(%q, %v) = %v, %v; want %v", c.s, c.unit, got, err, c.want)
		}
	}
	for _, s := range []string{"", "-1", "-1s", "abc", "1e300", "10x", "nan", "inf", "1e12", "5k"} {
		got, err := ParseDuration(s, time.Second)
		checkRefusal(t, s, got, err)
	}
}

func TestParseMAC(t *testing.T) {
	mac, err := ParseMAC("02:00:00:00:00:0a")
	if err != nil || mac.String() != "02:00:00:00:00:0a" {
		t.Errorf("ParseMAC = %v, %v", mac, err)
	}
	for _, s := range []string{"", "02:00:00:00:00", "00:00:5e:00:53:01:00:00", "10.0.0.1", "gg:00:00:00:00:00"} {
		got, err := ParseMAC(s)
		checkRefusal(t, s, got, err)
	}
}

// checkRefusal wants an error of one line that quotes the text refused.
func checkRefusal(t *testing.T, s string, got any, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%q is taken as %v, want a refusal", s, got)
		return
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("%q", s)) || strings.Contains(err.Error(), "\n") {
		t.Errorf("refusal of %q is %q; want one line that quotes it", s, err)
	}
}

func TestNorm(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.000 ", 5: "5.000 ", 999: "999.000 ", 1000: "1.000 K", 14880952: "14.881 M", 10e9: "10.000 G",
		1.3e12: "1.300 T", 5e15: "5000.000 T",
	} {
		if got := Norm(v); got != want {
			t.Errorf("Norm(%v) = %q, want %q", v, got, want)
		}
	}
}

func newFlags() (*pflag.FlagSet, *flags) {
	f := &flags{Burst: 512, Interval: time.Second}
	fs := pflag.NewFlagSet("pktgen", pflag.ContinueOnError)
	fs.SetOutput(new(strings.Builder))
	fs.VarP(RateValue(&f.Rate), "rate", "R", "packets a second")
	fs.VarP(CountValue(&f.Count), "count", "n", "packets")
	fs.VarP(CountValue(&f.Burst), "burst", "b", "packets a sync")
	fs.VarP(DurationValue(&f.Interval, time.Millisecond), "interval", "T", "time between lines")
	fs.VarP(MACValue(&f.Dst), "dst-mac", "D", "destination")
	fs.Var(PercentValue(&f.MaxLoss), "max-loss", "loss allowed")
	return fs, f
}

type flags struct {
	Rate     Rate
	Count    uint64
	Burst    int
	Interval time.Duration
	Dst      net.HardwareAddr
	MaxLoss  float64
}

func TestFlagValues(t *testing.T) {
	fs, f := newFlags()
	err := ParseFlags(fs, strings.Fields("-R 14.88M -n 1e6 -b64 -T 250 -D 02:00:00:00:00:0a --max-loss=0.5%"))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(f.Rate, f.Count, f.Burst, f.Interval, f.Dst, f.MaxLoss)
	if want := "14880000 1000000 64 250ms 02:00:00:00:00:0a 0.5"; got != want {
		t.Errorf("flags are %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(Options(fs)),
		"map[burst:64 count:1000000 dst-mac:02:00:00:00:00:0a interval:250ms max-loss:0.5 rate:14880000]"; got != want {
		t.Errorf("Options = %s, want %s", got, want)
	}
}

func TestFlagDefaultsInUsage(t *testing.T) {
	fs, _ := newFlags()
	usage := fs.FlagUsages()
	for _, want := range []string{"(default 512)", "(default 1s)", "-R, --rate rate"} {
		if !strings.Contains(usage, want) {
			t.Errorf("usage lacks %q:\n%s", want, usage)
		}
	}
	if n := strings.Count(usage, "default"); n != 2 {
		t.Errorf("usage tells %d defaults, want only the two that are set:\n%s", n, usage)
	}
}

func TestCountValueBeyondInt(t *testing.T) {
	var n int
	err := CountValue(&n).Set("18446744073709551615")
	checkRefusal(t, "18446744073709551615", n, err)
}
