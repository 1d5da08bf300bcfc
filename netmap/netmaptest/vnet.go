package netmaptest

import "github.com/ringwalk/ringwalk/netmap"

// ethernet finds a packet's Ethernet header behind its virtio-net header, which
// is in the same slot or fills the first: the slot and the place in it. ok is
// false for a packet that is too short (first pass of nm_vale_flush).
func (p *valePort) ethernet(k *kring, first uint32) (s *netmap.Slot, at int, ok bool) {
	s = &k.slots[first]
	n := int(s.Len)
	if n > k.clip(s) {
		n = 0
	}
	switch hdr := int(p.hdrLen); {
	case hdr < n:
		return s, hdr, true
	case hdr == n && s.Flags&netmap.MoreFrag != 0:
		s = &k.slots[k.next(first)]
		return s, 0, int(s.Len) <= k.clip(s)
	}
	return nil, 0, false
}

// deliverAcross copies a packet between ports with headers of different lengths
// (bdg_mismatch_datapath). Of the header's contents ten bytes are passed on; the
// checksums and segments it may ask for are left undone.
func (v *valePort) deliverAcross(from *kring, first, frags uint32, k *kring, src *valePort) {
	begin, slots := k.hwtail, uint32(0)
	for i := range frags {
		s, t := &from.slots[first], &k.slots[k.hwtail]
		data := from.source(s, from.clip(s))
		if i == 0 {
			head := make([]byte, v.hdrLen)
			if src.hdrLen > 0 && v.hdrLen > 0 {
				copy(head, data[:min(len(data), 10)])
			}
			data = append(head, data[min(len(data), int(src.hdrLen)):]...)
		}
		first = from.next(first)
		if i == 0 && len(data) == 0 {
			continue // its header is all that a slot held
		}
		t.Len = uint16(copy(v.mem.buf(t.BufIdx), data))
		k.hwtail = k.next(k.hwtail)
		slots++
	}
	for i := begin; i != k.hwtail; i = k.next(i) {
		k.slots[i].Flags = netmap.SlotFlags(slots << 8)
		if k.next(i) != k.hwtail {
			k.slots[i].Flags |= netmap.MoreFrag
		}
		k.corrupt(i)
	}
}
