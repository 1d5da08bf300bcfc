package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
)

func noInterface(e *env) error {
	const name = "confnone0"
	p, err := netmap.Open("netmap:"+name, &netmap.Config{Device: e.t.device()})
	if err == nil {
		return errors.Join(fmt.Errorf("netmap:%s was opened", name), p.Close())
	}
	if err := wantErr("opening netmap:"+name, err, syscall.ENXIO); err != nil {
		return err
	}
	if !strings.Contains(err.Error(), name) {
		return fmt.Errorf("the error does not name %s: %v", name, err)
	}
	return nil
}

func pools(e *env) error {
	p, err := e.open(e.t.A, nil)
	if err != nil {
		return err
	}
	in := p.Info()
	f, err := e.file()
	if err != nil {
		return err
	}
	var r netmap.PoolsInfoReq
	if err := f.Ctrl(&netmap.Request{Type: netmap.ReqPoolsInfoGet, Name: in.Spec.Name, Body: &r}); err != nil {
		return err
	}
	if r.MemID != in.MemID || r.MemSize != in.MemSize {
		return fmt.Errorf("POOLS_INFO_GET says memory %d of %d bytes, REGISTER %d of %d", r.MemID, r.MemSize, in.MemID, in.MemSize)
	}
	type pool struct {
		what        string
		ofs         uint64
		total, size uint32
	}
	end := uint64(0)
	for _, o := range []pool{{"if", r.IfOffset, r.IfObjTotal, r.IfObjSize}, {"ring", r.RingOffset, r.RingObjTotal, r.RingObjSize}, {"buffer", r.BufOffset, r.BufObjTotal, r.BufObjSize}} {
		if o.ofs < end || o.total == 0 || o.size == 0 {
			return fmt.Errorf("the %s pool has %d objects of %d bytes at %d, the pool before it ends at %d", o.what, o.total, o.size, o.ofs, end)
		}
		end = o.ofs + uint64(o.total)*uint64(o.size)
	}
	if end > r.MemSize {
		return fmt.Errorf("the pools end at %d, the memory at %d", end, r.MemSize)
	}
	if int(r.BufObjSize) != in.BufSize {
		return fmt.Errorf("buffers of the pool have %d bytes, of the rings %d", r.BufObjSize, in.BufSize)
	}
	if need := 256 + 16*max(in.TxSlots, in.RxSlots); int(r.RingObjSize) < need {
		return fmt.Errorf("rings of the pool have %d bytes, the port's need %d", r.RingObjSize, need)
	}
	for _, q := range append(p.TX(), p.RX()...) {
		for i := range q.Ring().Slots() {
			if b := q.Ring().Slots()[i].BufIdx; b >= r.BufObjTotal {
				return fmt.Errorf("slot %d of %v ring %d has buffer %d, the pool has %d", i, q.Dir(), q.Ring().Header().RingID, b, r.BufObjTotal)
			}
		}
	}
	return nil
}

func memoryID(e *env) error {
	a, err := e.open(e.t.A, nil)
	if err != nil {
		return err
	}
	id := a.Info().MemID
	if id == 0 || a.Memory().ID() != uint32(id) {
		return fmt.Errorf("%s has memory %d, its Memory says %d", e.t.A, id, a.Memory().ID())
	}
	if e.t.B != "" {
		b, err := e.open(e.t.B, nil)
		if err != nil {
			return err
		}
		if one := e.t.Caps&OneMemory != 0; (b.Info().MemID == id) != one {
			return fmt.Errorf("%s has memory %d, %s %d; one memory for both: %t", e.t.A, id, e.t.B, b.Info().MemID, one)
		}
	}
	// The same region by its id, and by sharing with a port.
	for _, text := range []string{fmt.Sprintf("@%d", id), "@share=" + e.t.A} {
		p, err := e.open(e.t.A+text, nil)
		if err != nil {
			return err
		}
		if p.Info().MemID != id {
			return fmt.Errorf("%s%s has memory %d", e.t.A, text, p.Info().MemID)
		}
		if err := p.Close(); err != nil {
			return err
		}
	}
	const none = 64999
	p, err := e.open(fmt.Sprintf("%s@%d", e.t.A, none), nil)
	if err == nil {
		return fmt.Errorf("%s@%d was opened, with memory %d", e.t.A, none, p.Info().MemID)
	}
	return nil
}

