package frame

import (
	"encoding/binary"
	"math/bits"
)

// Batch sets the transmit time of the probes that follow, in ns of
// CLOCK_REALTIME since 1970. Call it once per batch.
func (w *Writer) Batch(now uint64) { w.stamper.Batch(now) }

// Next makes b, which holds the image or an earlier frame of w, the next frame
// and returns its length. b is as long as the image or longer; what is behind
// the frame's end stays as it is.
func (w *Writer) Next(b []byte) int {
	seq := w.seq
	w.seq++
	return w.put(b, magicProbe, seq)
}

// End makes b an end record that says total probes were sent; else it is as
// Next.
func (w *Writer) End(b []byte, total uint64) int { return w.put(b, magicEnd, total) }

func (w *Writer) put(b []byte, magic, seq uint64) int {
	switch w.path {
	case stamped: // as Stamper.put, but for the call
		seq &= seqMask
		s := &w.stamper
		s.write(b, magic, seq)
		if s.csum >= 0 {
			binary.BigEndian.PutUint16(b[s.csum:], checksumOf(s.sum+magic+seq, s.zero))
		}
		return w.len
	case counted:
		return w.count(b)
	}
	return w.all(b, magic, seq)
}

// count is all for one field that counts, which takes half the time.
func (w *Writer) count(b []byte) int {
	f := &w.fields[0]
	n := f.state
	next := n + f.stride
	if next >= f.count {
		next -= f.count
	}
	f.state = next
	v := f.first + n*f.step
	if f.form == word16 {
		binary.BigEndian.PutUint16(b[f.at:], uint16(v))
	} else {
		binary.BigEndian.PutUint32(b[f.at:], uint32(v))
	}
	e := &w.sizes[0]
	if len(w.sites) > 0 {
		w.sites[0].write(b, uint64(e.sums[0])+v)
	}
	if len(w.sites) > 1 {
		w.sites[1].write(b, uint64(e.sums[1])+v)
	}
	return e.n
}

// all makes any frame.
func (w *Writer) all(b []byte, magic, seq uint64) int {
	e := &w.sizes[0]
	if len(w.sizes) > 1 {
		e = &w.sizes[w.nextSize()]
		for _, l := range w.lengths {
			binary.BigEndian.PutUint16(b[l.at:], uint16(e.n-l.less))
		}
	}
	// Nearly every frame has two checksums at most; their sums stay in registers.
	sum0, sum1 := uint64(e.sums[0]), uint64(e.sums[1])
	if w.many {
		w.sums[0], w.sums[1] = 0, 0
		for k := 2; k < len(w.sites); k++ {
			w.sums[k] = uint64(e.sums[k])
		}
	}
	var carry uint64
	for i := range w.fields {
		f := &w.fields[i]
		var n, r uint64
		if f.random {
			r = draw(f.state)
			f.state += f.stride
			n, _ = bits.Mul64(r, f.count)
		} else {
			n = f.state
			next := n + f.stride + carry
			carry = 0
			if next >= f.count {
				next -= f.count
				carry = 1
			}
			f.state = next
		}
		sum := f.first + n*f.step
		switch f.form {
		case word16:
			binary.BigEndian.PutUint16(b[f.at:], uint16(sum))
		case word32:
			binary.BigEndian.PutUint32(b[f.at:], uint32(sum))
		case random64:
			binary.BigEndian.PutUint64(b[f.at:], r)
			sum = r>>32 + r&0xffffffff
		default:
			sum = f.put(b, n, r)
		}
		sum0 += sum & f.in[0]
		sum1 += sum & f.in[1]
		if w.many {
			f.add(&w.sums, sum)
		}
	}
	if w.probing || w.numbering {
		sum := w.mark(b, magic, seq)
		sum0 += sum & w.probe.in[0]
		sum1 += sum & w.probe.in[1]
		if w.many {
			w.probe.add(&w.sums, sum)
		}
	}
	if w.many {
		w.sums[0] += sum0
		w.sums[1] += sum1
		for k := range w.sites {
			w.sites[k].write(b, w.sums[k])
		}
		return e.n
	}
	if len(w.sites) > 0 {
		w.sites[0].write(b, sum0)
	}
	if len(w.sites) > 1 {
		w.sites[1].write(b, sum1)
	}
	return e.n
}

// mark writes a probe or a number and returns the sum of its words.
func (w *Writer) mark(b []byte, magic, seq uint64) uint64 {
	if w.numbering {
		n := uint32(seq)
		binary.BigEndian.PutUint32(b[w.layout.payload:], n)
		return uint64(n)
	}
	seq &= seqMask
	w.stamper.write(b, magic, seq)
	return w.stamper.probe + magic + seq
}

// put writes value number n of a field that is no simple word, or what the
// random number r stands for, and returns the sum of its words.
func (f *field) put(b []byte, n, r uint64) uint64 {
	v, hi := f.first+n*f.step, f.hi
	if f.list != nil {
		v, hi = f.list[n].lo, f.list[n].hi
	} else if f.all64 {
		v = r
		hi |= draw(r) & f.hiRandom
	}
	switch f.width {
	case 2:
		binary.BigEndian.PutUint16(b[f.at:], uint16(v))
	case 4:
		binary.BigEndian.PutUint32(b[f.at:], uint32(v))
	case 6:
		binary.BigEndian.PutUint32(b[f.at:], uint32(v>>16))
		binary.BigEndian.PutUint16(b[f.at+4:], uint16(v))
	default:
		p := (*[16]byte)(b[f.at:])
		binary.BigEndian.PutUint64(p[:8], hi)
		binary.BigEndian.PutUint64(p[8:], v)
		return v>>32 + v&0xffffffff + hi>>32 + hi&0xffffffff
	}
	return v
}

// add adds a word's sum, which is below 2^48, where it counts otherwise than
// once in the first two.
func (s *share) add(sums *[maxSites]uint64, sum uint64) {
	for _, m := range s.more {
		if m.negative {
			sums[m.site] += seqMask - sum // 2^48-1 is 0 in the arithmetic of checksums
		} else {
			sums[m.site] += sum
		}
	}
}

func (w *Writer) nextSize() uint64 {
	n := uint64(len(w.sizes))
	if w.random {
		i, _ := bits.Mul64(draw(w.turn), n)
		w.turn += w.stride
		return i
	}
	i := w.turn
	if w.turn += w.stride; w.turn >= n {
		w.turn -= n
	}
	return i
}
