package frame

import (
	"slices"
	"strconv"
	"strings"
)

// Sizes are the lengths of frames without CRC, one after the other, around and
// around, or any of them for each frame. The zero value is no length.
type Sizes struct {
	random bool
	cycle  []uint16
}

// imix are the mixes with a name, written as for ParseSizes. Their figures are
// usually told with CRC: 64, 594, 1518 and 64, 570, 1518.
var imix = map[string]string{
	"imix":      "60:7,590:4,1514:1",
	"imix-csit": "60:28,566:16,1514:4",
}

// maxCycle is the most frames after which lengths repeat.
const maxCycle = 1 << 16

// ParseSizes reads lengths: "60-1514" is each in turn, "60-1514+2" every second
// one, "60,128,1514" a list, "60:7,590:4,1514:1" a mix by weights, evenly
// mixed, and "imix" and "imix-csit" are such mixes. A "~" in front makes it any
// of them for each frame, as likely as their weights say. The error is a
// [*SyntaxError].
func ParseSizes(text string) (Sizes, error) {
	p := parser{text}
	s := Sizes{}
	pos := 0
	if strings.HasPrefix(text, "~") {
		s.random, pos = true, 1
	}
	if mix, ok := imix[text[pos:]]; ok {
		m, err := ParseSizes(mix)
		return Sizes{s.random, m.cycle}, err
	}
	length := &fieldDef{key: "a length", bits: 16}
	var lengths, weights []int
	total := 0
	for {
		end := len(text)
		if i := strings.IndexByte(text[pos:], ','); i >= 0 {
			end = pos + i
		}
		item, by, weighted := strings.Cut(text[pos:end], ":")
		v, err := p.item(length, pos, pos+len(item), false)
		if err != nil {
			return Sizes{}, err
		}
		w := 1
		if weighted {
			if w, err = strconv.Atoi(by); err != nil || w < 1 || w > maxCycle {
				return Sizes{}, p.refuse(pos+len(item)+1, "a weight is a whole number from 1 to %d, not %q", maxCycle, by)
			}
		}
		if total += w * int(v.count); total > maxCycle {
			return Sizes{}, p.refuse(pos, "lengths repeat after at most %d frames", maxCycle)
		}
		for i := range v.count {
			n := v.at(i).lo
			if n == 0 {
				return Sizes{}, p.refuse(pos, "a length is at least 1")
			}
			lengths, weights = append(lengths, int(n)), append(weights, w)
		}
		if end == len(text) {
			break
		}
		pos = end + 1
	}
	s.cycle = mix(lengths, weights)
	return s, nil
}

// RandomSizes are lengths from low up to, but not including, high, any of them
// for each frame; high alone if they are equal.
func RandomSizes(low, high int) Sizes {
	s := Sizes{random: true, cycle: []uint16{uint16(low)}}
	for n := low + 1; n < high; n++ {
		s.cycle = append(s.cycle, uint16(n))
	}
	return s
}

// mix puts lengths into an order in which each comes as often as it weighs, as
// evenly as that can be.
func mix(lengths, weights []int) (cycle []uint16) {
	div, total := 0, 0
	for _, w := range weights {
		total += w
		for div, w = w, div; w != 0; {
			div, w = w, div%w
		}
	}
	if div*len(weights) == total { // all alike
		for _, n := range lengths {
			cycle = append(cycle, uint16(n))
		}
		return cycle
	}
	// The k-th of the w frames of a length is due at the share (k+1/2)/w of
	// the cycle.
	type frame struct {
		due float64
		n   uint16
	}
	var due []frame
	for i, w := range weights {
		for k := range w / div {
			due = append(due, frame{(float64(k) + 0.5) / float64(w/div), uint16(lengths[i])})
		}
	}
	slices.SortStableFunc(due, func(a, b frame) int {
		switch {
		case a.due < b.due:
			return -1
		case a.due > b.due:
			return 1
		}
		return 0
	})
	for _, f := range due {
		cycle = append(cycle, f.n)
	}
	return cycle
}

// Mean is the average length, in bytes.
func (s Sizes) Mean() float64 {
	sum := 0
	for _, n := range s.cycle {
		sum += int(n)
	}
	return float64(sum) / float64(max(len(s.cycle), 1))
}
