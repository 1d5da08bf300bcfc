package main

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

//docs:begin dns

// dns tells UDP to or from port 53, over IPv4 or IPv6, with a VLAN tag or
// without. What it does not understand is none: IPv6 with extension headers,
// later fragments, two tags.
func dns(b []byte) bool {
	at := 12 // of the EtherType
	if len(b) >= at+4 && binary.BigEndian.Uint16(b[at:]) == 0x8100 {
		at += 4
	}
	if len(b) < at+2+20 {
		return false
	}
	ip, header := b[at+2:], 0
	switch binary.BigEndian.Uint16(b[at:]) {
	case 0x0800:
		if ip[9] != 17 || binary.BigEndian.Uint16(ip[6:])&0x1fff != 0 {
			return false
		}
		header = int(ip[0]&15) * 4
	case 0x86dd:
		if ip[6] != 17 {
			return false
		}
		header = 40
	default:
		return false
	}
	if len(ip) < header+4 {
		return false
	}
	return binary.BigEndian.Uint16(ip[header:]) == 53 || binary.BigEndian.Uint16(ip[header+2:]) == 53
}

//docs:end

//docs:begin scan

// scan counts the slots before the first packet that is DNS, at most max; found
// tells whether that packet is the next one.
func scan(r *netmap.Ring, max int) (slots int, found bool) {
	first := true // of a packet's slots
	for at := r.Head(); at != r.Tail(); at = r.Next(at) {
		slot := r.Slot(at)
		if first && dns(r.Bytes(slot)) {
			return slots, true
		}
		if slots == max {
			break
		}
		slots++
		first = slot.Flags&netmap.MoreFrag == 0
	}
	return slots, false
}

//docs:end

//docs:begin pass

// pass moves packets from src to dst, but for DNS, which it drops. It returns
// how many slots are done with, and how many packets were dropped.
func pass(dst, src *netmap.Ring) (done int, dropped uint64, err error) {
	for {
		run, found := scan(src, dst.Space())
		moved, err := netmap.Move(dst, src, run)
		done += moved
		if err != nil || moved != run || !found {
			return done, dropped, err
		}
		skipped := src.Skip() // gives its buffers back unsent
		if skipped == 0 {
			return done, dropped, nil // a packet that is not all there yet
		}
		done += skipped
		dropped++
	}
}

//docs:end

//docs:begin stage

// A filter is the Stage of one worker: in[i] goes to out[i].
type filter struct {
	dropped [2]atomic.Uint64 // for each direction; anyone may read them
}

func (f *filter) Process(in, out []*netmap.Ring, _ *engine.Clock) (n int, _ bool, err error) {
	for i := range in {
		done, dropped, err := pass(out[i], in[i])
		if n += done; dropped > 0 {
			f.dropped[i].Add(dropped)
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

//docs:end
