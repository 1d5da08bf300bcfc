package netmap

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Config says how to open a port. The zero value of a field is its default.
type Config struct {
	// Device is where the port is opened; nil: [Kernel].
	Device Device
	// ExtraBufs asks for buffers beyond those in the rings, for Port.Pool.
	// The kernel may grant fewer.
	ExtraBufs int
	// Single binds all rings to one descriptor instead of one each: a Sync or
	// Wait of any queue then syncs all of its direction, a Wait ends when any
	// of them has something, and one goroutine owns all queues. Forwarding
	// from the host's stack needs it, see [RingForward].
	Single bool
	// AcceptVnetHdr opens a port also where its frames begin with a virtio-net
	// header (NR_ACCEPT_VNET_HDR), as those of a VALE port for a virtual machine
	// do; else such a port is EIO. The header counts in a slot's length, and the
	// Ethernet header follows it.
	AcceptVnetHdr bool
	// ExtMem is memory of the caller's to make the port in, instead of the
	// kernel's, as the spec's option @extmem gives it from a file. The port
	// must not be there yet. The memory is the caller's to unmap, after Close
	// and when nobody walks a ring any more; what is in it then stays. Info is
	// answered with the sizes asked for; of netmap_ifs there are 64 where it
	// does not say how many, for a port needs one for each ring.
	ExtMem *OptExtMem
	// Offsets has packets begin at an offset in their buffers, as the spec's
	// option @offset does, see [OptOffsets].
	Offsets *OptOffsets
	// Kloop opens the port in CSB mode, for the kernel to sync its rings in a
	// loop, see [Port.RunKloop]. The spec must have the flag x; all rings are
	// on one descriptor, as with Single. nil: the ordinary mode.
	Kloop *KloopConfig
}

// Info is what the kernel said of an open port.
type Info struct {
	Spec                     Spec
	MemID                    uint16 // of the region; ports with equal ids can swap buffers
	MemSize                  uint64 // bytes
	TxRings, RxRings         int    // of the port, bound or not
	HostTxRings, HostRxRings int
	TxSlots, RxSlots         int // of each ring
	BufSize                  int // bytes
	VnetHdr                  int // bytes of the virtio-net header of each frame; looked for with AcceptVnetHdr only
}

// A Port is an open netmap port: one descriptor for each ring and direction,
// so that each can have its own thread, and an anchor.
//
//	anchor ── the spec's own registration, owns the mapping, is never synced
//	TX 0   ── NR_REG_ONE_NIC 0, NR_TX_RINGS_ONLY
//	TX 1   ── NR_REG_ONE_NIC 1, NR_TX_RINGS_ONLY
//	RX 0   ── NR_REG_ONE_NIC 0, NR_RX_RINGS_ONLY
//
// Directions are apart because a poll for one holds the other's ring, and a
// sync of that ring meanwhile does nothing. The anchor keeps the NIC in netmap
// mode while queues come and go: every first and last registration resets it.
// An exclusive port (/x) can have no anchor; a monitor, which is another one at
// each registration, has a single descriptor.
type Port struct {
	name    string // as given
	info    Info
	mem     *Memory
	lent    []byte       // memory that the region is made of, where it is not the kernel's
	file    []byte       // of those, the port's own mapping of a file
	regs    []registered // in order of opening: the first owns the mapping
	wants   int          // registrations, with those to come
	tx, rx  []*Queue
	options portOptions
	pool    *Pool
	kloop   *kloop
	link    *link
	stopped atomic.Bool

	mu     sync.Mutex
	closed bool
	err    error
	users  []*UserBufs // to be there as long as slots can name them
}

// registered is a bound descriptor with the answer to its registration.
type registered struct {
	file File
	req  RegisterReq
	// offsets says that it asked for offsets, and got max for the largest, bytes.
	offsets bool
	max     uint64
}

// Open opens a port by its spec, see [ParseSpec]. It needs read and write
// permission on /dev/netmap. The caller must Close the port.
//
// A *SpecError says that the spec is none. Other errors are *OpError, wrap the
// kernel's errno and say what to do: ErrNoModule without the module, ENXIO
// where there is no such interface, EBUSY where its rings are taken,
// EOPNOTSUPP where it has no native driver and may not be emulated, ENOMEM
// where its memory is too small.
func Open(spec string, c *Config) (*Port, error) {
	sp, err := ParseSpec(spec)
	if err != nil {
		return nil, err
	}
	return OpenSpec(sp, c)
}

// OpenSpec is Open for a spec that is already taken apart, or that no text can
// say.
func OpenSpec(sp Spec, c *Config) (*Port, error) {
	var cfg Config
	if c != nil {
		cfg = *c
	}
	if cfg.Device == nil {
		cfg.Device = Kernel
	}
	p := &Port{name: sp.String(), info: Info{Spec: sp}}
	err := p.open(cfg)
	if err == nil && cfg.AcceptVnetHdr {
		p.info.VnetHdr, err = Control{Device: cfg.Device}.PortHdr(sp.Name)
	}
	if err != nil {
		p.release()
		return nil, &OpError{Op: "open", Port: p.name, Err: err}
	}
	return p, nil
}

