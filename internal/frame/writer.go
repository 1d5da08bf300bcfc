package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
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
	lens            []uint16 // with the head, as all lengths here
	head            int      // zeros in front of the frame

	fields  []field // the fastest first
	sizes   []size
	turn    uint64 // counting: number of the next size; random: of its generator
	stride  uint64 // what is added to it for each frame
	random  bool   // of the sizes
	lengths []lengthField
	sites   []checksum

	many bool // more than two checksums, or such that do not just add up
	sums [maxSites]uint64

	path      path
	len       int // of all frames, where they are stamped
	probing   bool
	numbering bool
	stamper   Stamper
	probe     share
	seq       uint64
}

// A field is one that differs from frame to frame. It is written as a whole
// word, with the bits of the frame around it.
type field struct {
	at     int32
	width  uint8 // bytes: 2, 4, 6, 8 or 16
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
	random64 // any value at all
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
	c.Src, c.Dst = unmap(c.Src), unmap(c.Dst)
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
	if len(l.varying) == 0 && !l.captured {
		l.spread(i)
	}
	if c.Head < 0 || c.Head%2 != 0 || max(longest, len(l.bytes))+c.Head > maxFrame {
		return nil, fmt.Errorf("cannot put %d bytes in front of frames of %d: want an even number, and at most %d together", c.Head, max(longest, len(l.bytes)), maxFrame)
	}
	l.shift(c.Head)
	if shortest == longest {
		lens = []uint16{uint16(len(l.bytes))}
	} else if c.Head > 0 {
		lens = slices.Clone(lens)
		for i := range lens {
			lens[i] += uint16(c.Head)
		}
	}
	w := &Writer{layout: l, link: c.Link, seed: c.Seed, thread: i, threads: n, lens: lens, head: c.Head, random: c.Sizes.random}
	if err := w.prepare(); err != nil {
		return nil, err
	}
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
	if n, need := w.Shortest(), l.payload+ProbeLen; n < need {
		return fmt.Errorf("frames of %d bytes have no room for one (it needs %d)", n-w.head, need-w.head)
	}
	if l.captured && w.link == Ethernet && l4Payload(l.bytes[w.head:], ProbeLen) != l.payload-w.head {
		return errors.New("the given frame's headers leave no room for one, or rcv would not find it there")
	}
	complete(l.bytes, l.sites, l.lengths) // those of a capture may be wrong
	w.probing = true
	var err error
	if w.stamper, err = l.template(w.link).Stamper(stream); err != nil {
		return err
	}
	return w.prepare()
}

// Number makes the frames carry pkt-gen's numbers of txseq, from 0 on, in place
// of probes; else it is as Probe.
func (w *Writer) Number() error {
	l := w.layout
	if !l.l4 {
		return errors.New("frames without a header of layer 4 have no place for a number")
	}
	if n, need := w.Shortest(), l.payload+SeqLen; n < need {
		return fmt.Errorf("frames of %d bytes have no room for a number (it needs %d)", n-w.head, need-w.head)
	}
	complete(l.bytes, l.sites, l.lengths)
	w.numbering = true
	w.prepare()
	return nil
}

// marks is how many bytes of payload are written for each frame.
func (w *Writer) marks() int {
	switch {
	case w.probing:
		return ProbeLen
	case w.numbering:
		return SeqLen
	}
	return 0
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

// prepare knows the image and makes everything else of it.
func (w *Writer) prepare() error {
	w.fields, w.sizes, w.sites, w.probe, w.many = nil, nil, nil, share{}, false
	if err := w.compile(w.layout, w.lens); err != nil {
		return err
	}
	w.path = general
	switch {
	case len(w.sizes) > 1 || w.many:
	case w.probing && len(w.fields) == 0 && w.stamps():
		w.path, w.len = stamped, w.sizes[0].n
	case w.marks() == 0 && len(w.fields) == 1 && !w.fields[0].random && w.fields[0].form != other:
		w.path = counted
	}
	w.turn, w.stride = uint64(w.thread)%uint64(len(w.sizes)), uint64(w.threads)%uint64(len(w.sizes))
	if w.random {
		w.turn, w.stride = scatter(w.seed+lengthSeed)+uint64(w.thread)*weyl, uint64(w.threads)*weyl
	}
	return nil
}

// stamps reports whether the Stamper writes all checksums that the probe changes:
// one that an outer header has over an inner one without, it does not.
func (w *Writer) stamps() bool {
	return !slices.ContainsFunc(w.sites, func(c checksum) bool { return c.at != w.stamper.csum })
}

// Head is the number of zeros in front of each frame, which Image and all
// lengths here contain.
func (w *Writer) Head() int { return w.head }

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

// Shortest is the length of the shortest frame.
func (w *Writer) Shortest() int { return int(slices.Min(w.lens)) }

// Marked is how many bytes of a frame hold its headers and what is written for
// each frame behind them, the probe or number.
func (w *Writer) Marked() int { return w.layout.payload + w.marks() }

// Link says what frames start with.
func (w *Writer) Link() Link { return w.link }

// Static reports whether all frames are the image: then there is nothing to
// write.
func (w *Writer) Static() bool { return w.marks() == 0 && len(w.fields) == 0 && len(w.sizes) == 1 }

// Probing reports whether frames carry probes.
func (w *Writer) Probing() bool { return w.probing }
