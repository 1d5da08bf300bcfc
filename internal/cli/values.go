package cli

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// value is a flag whose text goes through one of the Parse functions. What it
// stores is a plain number in the program's own configuration.
type value[T any] struct {
	p     *T
	kind  string
	parse func(string) (T, error)
	print func(T) string
}

func (v *value[T]) Set(s string) error {
	x, err := v.parse(s)
	if err != nil {
		return err
	}
	*v.p = x
	return nil
}

// String is empty for the zero value, which pflag's usage text takes to mean
// that there is no default worth printing.
func (v *value[T]) String() string { return v.print(*v.p) }

func (v *value[T]) Type() string { return v.kind }

// PercentValue is a flag from 0 to 100, see ParsePercent.
func PercentValue(p *float64) pflag.Value {
	return &value[float64]{p, "percent", ParsePercent, printFloat}
}

// CountValue is a flag for a number of things of which there is at least one,
// see ParseCount.
func CountValue[T int | uint64](p *T) pflag.Value {
	return &value[T]{p, "count", parseCountAs[T], func(n T) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}}
}

// DurationValue is a flag for a time of zero or more; a bare number counts
// the given unit, see ParseDuration.
func DurationValue(p *time.Duration, unit time.Duration) pflag.Value {
	parse := func(s string) (time.Duration, error) { return ParseDuration(s, unit) }
	return &value[time.Duration]{p, "duration", parse, func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}}
}

// MACValue is a flag for an Ethernet address, see ParseMAC.
func MACValue(p *net.HardwareAddr) pflag.Value {
	return &value[net.HardwareAddr]{p, "mac", ParseMAC, net.HardwareAddr.String}
}

func parseCountAs[T int | uint64](s string) (T, error) {
	n, err := ParseCount(s)
	if err != nil {
		return 0, err
	}
	if _, signed := any(T(0)).(int); signed && n > math.MaxInt {
		return 0, fmt.Errorf("count %q is too large; the most is %d", s, math.MaxInt)
	}
	return T(n), nil
}

func printFloat(v float64) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