func (p *Port) open(c Config) error {
	sp := &p.info.Spec
	if c.Kloop != nil {
		if err := c.Kloop.check(sp.Flags); err != nil {
			return err
		}
	}
	if err := p.setOptions(&c); err != nil {
		return err
	}
	want := RegisterReq{
		Mode: sp.Mode, RingID: sp.RingID, Flags: sp.Flags | FlagNoTxPoll, MemID: sp.MemID,
		TxRings: sp.Conf.TxRings, RxRings: sp.Conf.RxRings, HostTxRings: sp.Conf.HostTxRings, HostRxRings: sp.Conf.HostRxRings,
		TxSlots: sp.Conf.TxSlots, RxSlots: sp.Conf.RxSlots, ExtraBufs: uint32(c.ExtraBufs),
	}
	if c.AcceptVnetHdr {
		want.Flags |= FlagAcceptVnetHdr
	}
	if sp.Share != "" {
		id, err := memoryOf(c.Device, sp.Share)
		if err != nil {
			return err
		}
		if want.MemID != 0 && want.MemID != id {
			return fmt.Errorf("memory %d was asked for, but %s, to be shared with, has memory %d", want.MemID, sp.Share, id)
		}
		want.MemID = id
	}
	monitor := sp.Flags&(FlagMonitorTx|FlagMonitorRx|FlagZCopyMon) != 0
	single := c.Single || c.Kloop != nil || monitor || sp.Mode == ModeNull
	if sp.Flags&FlagExclusive != 0 && !single {
		return p.openExclusive(c.Device, want)
	}
	p.wants = 1
	anchor, err := p.register(c.Device, want)
	if err != nil {
		return err
	}
	if err := p.adopt(anchor); err != nil {
		return err
	}
	rings, err := p.mem.boundRings(&anchor)
	if err != nil {
		return err
	}
	if p.pool, err = p.mem.extraBufs(&anchor.req); err != nil {
		return err
	}
	if single || len(rings[TX])+len(rings[RX]) == 1 {
		for _, r := range append(rings[TX], rings[RX]...) {
			p.add(anchor, r)
		}
		if c.Kloop != nil {
			return p.enableCSB(c.Kloop)
		}
		p.syncTogether()
		return nil
	}
	return p.openQueues(c.Device, want, &anchor.req)
}

// adopt makes the first registration's region and sizes the port's own.
func (p *Port) adopt(a registered) (err error) {
	if want := p.info.Spec.MemID; want != 0 && a.req.MemID != want {
		return fmt.Errorf("memory %d was asked for, but the port is already there with memory %d", want, a.req.MemID)
	}
	if p.lent != nil {
		p.mem, err = p.lentRegion(&a.req)
	} else {
		p.mem, err = mapRegion(a.file, &a.req)
	}
	if err != nil {
		return err
	}
	in := &p.info
	in.MemID, in.MemSize = a.req.MemID, a.req.MemSize
	in.TxRings, in.RxRings = int(a.req.TxRings), int(a.req.RxRings)
	in.HostTxRings, in.HostRxRings = int(a.req.HostTxRings), int(a.req.HostRxRings)
	in.TxSlots, in.RxSlots = int(a.req.TxSlots), int(a.req.RxSlots)
	return nil
}

// openExclusive registers each queue exclusively. The first descriptor has the
// mapping and the extra buffers.
func (p *Port) openExclusive(dev Device, want RegisterReq) error {
	sizes := PortInfoReq{
		MemID: want.MemID, TxRings: want.TxRings, RxRings: want.RxRings, HostTxRings: want.HostTxRings,
		HostRxRings: want.HostRxRings, TxSlots: want.TxSlots, RxSlots: want.RxSlots,
	}
	if err := request(dev, &Request{Type: ReqPortInfoGet, Name: p.info.Spec.Name, Body: &sizes}); err != nil {
		return p.explain(err, dev, &want)
	}
	return p.openQueues(dev, want, &RegisterReq{
		Mode: want.Mode, RingID: want.RingID, Flags: want.Flags,
		TxRings: sizes.TxRings, RxRings: sizes.RxRings, HostTxRings: sizes.HostTxRings, HostRxRings: sizes.HostRxRings,
	})
}

