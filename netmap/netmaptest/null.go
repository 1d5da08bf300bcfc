package netmaptest

import (
	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// A nullPort has rings that go nowhere, in a region that is there already
// (struct netmap_null_adapter).
type nullPort struct{ adapter }

// getNull is netmap_get_null_na.
func (d *Device) getNull(name string, r *netmap.RegisterReq, m *memory) (*adapter, error) {
	if m == nil {
		return nil, unix.EINVAL
	}
	if r.TxRings > 0 && r.TxSlots < netmap.MinSlots || r.RxRings > 0 && r.RxSlots < netmap.MinSlots {
		// The kernel takes them, and rings of no slots with indices beyond.
		return nil, unix.EINVAL
	}
	p := &nullPort{adapter{
		name:   "null:" + name,
		nrings: [2]int{tx: int(r.TxRings), rx: int(r.RxRings)},
		nslots: [2]int{tx: int(r.TxSlots), rx: int(r.RxSlots)},
	}}
	d.attach(&p.adapter, p, m)
	return p.get(), nil
}

// Both syncs are netmap_null_sync.
func (p *nullPort) txSync(*kring, syncFlags) bool { return true }
func (p *nullPort) rxSync(*kring, syncFlags) bool { return true }
func (p *nullPort) pending(*kring) bool           { return false }
func (p *nullPort) dtor()                         {}

func (p *nullPort) register(on bool) error {
	p.setOn(on)
	return nil
}
