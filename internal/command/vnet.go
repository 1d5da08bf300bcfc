package command

import (
	"fmt"
	"strconv"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// vnetHdr is the flag -H: the length of a virtio-net header.
type vnetHdr int

func (v *vnetHdr) Set(s string) error {
	switch s {
	case "0", "10", "12":
		n, err := strconv.Atoi(s)
		*v = vnetHdr(n)
		return err
	}
	return fmt.Errorf("a virtio-net header has 0, 10 or 12 bytes, not %q", s)
}

func (v *vnetHdr) String() string {
	if *v == engine.AnyVnetHdr {
		return ""
	}
	return strconv.Itoa(int(*v))
}

func (v *vnetHdr) Type() string { return "bytes" }

// VALE reports whether a resolved spec is that of a VALE switch's port.
func VALE(spec string) bool {
	sp, err := netmap.ParseSpec(spec)
	return err == nil && sp.VALE()
}