// openQueues registers one descriptor for each ring of each direction that the
// registration got binds.
func (p *Port) openQueues(dev Device, want RegisterReq, got *RegisterReq) error {
	all := bindings(got)
	p.wants += len(all)
	for _, b := range all {
		r := want
		r.Mode, r.RingID = b.mode, b.ring
		r.Flags &^= FlagTxRingsOnly | FlagRxRingsOnly
		r.Flags |= b.only
		if p.mem != nil {
			r.ExtraBufs = 0
		}
		if p.lent != nil && p.mem != nil {
			r.MemID = p.info.MemID
		}
		q, err := p.register(dev, r)
		if err != nil {
			return err
		}
		first := p.mem == nil
		if first {
			if err := p.adopt(q); err != nil {
				return err
			}
		}
		rings, err := p.mem.boundRings(&q)
		if err != nil {
			return err
		}
		if first {
			if p.pool, err = p.mem.extraBufs(&q.req); err != nil {
				return err
			}
		}
		for _, ring := range append(rings[TX], rings[RX]...) {
			p.add(q, ring)
		}
	}
	return nil
}

// A binding is the registration of one ring in one direction.
type binding struct {
	mode Mode
	ring uint16
	only Flags
}

// bindings lists the rings that a registration binds, as one binding each:
// transmit before receive, the NIC's before the host's.
func bindings(r *RegisterReq) (all []binding) {
	add := func(mode Mode, n uint16, only Flags) {
		if r.Mode == ModeOneNIC || r.Mode == ModeOneSW {
			if r.RingID < n {
				all = append(all, binding{mode, r.RingID, only})
			}
			return
		}
		for i := range n {
			all = append(all, binding{mode, i, only})
		}
	}
	nic := r.Mode == ModeAllNIC || r.Mode == ModeNICSW || r.Mode == ModeOneNIC
	host := r.Mode == ModeSW || r.Mode == ModeNICSW || r.Mode == ModeOneSW
	if r.Flags&FlagRxRingsOnly == 0 {
		if nic {
			add(ModeOneNIC, r.TxRings, FlagTxRingsOnly)
		}
		if host {
			add(ModeOneSW, r.HostTxRings, FlagTxRingsOnly)
		}
	}
	if r.Flags&FlagTxRingsOnly == 0 {
		if nic {
			add(ModeOneNIC, r.RxRings, FlagRxRingsOnly)
		}
		if host {
			add(ModeOneSW, r.HostRxRings, FlagRxRingsOnly)
		}
	}
	return all
}

// register opens a descriptor and binds it.
func (p *Port) register(dev Device, want RegisterReq) (registered, error) {
	f, err := dev.Open()
	if err != nil {
		return registered{}, err
	}
	r := registered{file: f, req: want}
	if err := p.registerWith(&r); err != nil {
		f.Close()
		return registered{}, p.explain(err, dev, &want)
	}
	if p.link == nil && dev == Kernel {
		p.link = newLink(p.info.Spec.Name)
	}
	p.regs = append(p.regs, r)
	return r, nil
}

func (p *Port) add(r registered, ring *Ring) {
	q := &Queue{port: p, file: r.file, ring: ring, dir: ring.Dir(), reg: r.req, head: ring.Head()}
	p.info.BufSize = ring.BufSize()
	id := int(ring.hdr.RingID)
	if q.dir == TX {
		q.host = id >= p.info.TxRings
		p.tx = append(p.tx, q)
	} else {
		q.host = id >= p.info.RxRings
		p.rx = append(p.rx, q)
	}
}

// syncTogether tells the queues of a single descriptor of each other.
func (p *Port) syncTogether() {
	all := append(p.tx[:len(p.tx):len(p.tx)], p.rx...)
	if len(all) < 2 {
		return
	}
	for _, q := range all {
		q.all = all
	}
}

// memoryOf returns the region's id of a port by its kernel name.
func memoryOf(dev Device, name string) (uint16, error) {
	var r PortInfoReq
	if err := request(dev, &Request{Type: ReqPortInfoGet, Name: name, Body: &r}); err != nil {
		return 0, fmt.Errorf("the memory of %s, to be shared, is not to be found out: %w", name, err)
	}
	return r.MemID, nil
}

// TX returns the transmit queues: the NIC's rings in order, then the host's.
func (p *Port) TX() []*Queue { return p.tx }

// RX returns the receive queues: the NIC's rings in order, then the host's.
func (p *Port) RX() []*Queue { return p.rx }

// Info returns what the kernel said of the port.
func (p *Port) Info() Info { return p.info }

// Memory returns the port's region.
func (p *Port) Memory() *Memory { return p.mem }

// Pool returns the extra buffers; it is empty if none were asked for. What it
// holds when the port is closed goes back to the kernel; what it does not hold
// then, in no slot either, is lost to the region until its last port is closed.
func (p *Port) Pool() *Pool { return p.pool }

// Stop ends the port's use from outside: it marks the port, and every queue's
// next call returns ErrClosed, a waiting one within 200 ms. Close must follow.
func (p *Port) Stop() { p.stopped.Store(true) }

// Close stops the port, waits for calls under way to return, and gives its
// rings back to the kernel. Frames not yet sent may be lost. A goroutine that
// still walks a ring then reads zeros. Further calls return what the first did.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.Stop()
		p.closed, p.err = true, p.release()
	}
	return p.err
}
