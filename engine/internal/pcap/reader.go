package pcap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// window is how much of the file is held at a time, in bytes: more than the
// longest packet a slot can take.
const window = 128 << 10

// What says that a packet was passed over, and why.
var (
	errTruncated = errors.New("packet is truncated in the capture")
	errTooLong   = errors.New("packet does not fit")
	errOtherLink = errors.New("packet is no Ethernet frame") // only of a lenient reader
)

// A reader takes the packets out of a capture. It moves on only when what it
// needs is there, so that after errAgain it can be asked again.
type reader struct {
	name    string
	in      *bufio.Reader
	lenient bool   // packets of other link types are passed over, not refused
	big     bool   // byte order
	ng      bool   // pcapng
	nano    bool   // classic: timestamps in ns
	packets uint64 // packets passed so far
	last    record // the one passed last
	now     int64  // its time, see time

	skip    int64  // bytes left of the record that was last passed
	trailer uint32 // pcapng: what must then follow, the block's length; 0: nothing

	ifaces uint32  // pcapng: interfaces of this section
	known  []iface // pcapng: of these, the first maxIfaces
	snap   uint32  // pcapng: snap length of its first interface, 0: none
}

// A record is a packet that the reader has come to.
type record struct {
	header  uint32 // bytes in front of the packet
	caplen  uint32 // bytes of the packet that are in the file
	length  uint32 // bytes it had on the wire
	rest    uint32 // pcapng: bytes behind it, up to the trailer
	trailer uint32
	iface   uint32 // pcapng
	ts      uint64 // as in the file: of classic ones the seconds in the upper half
	untimed bool
}

// newReader reads as far as the link type is told (a pcapng file need not have
// any).
func newReader(name string, in io.Reader) (*reader, error) {
	r := &reader{name: name, in: bufio.NewReaderSize(in, window)}
	return r, r.begin()
}

// newLenient makes a reader that passes over packets of other link types in a
// pcapng file, where each interface has its own.
func newLenient(name string, in io.Reader) (*reader, error) {
	r := &reader{name: name, in: bufio.NewReaderSize(in, window), lenient: true}
	return r, r.begin()
}

// restart begins again with in at its beginning.
func (r *reader) restart(in io.Reader) error {
	*r = reader{name: r.name, in: r.in, lenient: r.lenient, known: r.known[:0]}
	r.in.Reset(in)
	return r.begin()
}

