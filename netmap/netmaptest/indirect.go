package netmaptest

import "github.com/ringwalk/ringwalk/netmap"

// source returns the first n bytes of a slot that a VALE port sends: in its
// buffer or, with NS_INDIRECT, at an address of the process (nm_vale_preflush).
// It is nil for an address where nothing is (copyin).
func (k *kring) source(s *netmap.Slot, n int) []byte {
	if s.Flags&netmap.Indirect == 0 {
		return k.buf(s)[:n]
	}
	if s.Ptr == 0 {
		return nil
	}
	b := make([]byte, n)
	if !readProcess(b, s.Ptr) {
		return nil
	}
	return b
}
