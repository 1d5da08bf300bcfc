package gen

import (
	"fmt"

	"github.com/ringwalk/ringwalk/engine"
)

// longest returns the most bytes a frame can have. A port may take a VLAN tag
// beyond the MTU, but these frames have none.
func (g *Generator) longest() int {
	info, most := &g.info, g.info.MaxFrame
	if g.cfg.fragmented() {
		most = maxFrame - info.VnetHdr
	}
	if info.MTU > 0 && info.Link == engine.Ethernet {
		return min(most, info.MTU+etherHeader)
	}
	return most
}

const etherHeader = 14

func (g *Generator) tooLong(n int) error {
	info := &g.info
	if info.MTU > 0 && info.Link == engine.Ethernet {
		return fmt.Errorf("frames of %d bytes are longer than the %d that %s takes (its MTU is %d)", n, g.longest(), info.Interface, info.MTU)
	}
	return fmt.Errorf("packets of %d bytes are longer than the %d that %s takes", n, g.longest(), info.Spec)
}
