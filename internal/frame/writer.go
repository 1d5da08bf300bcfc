package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// A Writer makes the frames of one thread, one after the other, in buffers
// that hold its image or an earlier frame of it. Of the frames that a [Config]
// describes, counted from 0 on, thread i of n threads has number i, i+n, and so
// on. One goroutine uses it; nothing it does allocates or blocks but making it.
type Writer struct {
	layout          *layout
	link            Link
	seed            uint64
	thread, threads int
	lens            []uint16

	fields  []field // the fastest first
	sizes   []size
	turn    uint64 // counting: number of the next size; random: of its generator
	stride  uint64 // what is added to it for each frame
	random  bool   // of the sizes
	lengths []lengthField
	sites   []checksum

	many bool // more than two checksums, or such that do not just add up
	sums [maxSites]uint64

	path    path
	probing bool
	stamper Stamper
	probe   share
	seq     uint64
}

// A field is one that differs from frame to frame. It is written as a whole
// word, with the bits of the frame around it.
type field struct {
	at     int32
	width  uint8 // bytes: 2, 4, 6 or 16
	form   form
	random bool
	all64  bool // IPv6: all 64 lower bits are random, and those of hiRandom

	state       uint64 // counting: the number of the next value; random: of the generator
	stride      uint64 // what is added to it for each frame
	count       uint64 // of values
	first, step uint64 // values are first + i·step,

	share

	list         []pair // or these
	hi, hiRandom uint64 // IPv6: the upper half, and which of its bits are random
}

// form says how a field's values become a word.
type form uint8

const (
	other form = iota
	word16
	word32
)

// A share is which sums under checksums a word counts in.
type share struct {
	in   [2]uint64 // all ones if once in the sum under this one of the first two
	more []summand
}

// A summand says that a word counts in the sum under a checksum, once or, if
// negative, once less.
type summand struct {
	site     int
	negative bool
}

// A checksum is where one is, and what 0 is written as there.
type checksum struct {
	at   int
	zero uint16
}

func (c *checksum) write(b []byte, sum uint64) {
	binary.BigEndian.PutUint16(b[c.at:], checksumOf(sum, c.zero))
}

// A size is a length of frames, and the sums under the checksums without what
// varies.
type size struct {
	n    int
	sums [maxSites]uint16
}

// path is how frames are made.
type path uint8

const (
	general path = iota
	stamped      // the probe is all that changes: the Stamper does it
	counted      // one field that counts is all that changes
)

// maxSites is the most checksums of a frame: of an IP header and what it
// carries, in two tunnels.
const maxSites = 6

// NewWriter makes the writer of thread i of n threads for the frames that c
// describes. The error says which field of c cannot be, and why.
//
// Where no field of c varies, the threads differ in the source port: thread i
// has c's + i, so that a receiver's flow hash can spread them; frames from
// Bytes are left as they are.
func NewWriter(c Config, i, n int) (*Writer, error) {
	if c.Link == Ethernet && c.Layers == nil && c.Bytes == nil && c.SrcRange == (Range{}) && c.DstRange == (Range{}) && c.Src.IsValid() && c.Dst.IsValid() {
		var err error
		if c.Src, c.Dst, err = endpoints(c); err != nil {
			return nil, err
		}
	}
	longest, shortest := 0, 0
	lens := c.Sizes.cycle
	if len(lens) > 0 {
		longest, shortest = int(slices.Max(lens)), int(slices.Min(lens))
	}
	l, err := c.layout(longest)
	if err != nil {
		return nil, err
	}
	if shortest > 0 {
		if _, err := c.layout(shortest); err != nil {
			return nil, err
		}
	}
	if len(l.sites) > maxSites {
		return nil, fmt.Errorf("cannot write frames with %d checksums: at most %d", len(l.sites), maxSites)
	}
	if len(l.varying) == 0 && !l.captured {
		l.spread(i)
	}
	if shortest == longest {
		lens = []uint16{uint16(len(l.bytes))}
	}
	w := &Writer{layout: l, link: c.Link, seed: c.Seed, thread: i, threads: n, lens: lens, random: c.Sizes.random}
	w.prepare()
	return w, nil
}

// Probe makes the frames carry probes of a stream, from sequence 0 on. It is
// called before the image is used, in which it may correct checksums. Where
// they have no place for one the error says why, to be put behind "no probes".
func (w *Writer) Probe(stream uint16) error {
	l := w.layout
	if !l.l4 {
		return errors.New("frames without a header of layer 4 have no place for one")
	}
	if n, need := int(slices.Min(w.lens)), l.payload+ProbeLen; n < need {
		return fmt.Errorf("frames of %d bytes have no room for one (it needs %d)", n, need)
	}
	complete(l.bytes, l.sites, l.lengths) // those of a capture may be wrong
	w.probing = true
	var err error
	w.stamper, err = l.template(w.link).Stamper(stream)
	w.prepare()
	return err
}

// spread gives frames that are the same on all threads a source port of their
// own.
func (l *layout) spread(thread int) {
	ip := lastIP(l.headers)
	if thread == 0 || ip < 0 || ip+1 == len(l.headers) {
		return
	}
	if h := l.headers[ip+1]; h.kind == udp || h.kind == tcp {
		binary.BigEndian.PutUint16(l.bytes[h.off:], binary.BigEndian.Uint16(l.bytes[h.off:])+uint16(thread))
		complete(l.bytes, l.sites, l.lengths)
	}
}

func (w *Writer) prepare() {
	w.fields, w.sizes, w.sites, w.probe, w.many = nil, nil, nil, share{}, false
	w.compile(w.layout, w.lens)
	w.path = general
	switch {
	case len(w.sizes) > 1 || w.many:
	case w.probing && len(w.fields) == 0:
		w.path = stamped
	case !w.probing && len(w.fields) == 1 && !w.fields[0].random && w.fields[0].form != other:
		w.path = counted
	}
	w.turn, w.stride = uint64(w.thread)%uint64(len(w.sizes)), uint64(w.threads)%uint64(len(w.sizes))
	if w.random {
		w.turn, w.stride = scatter(w.seed+lengthSeed)+uint64(w.thread)*weyl, uint64(w.threads)*weyl
	}
}

// Image is the frame to be put into a buffer that the Writer has not yet made
// a frame in. It is as long as the longest frame. Not to be changed.
func (w *Writer) Image() []byte { return w.layout.bytes }

// Len is the length of every frame, or 0 if lengths vary.
func (w *Writer) Len() int {
	if len(w.sizes) > 1 {
		return 0
	}
	return w.sizes[0].n
}

// Link says what frames start with.
func (w *Writer) Link() Link { return w.link }

// Static reports whether all frames are the image: then there is nothing to
// write.
func (w *Writer) Static() bool { return !w.probing && len(w.fields) == 0 && len(w.sizes) == 1 }

// Probing reports whether frames carry probes.
func (w *Writer) Probing() bool { return w.probing }

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
	case stamped:
		w.stamper.put(b, magic, seq)
		return w.sizes[0].n
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
		default:
			sum = f.put(b, n, r)
		}
		sum0 += sum & f.in[0]
		sum1 += sum & f.in[1]
		if w.many {
			f.add(&w.sums, sum)
		}
	}
	if w.probing {
		seq &= seqMask
		w.stamper.write(b, magic, seq)
		sum := w.stamper.probe + magic + seq
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
