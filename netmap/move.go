package netmap

// Move forwards packets from the user's slots of src to those of dst, in
// order: by exchanging buffers where both rings share a memory region, by copying
// where not. Where they have different offsets, see [OptOffsets], it exchanges
// those buffers of one region at whose start the packet begins and is to begin.
// Both rings are advanced; neither is synced.
//
// It may move fewer slots than src has, when dst has no room. Who changes
// packets before moving them should change only those that will move,
//
//	a, b := src.Burst(min(src.Space(), dst.Space()))
//
// or the others will be changed a second time when their turn comes.
//
// It returns how many slots it moved. A packet of several slots ([MoreFrag])
// is moved whole or not at all: Move stops at the first end of a packet at or
// after max slots, and before a packet that is not all there yet or for which
// dst has no room now.
//
// The error is nil or [ErrTooLong], and comes with all earlier packets moved:
// src's first packet can never be forwarded, because it has more fragments
// than dst or src has slots or a fragment does not fit dst's buffers. To drop
// it, [Ring.Skip] it.
func Move(dst, src *Ring, max int) (int, error) {
	if max <= 0 {
		return 0, nil
	}
	swap := dst.CanSwap(src)
	// The kernel leaves masks of offsets behind in rings that have none any
	// more: those are not to cost a copy.
	some := !swap && dst.mem.id == src.mem.id
	avail, room := src.Space(), dst.Space()
	limit := min(avail, room)
	n, whole := 0, 0 // slots moved; slots up to the last end of a packet
	fits := true
	sh, dh := src.hdr.Head, dst.hdr.Head
	for fits && n < limit && (whole < max || n != whole) {
		// One contiguous run of both rings at a time.
		k := min(limit-n, len(src.slots)-int(sh), len(dst.slots)-int(dh))
		if n < max {
			k = min(k, max-n)
		} else {
			k = 1 // max is reached in the middle of a packet: on to its end
		}
		ss := src.slots[sh:][:k]
		ds := dst.slots[dh:][:k]
		done := k
		if swap {
			for i := range ss {
				Swap(&ds[i], &ss[i])
			}
		} else {
			for i := range ss {
				if some && bothAtStart(dst, &ds[i], src, &ss[i]) {
					Swap(&ds[i], &ss[i])
					continue
				}
				if uint64(ss[i].Len)+ds[i].Ptr&dst.ofsMask > dst.bufSize {
					done = i
					break
				}
				copySlot(dst, &ds[i], src, &ss[i])
			}
		}
		if end := packetsEnd(ds[:done]); end > 0 {
			whole = n + end
		}
		n += done
		sh, dh = wrap(src, sh, done), wrap(dst, dh, done)
		fits = done == k // else a fragment fits no buffer of dst, and its packet stays
	}
	// Put the buffers of a packet that is not whole back, last first.
	for ; n > whole && (swap || some); n-- {
		sh, dh = before(src, sh), before(dst, dh)
		if s, d := &src.slots[sh], &dst.slots[dh]; swap || bothAtStart(dst, d, src, s) {
			Swap(s, d)
		}
	}
	advanceBoth(dst, src, whole)
	if whole == 0 && !fits {
		return 0, ErrTooLong
	}
	if whole == 0 && limit > 0 && (room == len(dst.slots)-1 && limit == room || avail == len(src.slots)-1 && limit == avail) {
		return 0, ErrTooLong
	}
	return whole, nil
}

// Skip gives back the user's first packet, all slots of it, and returns how many
// they are: 0 if the packet is not all there yet.
func (r *Ring) Skip() int {
	n := 1
	for i := r.hdr.Head; i != r.hdr.Tail; i = r.Next(i) {
		if r.slots[i].Flags&MoreFrag == 0 {
			r.Advance(n)
			return n
		}
		n++
	}
	return 0
}

// bothAtStart says that the packets of two slots begin where their buffers do, in
// either ring: it is so, or not, after a swap as before it.
func bothAtStart(dst *Ring, d *Slot, src *Ring, s *Slot) bool {
	return (d.Ptr|s.Ptr)&(dst.ofsMask|src.ofsMask) == 0
}

// packetsEnd returns how many of the slots lie before the last end of a packet.
func packetsEnd(slots []Slot) int {
	n := len(slots)
	for n > 0 && slots[n-1].Flags&MoreFrag != 0 {
		n--
	}
	return n
}

func copySlot(dst *Ring, d *Slot, src *Ring, s *Slot) {
	d.Len = s.Len
	d.Flags = s.Flags & MoreFrag
	copy(dst.Buffer(d), src.Bytes(s))
	if to, from := dst.Meta(d), src.Meta(s); to != nil && from != nil {
		*to = *from
	}
}

func advanceBoth(dst, src *Ring, n int) {
	dst.Advance(n)
	src.Advance(n)
}

func wrap(r *Ring, i uint32, n int) uint32 {
	if i += uint32(n); int(i) == len(r.slots) {
		return 0
	}
	return i
}

func before(r *Ring, i uint32) uint32 {
	if i == 0 {
		i = uint32(len(r.slots))
	}
	return i - 1
}
