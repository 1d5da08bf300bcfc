package netmaptest

import (
	"slices"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// ops is what differs from one kind of port to the next: the nm_ callbacks of
// struct netmap_adapter.
type ops interface {
	txSync(k *kring, f syncFlags) bool
	rxSync(k *kring, f syncFlags) bool
	// pending says that a sync would move hwtail.
	pending(k *kring) bool
	createRings()
	deleteRings()
	register(on bool) error
	dtor()
}

// An adapter is a port (struct netmap_adapter). It goes when nobody refers to
// it any more.
type adapter struct {
	dev      *Device
	ops      ops
	name     string
	refs     int
	mem      *memory
	memPrev  *memory // while a registration's @mem takes its place
	memOwner bool    // the region cannot be exchanged (NAF_MEM_OWNER)
	hasHost  bool    // NAF_HOST_RINGS
	busy     bool    // a switch has its rings (NAF_BUSY)
	hdrLen   uint32  // virt_hdr_len

	nrings, nslots, nhost [2]int
	rings                 [2][]*kring // the port's, then the host's; nil if nobody is registered
	active                int         // registrations
	on, zombie            bool        // NAF_NETMAP_ON, NAF_ZOMBIE

	pipes    map[string]*pipe // by id: the masters
	monitors int              // ever made

	// Faults.
	limit   int // slots taken at a sync; 0: all
	badBuf  uint32
	badLeft int

	count Counters
}

// Counters are what became of a port's packets (frames of several slots count
// once).
type Counters struct {
	Sent     uint64 // taken from its transmit rings
	Received uint64 // put into its receive rings
	Dropped  uint64 // for it, but its receive ring was full or not there
}

// attach is netmap_attach_common.
func (d *Device) attach(na *adapter, o ops, m *memory) {
	na.dev, na.ops = d, o
	na.mem = m
	m.refs++
	if na.hasHost {
		na.nhost[tx], na.nhost[rx] = max(na.nhost[tx], 1), max(na.nhost[rx], 1)
	}
}

func (na *adapter) get() *adapter {
	na.refs++
	return na
}

// put is netmap_adapter_put.
func (na *adapter) put() {
	if na == nil {
		return
	}
	if na.refs--; na.refs > 0 {
		return
	}
	na.ops.dtor()
	na.dev.putMemory(na.mem)
}

// realRings and allRings are netmap_real_rings and netmap_all_rings: there is
// always a place for one host ring.
func (na *adapter) realRings(t netmap.Dir) int {
	if !na.hasHost {
		return na.nrings[t]
	}
	return na.nrings[t] + na.nhost[t]
}

func (na *adapter) allRings(t netmap.Dir) int { return max(na.nrings[t]+1, na.realRings(t)) }

// createRings is netmap_krings_create.
func (na *adapter) createRings() {
	if na.rings[tx] != nil {
		return
	}
	for _, t := range []netmap.Dir{tx, rx} {
		for i := range na.allRings(t) {
			k := &kring{na: na, id: i, dir: t, n: uint32(na.nslots[t]), notify: (*kring).wake}
			if t == tx {
				k.sync = na.ops.txSync
				k.hwtail = k.n - 1 // one slot stays empty
				k.rtail = k.hwtail
			} else {
				k.sync = na.ops.rxSync
			}
			k.fake = i >= na.nrings[t] && !na.hasHost
			na.rings[t] = append(na.rings[t], k)
		}
	}
}

// deleteRings is netmap_krings_delete.
func (na *adapter) deleteRings() { na.rings = [2][]*kring{} }

func (na *adapter) each(f func(k *kring)) {
	for _, rings := range na.rings {
		for _, k := range rings {
			f(k)
		}
	}
}

// makeRings creates the rings that are needed and not there
// (netmap_mem2_rings_create).
func (na *adapter) makeRings() error {
	for _, rings := range na.rings {
		for _, k := range rings {
			if k.ring != nil || k.users == 0 && !k.needed {
				continue
			}
			if err := na.mem.newRing(k); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropRings frees the rings that are no longer needed
// (netmap_mem2_rings_delete).
func (na *adapter) dropRings() {
	na.each(func(k *kring) {
		if k.ring != nil && k.users == 0 && !k.needed {
			for i := range k.bad {
				k.restore(i)
			}
			na.mem.freeRing(k)
		}
	})
}

// commit is netmap_krings_mode_commit.
func (na *adapter) commit(on bool) {
	for t, rings := range na.rings {
		for _, k := range rings[:min(len(rings), na.realRings(netmap.Dir(t)))] {
			if k.pendingOn == on {
				k.on = on
			}
		}
	}
}

// commitHost is netmap_update_hostrings_mode.
func (na *adapter) commitHost() {
	for t, rings := range na.rings {
		for i, k := range rings {
			if i >= na.nrings[t] && i < na.realRings(netmap.Dir(t)) {
				k.on = k.pendingOn
			}
		}
	}
}

// setOn follows the first and the last registration.
func (na *adapter) setOn(on bool) {
	if na.active == 0 {
		na.on = on
	}
}

// wantMemory gives a port that nobody uses another region, until it is unused
// again (netmap_get_hw_na at assign_mem). For a port in use it does nothing.
func (na *adapter) wantMemory(m *memory) {
	if m != nil && !na.memOwner && na.active == 0 && na.mem != m {
		m.refs++
		if na.memPrev == nil {
			na.memPrev = na.mem
		} else {
			na.dev.putMemory(na.mem)
		}
		na.mem = m
	}
}

// dropMemory is netmap_mem_drop.
func (na *adapter) dropMemory() {
	na.mem.deref()
	if na.active <= 0 && na.memPrev != nil {
		na.dev.putMemory(na.mem)
		na.mem, na.memPrev = na.memPrev, nil
	}
}

// ringIDs finds the rings that a registration means (netmap_interp_ringid).
func (na *adapter) ringIDs(r *netmap.RegisterReq) (first, last [2]int, err error) {
	excluded := [2]netmap.Flags{tx: netmap.FlagRxRingsOnly, rx: netmap.FlagTxRingsOnly}
	id := int(r.RingID)
	for t := range first {
		if r.Flags&excluded[t] != 0 {
			continue
		}
		n := na.nrings[t]
		switch r.Mode {
		case netmap.ModeAllNIC, netmap.ModeNull:
			last[t] = n
		case netmap.ModeSW, netmap.ModeNICSW:
			if !na.hasHost {
				return first, last, unix.EINVAL
			}
			if r.Mode == netmap.ModeSW {
				first[t] = n
			}
			last[t] = na.allRings(netmap.Dir(t))
		case netmap.ModeOneNIC:
			if id >= na.nrings[tx] && id >= na.nrings[rx] {
				return first, last, unix.EINVAL
			}
			// Beyond the direction's rings it is the first one.
			if id < n {
				first[t] = id
			}
			last[t] = first[t] + 1
		case netmap.ModeOneSW:
			if !na.hasHost || id >= na.nhost[tx] && id >= na.nhost[rx] {
				return first, last, unix.EINVAL
			}
			first[t] = n
			if id < na.nhost[t] {
				first[t] = n + id
			}
			last[t] = first[t] + 1
		default:
			return first, last, unix.EINVAL
		}
	}
	return first, last, nil
}

// forget takes a file out of the books of a ring.
func (k *kring) forget(f *file) {
	k.files = slices.DeleteFunc(k.files, func(g *file) bool { return g == f })
}
