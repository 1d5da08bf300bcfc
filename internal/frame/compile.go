package frame

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// field makes a Writer's field of a setting of l. order is its place among
// those that vary.
func (w *Writer) field(l *layout, s *setting, order int) field {
	v := s.values
	f := field{
		at: int32(l.headers[s.header].off + s.field.at), width: uint8(s.field.width), random: v.random,
		count: v.count, first: v.first, step: v.step, list: slices.Clone(v.list), hi: v.hi, hiRandom: v.hiRandom,
		all64: v.random && v.count == 0,
	}
	if f.list == nil && f.width <= 4 {
		f.form = map[uint8]form{2: word16, 4: word32}[f.width]
	}
	// The bits of the word around the field.
	var around uint64
	if mask := (uint64(1)<<s.field.bits - 1) << s.field.shift; f.width == 2 {
		around = uint64(binary.BigEndian.Uint16(l.bytes[f.at:])) &^ mask
	} else if f.width == 4 {
		around = uint64(binary.BigEndian.Uint32(l.bytes[f.at:])) &^ mask
	}
	f.first, f.step = f.first<<s.field.shift|around, f.step<<s.field.shift
	for i := range f.list {
		f.list[i].lo = f.list[i].lo<<s.field.shift | around
	}
	if f.random {
		// Every generator goes through the same numbers, each from a place of
		// its own; frame n has the n-th from there.
		f.state = scatter(w.seed+uint64(order)) + uint64(w.thread)*weyl
		f.stride = uint64(w.threads) * weyl
	} else if f.count == 0 || f.count > maxCount {
		f.count = maxCount
	}
	return f
}

// odometer gives the fields that count their places: those of frame number
// thread, and how far it is to frame thread+threads, as digits of a number of
// which the first field is the lowest.
func (w *Writer) odometer() {
	at, step := uint64(w.thread), uint64(w.threads)
	for i := range w.fields {
		if f := &w.fields[i]; !f.random {
			f.state, at = at%f.count, at/f.count
			f.stride, step = step%f.count, step/f.count
		}
	}
}

// compile prepares the writing of l's frames, in each of the lengths.
func (w *Writer) compile(l *layout, lens []uint16) error {
	for i := range l.varying {
		w.fields = append(w.fields, w.field(l, &l.varying[len(l.varying)-1-i], i))
	}
	w.odometer()
	if len(lens) > 1 {
		w.lengths = l.lengths
	}

	// What is written for each frame does not count in what is known before.
	rest := slices.Clone(l.bytes)
	var places []int
	for i := range w.fields {
		f := &w.fields[i]
		places = append(places, int(f.at))
		clear(rest[f.at:][:f.width])
	}
	if n := w.marks(); n > 0 {
		places = append(places, l.payload)
		clear(rest[l.payload:][:n])
	}
	for _, f := range l.lengths {
		clear(rest[f.at:][:2])
	}
	for _, s := range l.sites {
		clear(rest[s.at:][:2])
	}

	weights, covered := l.weights(places)
	var active []int
	for k, weight := range weights {
		if len(lens) == 1 && !slices.ContainsFunc(weight, func(n int) bool { return n != 0 }) {
			continue // it is the same in every frame
		}
		for i, n := range weight {
			s := &w.probe
			if i < len(w.fields) {
				s = &w.fields[i].share
			}
			if n == 1 && len(active) < len(s.in) {
				s.in[len(active)] = ^uint64(0)
				continue
			}
			for range max(n, -n) {
				s.more = append(s.more, summand{len(active), n < 0})
				w.many = true
			}
		}
		w.sites = append(w.sites, checksum{l.sites[k].at, l.sites[k].zero})
		active = append(active, k)
	}
	if len(active) > maxSites {
		return fmt.Errorf("cannot write frames with %d checksums that vary: at most %d", len(active), maxSites)
	}
	w.many = w.many || len(active) > 2
	w.join()
	sums := prefixOf(rest)
	for _, n := range lens {
		all := l.sums(&sums, covered, int(n))
		e := size{n: int(n)}
		for i, k := range active {
			e.sums[i] = all[k]
		}
		w.sizes = append(w.sizes, e)
	}
	return nil
}

// join makes one field of two side by side that may have any value and count in
// the same sums, as both addresses of an IP header and both ports behind it do:
// one number and one store do for both.
func (w *Writer) join() {
	for i := 0; i < len(w.fields); {
		f := &w.fields[i]
		j := slices.IndexFunc(w.fields, func(g field) bool {
			return g.at == f.at+int32(f.width) && g.width == f.width && f.anything() && g.anything() && f.in == g.in
		})
		if j < 0 {
			i++
			continue
		}
		f.width *= 2
		f.form = map[uint8]form{4: word32, 8: random64}[f.width]
		f.first, f.step, f.count = 0, 1, f.count*f.count
		w.fields, i = slices.Delete(w.fields, j, j+1), 0
	}
}

// anything says that f may be joined with others.
func (f *field) anything() bool {
	return f.random && (f.form == word16 || f.form == word32) && f.count == 1<<(8*f.width) && len(f.more) == 0
}

// weights returns, for each checksum, how often the word at each of places
// counts in its sum: a checksum inside is the negative of its own sum, and
// counts as such in one around it. covered are those inside.
func (l *layout) weights(places []int) (weights, covered [][]int) {
	for k := range l.sites {
		s := &l.sites[k]
		weight := make([]int, len(places))
		var inside []int
		for i, at := range places {
			if s.covers(at, len(l.bytes)) {
				weight[i]++
			}
		}
		for j := range k {
			if s.covers(l.sites[j].at, len(l.bytes)) {
				inside = append(inside, j)
				for i := range places {
					weight[i] -= weights[j][i]
				}
			}
		}
		weights, covered = append(weights, weight), append(covered, inside)
	}
	return weights, covered
}

// sums returns the sum under each checksum for frames of n bytes, of what is
// the same in all of them. rest has zeros for checksums, lengths and whatever
// varies.
func (l *layout) sums(rest *prefix, covered [][]int, n int) (all []uint16) {
	for k := range l.sites {
		s := &l.sites[k]
		sum := s.pseudo(n) + rest.sum(s.addrs, s.addrs+s.addrN) + rest.sum(s.from, s.end(n))
		for _, f := range l.lengths {
			if s.covers(f.at, len(l.bytes)) {
				sum += uint64(n - f.less)
			}
		}
		for _, j := range covered[k] {
			sum += uint64(^all[j])
		}
		all = append(all, fold(sum))
	}
	return all
}
