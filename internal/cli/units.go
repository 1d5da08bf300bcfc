package cli

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
)

// exponents are the decimal multipliers, accepted in either case: nobody asks
// for a milli-packet a second.
var exponents = map[byte]string{'k': "e3", 'm': "e6", 'g': "e9", 't': "e12"}

// ParseCount reads a whole number of things, at least one: "1000000", "1M",
// "1.5k", "1e6". A number without a letter or exponent may use all 64 bits,
// others have to be exact in 53 bits.
func ParseCount(s string) (uint64, error) {
	const want = "write a whole number from 1, such as 1000000, 1M or 1e6"
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		if n == 0 {
			return 0, fmt.Errorf("count %q is below one; %s", s, want)
		}
		return n, nil
	}
	v, err := parseDecimal(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("count %q %w; %s", s, err, want)
	case v < 1:
		return 0, fmt.Errorf("count %q is below one; %s", s, want)
	case v > 1<<53:
		return 0, fmt.Errorf("count %q is too large to be exact; write its digits out", s)
	case v != math.Trunc(v):
		return 0, fmt.Errorf("count %q is not whole; %s", s, want)
	}
	return uint64(v), nil
}

// ParsePercent reads a share from 0 to 100, with or without a percent sign:
// "0", "0.1", "5%".
func ParsePercent(s string) (float64, error) {
	const want = "write a number from 0 to 100, such as 0.1"
	v, err := parsePlain(strings.TrimSuffix(s, "%"))
	if err != nil {
		return 0, fmt.Errorf("percentage %q %w; %s", s, err, want)
	}
	if v < 0 || v > 100 {
		return 0, fmt.Errorf("percentage %q is out of range; %s", s, want)
	}
	return v, nil
}

// ParseDuration reads a Go duration ("2s", "1m30s", "500ms") or a bare number
// of the given unit, so that pkt-gen's "-w 2" (seconds) and "-T 1000"
// (milliseconds) keep their meaning. Zero is accepted, negative is not.
func ParseDuration(s string, unit time.Duration) (time.Duration, error) {
	want := fmt.Sprintf("write a time such as 10s, 1m30s or 500ms (a bare number counts %s)", unitName(unit))
	d, err := time.ParseDuration(s)
	if v, plainErr := parsePlain(s); plainErr == nil {
		v *= float64(unit)
		if math.Abs(v) >= math.MaxInt64 {
			return 0, fmt.Errorf("duration %q is too long; %s", s, want)
		}
		d, err = time.Duration(math.Round(v)), nil
	}
	if err != nil {
		return 0, fmt.Errorf("duration %q is not a time; %s", s, want)
	}
	if d < 0 {
		return 0, fmt.Errorf("duration %q is negative; %s", s, want)
	}
	return d, nil
}

// ParseMAC reads an Ethernet address of six bytes, "02:00:00:00:00:01".
func ParseMAC(s string) (net.HardwareAddr, error) {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 {
		return nil, fmt.Errorf("MAC address %q is not six hexadecimal bytes; write it as 02:00:00:00:00:01", s)
	}
	return mac, nil
}

// Norm prints a figure as netmap's pkt-gen does: three decimals, then a space
// and K, M, G or T in steps of 1000. The unit is meant to follow at once:
// Norm(14880000)+"pps" is "14.880 Mpps".
func Norm(v float64) string {
	letters := [...]string{"", "K", "M", "G", "T"}
	i := 0
	for v >= 1000 && i < len(letters)-1 {
		v /= 1000
		i++
	}
	return fmt.Sprintf("%.3f %s", v, letters[i])
}

// norm prints a figure for people: Norm, or plain.
type norm func(float64) string

// plain prints a figure whole, as pkt-gen does with -N. The space is where
// Norm's letter would be.
func plain(v float64) string { return fmt.Sprintf("%.0f ", v) }

// parseDecimal reads a number with an optional multiplier letter. The letter
// becomes a decimal exponent before the conversion, so that "4.35k" is 4350
// and not 4349.999….
func parseDecimal(s string) (float64, error) {
	if s != "" {
		if exp, ok := exponents[s[len(s)-1]|0x20]; ok {
			s = s[:len(s)-1]
			if strings.ContainsAny(s, "eE") {
				return 0, errTwoExponents
			}
			s += exp
		}
	}
	return parsePlain(s)
}

// parsePlain reads a finite decimal number. The conversion underneath also
// takes "inf", "nan" and hexadecimal, none of which is a figure here.
func parsePlain(s string) (float64, error) {
	if strings.Trim(s, "0123456789.eE+-") != "" || !strings.ContainsAny(s, "0123456789") {
		return 0, errNoNumber
	}
	v, err := strconv.ParseFloat(s, 64)
	if math.IsInf(v, 0) {
		return 0, errTooLarge
	}
	if err != nil {
		return 0, errNoNumber
	}
	return v, nil
}

type unitError string

func (e unitError) Error() string { return string(e) }

const (
	errNoNumber     = unitError("is not a number")
	errTooLarge     = unitError("is too large")
	errTwoExponents = unitError("has both an exponent and a letter")
)

func unitName(d time.Duration) string {
	switch d {
	case time.Second:
		return "seconds"
	case time.Millisecond:
		return "milliseconds"
	}
	return "units of " + d.String()
}
