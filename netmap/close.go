package netmap

import (
	"errors"
	"time"
)

// release gives everything back: the mapping goes first, for it keeps the
// descriptors' port registered.
func (p *Port) release() error {
	for _, q := range append(p.tx, p.rx...) {
		for pause := 10 * time.Microsecond; q.inside.Load() != 0; pause = min(2*pause, time.Millisecond) {
			time.Sleep(pause)
		}
	}
	errs := []error{p.kloop.close()}
	if p.mem != nil {
		if p.pool != nil {
			p.mem.returnBufs(&p.regs[0].req, p.pool)
		}
		if p.lent == nil {
			errs = append(errs, p.regs[0].file.Vanish(p.mem.region))
		}
	}
	if p.mem == nil && p.file != nil {
		unmapFile(p.file)
	}
	// Last opened, first closed: the anchor holds the NIC in netmap mode to
	// the end.
	for i := len(p.regs) - 1; i >= 0; i-- {
		errs = append(errs, p.regs[i].file.Close())
	}
	p.kloop.closeFDs()
	if p.link != nil {
		p.link.close()
	}
	return errors.Join(errs...)
}
