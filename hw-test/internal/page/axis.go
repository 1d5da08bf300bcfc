package page

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// Values beyond these bounds are not drawn: differences of them overflow, and
// no figure is as large.
const (
	largest  = 1e30
	smallest = 1e-30
)

// drawable is v as an axis can have it.
func drawable(v float64, log bool) (float64, bool) {
	if math.Abs(v) < smallest {
		v = 0
	}
	return v, math.Abs(v) <= largest && (!log || v > 0)
}

// A span is a range of values.
type span struct{ lo, hi float64 }

func (s *span) add(v float64) { s.lo, s.hi = min(s.lo, v), max(s.hi, v) }

// linear is an axis for values of s, with its ticks. One with zero has 0 on it,
// others have it where s is near. A full one ends at ticks.
func linear(s span, zero, full bool) (span, []plot.Tick) {
	near := (s.hi - s.lo) / 2
	if s.lo > 0 && (zero || s.lo <= near) {
		s.lo = 0
	} else if s.hi < 0 && (zero || -s.hi <= near) {
		s.hi = 0
	}
	if most := max(math.Abs(s.lo), math.Abs(s.hi)); s.hi-s.lo <= 1e-9*most { // all but one value
		around := most / 2
		if most == 0 {
			around = 1
		}
		s = span{s.lo - around, s.hi + around}
		if zero {
			s.lo = 0
		}
	}
	step := atLeast((s.hi - s.lo) / 7.5) // 3 to 7 intervals
	first, last := math.Ceil(s.lo/step), math.Floor(s.hi/step)
	if full {
		first, last = math.Floor(s.lo/step), math.Ceil(s.hi/step)
		s = span{first * step, last * step}
	}
	most := max(math.Abs(s.lo), math.Abs(s.hi))
	digits := int(math.Floor(math.Log10(most))-math.Floor(math.Log10(step))) + 1
	var ticks []plot.Tick
	for i := first; i <= last; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: short(i*step, digits, most)})
	}
	return s, ticks
}

// logarithmic is an axis for values of s, which are above 0, with its ticks. It
// ends at 1, 2 or 5 times a power of ten.
func logarithmic(s span) (span, []plot.Tick) {
	s = span{atMost(s.lo), atLeast(s.hi)}
	if s.lo == s.hi {
		s = span{atMost(s.lo / 1.5), atLeast(s.hi * 1.5)}
	}
	first, last := int(math.Floor(math.Log10(s.lo))), int(math.Ceil(math.Log10(s.hi)))
	every := (last-first)/6 + 1 // decades between two labels
	few := s.hi/s.lo <= 200     // that there is room for more
	var ticks []plot.Tick
	for e := first; e <= last; e++ {
		for m := 1; m < 10; m++ {
			t := plot.Tick{Value: times10(m, e)}
			if m == 1 && (e-first)%every == 0 || few && (m == 2 || m == 5) {
				t.Label = short(t.Value, 1, s.hi)
			}
			// Where there are many, a mark for each would be a black line.
			if t.Value >= s.lo && t.Value <= s.hi && (t.Label != "" || every == 1) {
				ticks = append(ticks, t)
			}
		}
	}
	return s, ticks
}

// times10 is m times ten to the power of e, exactly as written.
func times10(m, e int) float64 {
	v, _ := strconv.ParseFloat(strconv.Itoa(m)+"e"+strconv.Itoa(e), 64) // it is a number
	return v
}

// atLeast is the first of 1, 2, 5, 10, 20, … (and 0.5, 0.2, …) that is not
// below v, but for rounding; atMost the last that is not above it.
func atLeast(v float64) float64 {
	e := int(math.Floor(math.Log10(v)))
	for _, m := range []int{1, 2, 5} {
		if n := times10(m, e); n >= v*(1-1e-9) {
			return n
		}
	}
	return times10(1, e+1)
}

func atMost(v float64) float64 {
	e := int(math.Ceil(math.Log10(v)))
	if n := times10(1, e); n <= v*(1+1e-9) {
		return n
	}
	for _, m := range []int{5, 2} {
		if n := times10(m, e-1); n <= v*(1+1e-9) {
			return n
		}
	}
	return times10(1, e-1)
}

// short is a value at an axis whose largest is most, with as many digits as
// tell it from its neighbours: "800 K", "1.5 M".
func short(v float64, digits int, most float64) string {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'e', max(digits-1, 0), 64), 64) // it is a number
	suffix := ""
	if most >= 1e4 && most < 1e15 {
		for _, s := range []string{" K", " M", " G", " T"} {
			if math.Abs(v) < 1000 {
				break
			}
			v, suffix = v/1000, s
		}
	}
	return strconv.FormatFloat(v, 'g', max(digits, 3)+1, 64) + suffix
}
