package pcap

import (
	"fmt"
	"io"
)

// Block types of pcapng; all others are skipped.
const (
	blockSection    = 0x0a0d0d0a // Section Header Block, the same in both byte orders
	blockInterface  = 1          // Interface Description Block
	blockPacket     = 2          // Packet Block, obsolete
	blockSimple     = 3          // Simple Packet Block
	blockEnhanced   = 6          // Enhanced Packet Block
	blockStatistics = 5          // Interface Statistics Block
)

// firstInterface reads blocks until one tells the link type.
func (r *reader) firstInterface() error {
	for r.ifaces == 0 {
		err := r.finish()
		if err == nil {
			_, _, err = r.block()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// block looks at the next block. It passes all but a packet, which it returns.
// Of all options only those are looked at that say what an interface's times
// mean: nothing in the others says where or when a frame is.
func (r *reader) block() (rec record, found bool, err error) {
	b, err := r.peek(12) // no block is shorter
	if err != nil {
		return rec, false, err
	}
	typ := r.u32(b)
	if typ == blockSection {
		return rec, false, r.section()
	}
	size := r.u32(b[4:])
	fixed := uint32(8) // bytes up to the packet, the options, or whatever
	switch typ {
	case blockInterface:
		fixed = 16
	case blockSimple:
		fixed = 12
	case blockEnhanced, blockPacket:
		fixed = 28
	}
	if size < fixed+4 || size%4 != 0 {
		return rec, false, r.damaged("a block of type %#x claims %d bytes", typ, size)
	}
	if b, err = r.peek(int(fixed)); err != nil {
		return rec, false, err
	}
	switch typ {
	case blockInterface:
		return rec, false, r.describe(size)
	case blockSimple:
		rec.length, rec.untimed = r.u32(b[8:]), true
		rec.caplen = rec.length
		if r.snap != 0 {
			rec.caplen = min(rec.caplen, r.snap)
		}
		err = r.packet(&rec, 0, fixed, size)
	case blockEnhanced:
		rec.caplen, rec.length = r.u32(b[20:]), r.u32(b[24:])
		rec.ts = uint64(r.u32(b[12:]))<<32 | uint64(r.u32(b[16:]))
		err = r.packet(&rec, r.u32(b[8:]), fixed, size)
	case blockPacket:
		rec.caplen, rec.length = r.u32(b[20:]), r.u32(b[24:])
		rec.ts = uint64(r.u32(b[12:]))<<32 | uint64(r.u32(b[16:]))
		err = r.packet(&rec, uint32(r.u16(b[8:])), fixed, size)
	default:
		return rec, false, r.passBlock(fixed, size)
	}
	return rec, err == nil, err
}

// describe reads an interface's description.
func (r *reader) describe(size uint32) error {
	n := min(size-4, 16+maxOptions)
	b, err := r.peek(int(n))
	if err != nil {
		return err
	}
	link := uint32(r.u16(b[8:]))
	if !r.lenient {
		if err := r.checkLink(link); err != nil {
			return err
		}
	}
	if r.ifaces == 0 {
		r.snap = r.u32(b[12:])
	}
	if len(r.known) < maxIfaces {
		r.known = append(r.known, iface{clock: r.options(b[16:]), link: link})
	}
	r.ifaces++
	return r.passBlock(n, size)
}

// packet completes the record of a packet block and checks that it lies
// inside.
func (r *reader) packet(rec *record, iface, fixed, size uint32) error {
	if iface >= r.ifaces {
		return r.damaged("it was captured on interface %d, and %d are described", iface, r.ifaces)
	}
	if r.lenient && iface >= uint32(len(r.known)) {
		return r.damaged("it was captured on interface %d, and no more than %d are told apart", iface, maxIfaces)
	}
	rec.iface = iface
	if room := size - fixed - 4; rec.caplen > room {
		return r.damaged("its block claims to hold %d bytes and has room for %d", rec.caplen, room)
	}
	rec.header, rec.rest, rec.trailer = fixed, size-fixed-4-rec.caplen, size
	return nil
}

// section reads a section header, which sets the byte order and forgets the
// interfaces.
func (r *reader) section() error {
	b, err := r.peek(24)
	if err != nil {
		return err
	}
	switch {
	case b[8] == 0x1a && b[9] == 0x2b && b[10] == 0x3c && b[11] == 0x4d:
		r.big = true
	case b[8] == 0x4d && b[9] == 0x3c && b[10] == 0x2b && b[11] == 0x1a:
		r.big = false
	default:
		return r.damaged("a section header has the byte-order magic % x", b[8:12])
	}
	if major, minor := r.u16(b[12:]), r.u16(b[14:]); major != 1 {
		return fmt.Errorf("capture file %s has a section of pcapng version %d.%d: want 1.0", r.name, major, minor)
	}
	size := r.u32(b[4:])
	if size < 28 || size%4 != 0 {
		return r.damaged("a section header claims %d bytes", size)
	}
	r.ifaces, r.snap, r.known = 0, 0, r.known[:0]
	return r.passBlock(24, size)
}

// passBlock passes a block of size bytes, of which the first fixed were peeked
// at.
func (r *reader) passBlock(fixed, size uint32) error {
	r.skip, r.trailer = int64(size)-int64(fixed)-4, size
	return r.pass(int(fixed))
}