func exclusive(e *env) error {
	if err := e.fresh(); err != nil {
		return err
	}
	options := []string{""}
	if e.t.Caps&(Conf|Queues) == Conf|Queues {
		options = append(options, "@conf:rings=3")
	}
	for _, o := range options {
		if err := exclusiveWith(e, o); err != nil {
			return fmt.Errorf("%s%s: %w", e.t.A, o, err)
		}
	}
	return nil
}

func exclusiveWith(e *env, options string) error {
	x, err := e.open(e.t.A+"/x"+options, nil)
	if err != nil {
		return err
	}
	if options != "" && (len(x.TX()) != 3 || len(x.RX()) != 3) {
		return fmt.Errorf("an exclusive port of 3 rings has %d and %d queues", len(x.TX()), len(x.RX()))
	}
	for _, again := range []string{"", "-0", "/R", "/T", "/x"} {
		_, err := e.open(e.t.A+again, nil)
		if err := wantErr("opening "+e.t.A+again+" while it is held exclusively", err, syscall.EBUSY); err != nil {
			return err
		}
	}
	if err := x.Close(); err != nil {
		return err
	}
	p, err := e.open(e.t.A+options, nil)
	if err != nil {
		return fmt.Errorf("after an exclusive port was closed: %w", err)
	}
	_, err = e.open(e.t.A+"/x"+options, nil)
	if err := wantErr("opening "+e.t.A+" exclusively while it is open", err, syscall.EBUSY); err != nil {
		return err
	}
	return p.Close()
}

// Offsets in struct netmap_if.
const (
	ifTxRings = 24
	ifRxRings = 28
	ifHostTx  = 36
	ifHostRx  = 40
	ifRingOfs = 56
)

// bound counts the rings that a registration mapped, by the offsets in its
// netmap_if that are not zero: NIC tx, NIC rx, host tx, host rx.
func bound(f netmap.File, reg *netmap.RegisterReq) (n [4]int, err error) {
	region, err := f.Map(int(reg.MemSize))
	if err != nil {
		return n, err
	}
	defer f.Unmap(region)
	nif := region[reg.Offset:]
	u32 := func(o int) int { return int(binary.NativeEndian.Uint32(nif[o:])) }
	i := 0
	for k, total := range []int{u32(ifTxRings), u32(ifHostTx), u32(ifRxRings), u32(ifHostRx)} {
		kind := []int{0, 2, 1, 3}[k]
		for range total {
			if binary.NativeEndian.Uint64(nif[ifRingOfs+8*i:]) != 0 {
				n[kind]++
			}
			i++
		}
	}
	return n, nil
}

func ringOnly(e *env) error {
	for _, c := range []struct {
		flags netmap.Flags
		want  [4]int
	}{
		{netmap.FlagRxRingsOnly, [4]int{0, 1, 0, 0}},
		{netmap.FlagTxRingsOnly, [4]int{1, 0, 0, 0}},
		{0, [4]int{1, 1, 0, 0}},
	} {
		f, reg, err := e.register(e.t.A, netmap.RegisterReq{Mode: netmap.ModeOneNIC, Flags: c.flags})
		if err != nil {
			return err
		}
		got, err := bound(f, reg)
		if err != nil {
			return err
		}
		if got != c.want {
			return fmt.Errorf("ring 0 with flags %#x mapped %d NIC tx, %d NIC rx, %d host tx, %d host rx rings; want %v", c.flags, got[0], got[1], got[2], got[3], c.want)
		}
		if err := f.Close(); err != nil {
			return err
		}
		e.undo = e.undo[:len(e.undo)-1]
	}
	return nil
}

func ringMemory(e *env) error {
	// A pipe lives in its parent's memory, which the first one sized.
	if _, err := e.open(e.t.A+"@conf:slots=256", nil); err != nil {
		return err
	}
	_, err := e.open(e.t.C+"@conf:slots=4096", nil)
	if err := wantErr("opening "+e.t.C+" with 4096 slots", err, syscall.ENOMEM); err != nil {
		return err
	}
	if want := fmt.Sprint(256 + 16*4096); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "ring_size") {
		return fmt.Errorf("the error does not say that ring_size must be %s: %v", want, err)
	}
	return nil
}
