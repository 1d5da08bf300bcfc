package netmap

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