// begin reads the file header.
func (r *reader) begin() error {
	name := r.name
	b, err := r.peek(4)
	if err == io.EOF {
		return fmt.Errorf("capture file %s is empty: it has no file header", name)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s is no capture file: it is too short for a file header: %w", name, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	switch magic := binary.LittleEndian.Uint32(b); magic {
	case 0xa1b2c3d4:
	case 0xa1b23c4d:
		r.nano = true
	case 0xd4c3b2a1:
		r.big = true
	case 0x4d3cb2a1:
		r.big, r.nano = true, true
	case blockSection:
		r.ng = true
		return r.firstInterface()
	default:
		if magic&0xffff == 0x8b1f {
			return fmt.Errorf("capture file %s is compressed: gunzip it first", name)
		}
		return fmt.Errorf("%s is no capture file: it starts with % x, which neither pcap nor pcapng does", name, b)
	}
	b, err = r.peek(24)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("capture file %s ends within its file header: %w", name, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	if major, minor := r.u16(b[4:]), r.u16(b[6:]); major != 2 {
		return fmt.Errorf("capture file %s has version %d.%d: want 2.4", name, major, minor)
	}
	// The bits above are about the frames' CRC.
	if err := r.checkLink(r.u32(b[20:]) & 0x03ffffff); err != nil {
		return err
	}
	return r.pass(24)
}

// read passes the next packet and copies it into buf, returning its length in
// bytes, or why it did not copy it: [errTruncated], [errTooLong], or
// [errOtherLink]. It returns io.EOF where the file ends in order.
func (r *reader) read(buf []byte) (int, error) {
	rec, err := r.find()
	if err != nil {
		return 0, err
	}
	if rec.caplen > maxCapture {
		return 0, r.damaged("its record claims %d bytes, and the longest possible has %d", rec.caplen, maxCapture)
	}
	if rec.caplen > rec.length {
		return 0, r.damaged("its record claims to hold %d bytes of a packet of %d", rec.caplen, rec.length)
	}
	n := int(rec.caplen)
	take := int(rec.header)
	why := r.judge(&rec, len(buf))
	whole := why == nil
	if whole {
		take += n
	}
	b, err := r.peek(take)
	if err != nil {
		return 0, err
	}
	if whole {
		copy(buf, b[rec.header:])
	}
	r.skip, r.trailer = int64(rec.header)+int64(n)+int64(rec.rest)-int64(take), rec.trailer
	r.packets++
	r.last = rec
	if err := r.pass(take); err != nil || whole {
		return n, err
	}
	return 0, why
}

// judge says why a packet is to be passed over, nil if it is not.
func (r *reader) judge(rec *record, room int) error {
	switch {
	case r.ng && r.lenient && r.known[rec.iface].link != linkEthernet:
		return errOtherLink
	case rec.caplen != rec.length:
		return errTruncated
	case int(rec.caplen) > room:
		return errTooLong
	}
	return nil
}

// find goes to the next packet, without passing it.
func (r *reader) find() (record, error) {
	for {
		if err := r.finish(); err != nil {
			return record{}, err
		}
		if !r.ng {
			b, err := r.peek(16)
			if err != nil {
				return record{}, err
			}
			ts := uint64(r.u32(b))<<32 | uint64(r.u32(b[4:]))
			return record{header: 16, caplen: r.u32(b[8:]), length: r.u32(b[12:]), ts: ts}, nil
		}
		rec, found, err := r.block()
		if err != nil || found {
			return rec, err
		}
	}
}

// finish passes what is left of the last record.
func (r *reader) finish() error {
	for r.skip > 0 {
		n, err := r.in.Discard(int(min(r.skip, 1<<30)))
		r.skip -= int64(n)
		if err != nil {
			return r.within(err)
		}
	}
	if r.trailer == 0 {
		return nil
	}
	b, err := r.peek(4)
	if err != nil {
		return r.within(err)
	}
	if end := r.u32(b); end != r.trailer {
		return r.damaged("the block before it has %d bytes by its first length and %d by its last", r.trailer, end)
	}
	r.trailer = 0
	return r.pass(4)
}

// peek returns the next n bytes, which are good until the next call. io.EOF
// says that there is none; a part of them is damage.
func (r *reader) peek(n int) ([]byte, error) {
	b, err := r.in.Peek(n)
	if err == nil || err == io.EOF && len(b) == 0 {
		return b, err
	}
	return nil, r.within(err)
}

// pass goes on by n bytes that were peeked at.
func (r *reader) pass(n int) error {
	_, err := r.in.Discard(n)
	return err
}

// within is what a failed read means inside of a record.
func (r *reader) within(err error) error {
	switch err {
	case errAgain:
		return err
	case io.EOF:
		return r.damaged("the file ends in the middle of it: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("read capture file %s: %w", r.name, err)
}

// damaged is an error about the next packet, numbered as Wireshark does.
func (r *reader) damaged(format string, args ...any) error {
	return fmt.Errorf("capture file %s is damaged at packet %d: %w", r.name, r.packets+1, fmt.Errorf(format, args...))
}

// checkLink refuses packets that are not Ethernet frames.
func (r *reader) checkLink(link uint32) error {
	if link == linkEthernet {
		return nil
	}
	return fmt.Errorf("capture file %s has packets of link type %s: only Ethernet frames can be read", r.name, linkName(link))
}

func linkName(link uint32) string {
	if name, ok := linkNames[link]; ok {
		return name
	}
	return "LINKTYPE " + strconv.FormatUint(uint64(link), 10)
}

// linkNames are the link types one is likely to meet
// (draft-ietf-opsawg-pcaplinktype).
var linkNames = map[uint32]string{
	0:   "NULL (BSD loopback)",
	9:   "PPP",
	101: "RAW (IP without a link header)",
	105: "IEEE802_11 (Wi-Fi)",
	113: "LINUX_SLL (captured on any)",
	127: "IEEE802_11_RADIOTAP (Wi-Fi)",
	228: "IPV4",
	229: "IPV6",
	276: "LINUX_SLL2 (captured on any)",
}

func (r *reader) u16(b []byte) uint16 {
	if r.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (r *reader) u64(b []byte) uint64 {
	if r.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

func (r *reader) u32(b []byte) uint32 {
	if r.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}
