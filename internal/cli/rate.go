package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// RateUnit is what a Rate counts.
type RateUnit uint8

// What a rate may be of. Bits are those of frames without CRC, as Result.BPS
// counts them; wire bits include CRC, preamble and gap, as Result.WireBPS does,
// and a link's speed is one of wire bits.
const (
	PPS      RateUnit = iota // packets a second
	BPS                      // bits a second
	WireBPS                  // wire bits a second
	LinkRate                 // percent of the link's speed
)

// rateSuffixes end a rate; the first that fits counts.
var rateSuffixes = []struct {
	suffix string
	unit   RateUnit
}{
	{"bps-wire", WireBPS}, {"bit/s-wire", WireBPS}, {"pps", PPS}, {"bps", BPS}, {"bit/s", BPS}, {"%", LinkRate}, {"", PPS},
}

// Rate is how fast to send. The zero value is as fast as it goes.
type Rate struct {
	Value float64 // above zero
	Unit  RateUnit
}

// ParseRate reads a rate: in packets a second ("100000", "14.88M", "1e6",
// "1.5Mpps"), in bits a second ("5Gbps" of frames, "5Gbps-wire" as they occupy
// the wire), or in percent of the link's speed ("50%"). The letters K, M, G and
// T are decimal. The rate is above zero and finite; it may be below one ("0.5"
// is a packet every two seconds).
func ParseRate(s string) (Rate, error) {
	const want = "write packets a second above zero, such as 100000, 14.88M or 1.5Mpps, or 5Gbps, 5Gbps-wire, 50%"
	text := strings.ToLower(s)
	var r Rate
	for _, u := range rateSuffixes {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			text, r.Unit = rest, u.unit
			break
		}
	}
	var err error
	if r.Value, err = parseDecimal(text); err != nil {
		return Rate{}, fmt.Errorf("rate %q %w; %s", s, err, want)
	}
	switch {
	case r.Value <= 0:
		return Rate{}, fmt.Errorf("rate %q is not above zero; %s", s, want)
	case r.Unit == LinkRate && r.Value > 100:
		return Rate{}, fmt.Errorf("rate %q is more than the link has; write a number up to 100", s)
	}
	return r, nil
}

// String is the rate as ParseRate reads it, empty for the zero value.
func (r Rate) String() string {
	suffix := map[RateUnit]string{BPS: "bps", WireBPS: "bps-wire", LinkRate: "%"}[r.Unit]
	if r.Value == 0 {
		return ""
	}
	return printFloat(r.Value) + suffix
}

// RateValue is a flag for a rate, see ParseRate. *p stays as it is until the
// flag is given: zero there is the usual "as fast as it goes".
func RateValue(p *Rate) pflag.Value {
	return &value[Rate]{p, "rate", ParseRate, Rate.String}
}
