package netmap

import (
	"errors"
	"fmt"
	"syscall"
)

// portOptions are the options of a port's registrations.
type portOptions struct {
	offsets *OptOffsets // of each
	extMem  *OptExtMem  // of the first; the others find it by its id
}

// defaultIfs is how many netmap_ifs external memory has where nobody says how
// many: a port registers once for each ring, and the kernel's default is 2.
const defaultIfs = 64

// setOptions takes the options of the spec and of the config, of which only one
// may give each.
func (p *Port) setOptions(c *Config) error {
	sp, o := &p.info.Spec, &p.options
	switch {
	case sp.ExtMem.File != "" && c.ExtMem != nil:
		return fmt.Errorf("external memory is given by the spec and by Config.ExtMem: %w", syscall.EINVAL)
	case sp.Offset.Set && c.Offsets != nil:
		return fmt.Errorf("offsets are given by the spec and by Config.Offsets: %w", syscall.EINVAL)
	}
	o.offsets, o.extMem = c.Offsets, c.ExtMem
	if s := sp.Offset; s.Set {
		o.offsets = &OptOffsets{Max: s.Initial, Initial: s.Initial, Bits: s.Bits}
	}
	if m := sp.ExtMem; m.File != "" {
		b, err := mapFile(m.File)
		if err != nil {
			return err
		}
		p.file = b
		o.extMem = &OptExtMem{Memory: b, Info: PoolsInfoReq{
			IfObjTotal: m.IfNum, IfObjSize: m.IfSize, RingObjTotal: m.RingNum, RingObjSize: m.RingSize,
			BufObjTotal: m.BufNum, BufObjSize: m.BufSize}}
	}
	if e := o.extMem; e != nil && e.Info.IfObjTotal == 0 {
		e.Info.IfObjTotal = defaultIfs
	}
	return nil
}

// registerWith makes a registration with the port's options, and takes what it
// answers in them.
func (p *Port) registerWith(r *registered) error {
	o := &p.options
	q := Request{Type: ReqRegister, Name: p.info.Spec.Name, Body: &r.req}
	var offsets OptOffsets
	if o.offsets != nil {
		offsets = *o.offsets
		q.Options = append(q.Options, &offsets)
	}
	if o.extMem != nil && p.lent == nil {
		q.Options = append(q.Options, o.extMem)
	}
	if err := r.file.Ctrl(&q); err != nil {
		return err
	}
	r.offsets, r.max = o.offsets != nil, offsets.Max
	if o.extMem != nil {
		p.lent = o.extMem.Memory
	}
	return nil
}

// explainOption says what the kernel's refusal of an option means and what to do
// about it.
func explainOption(e *OptionError, port string) error {
	why := ""
	switch {
	case e.Type == OptTypeExtMem && errors.Is(e, syscall.EOPNOTSUPP):
		why = "netmap's module was built without external memory (scripts/build-netmap.sh --extmem)"
	case e.Type == OptTypeExtMem && errors.Is(e, syscall.EFAULT):
		why = "the memory cannot be pinned: it must be mapped whole, for writing, from its first page"
	case e.Type == OptTypeExtMem:
		why = "no region can be made of that memory: it is too small for the objects asked for (by default 64 of 1 KiB, 4 rings of 20 KiB, 4098 buffers of 2 KiB)"
	case e.Type == OptTypeOffsets && errors.Is(e, syscall.EOPNOTSUPP):
		why = fmt.Sprintf("%s has no offsets: its driver knows none", port)
	case e.Type == OptTypeOffsets && errors.Is(e, syscall.EBUSY):
		why = fmt.Sprintf("%s is open with smaller offsets: close it there, or ask for no larger ones", port)
	case e.Type == OptTypeOffsets && errors.Is(e, syscall.EINVAL):
		why = "an offset must lie in a buffer, the first one not beyond the largest, and that fit its bits"
	case e.Type == OptTypeCSB && errors.Is(e, syscall.EINVAL):
		why = fmt.Sprintf("a CSB begins at a multiple of %d bytes and needs its port exclusively (flag x)", csbAlign)
	case e.Type == OptTypeCSB && errors.Is(e, syscall.EFAULT):
		why = "the CSB's memory is not mapped"
	case e.Type == OptTypeSyncKloopEventFDs && errors.Is(e, syscall.EINVAL):
		why = "there must be one entry for each ring, and a descriptor in all of them for direct mode"
	case e.Type == OptTypeSyncKloopMode && errors.Is(e, syscall.EINVAL):
		why = "there is no such mode"
	default:
		return e
	}
	return fmt.Errorf("%s: %w", why, e)
}
