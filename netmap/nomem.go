package netmap

import "fmt"

// noMemory says what a region lacks for a registration, as far as can be found
// out, and what to do about it. The port has want registrations to make.
//
// A port of several descriptors is not opened with one instead: its queues may
// go to a goroutine each, which those of one descriptor must not.
func noMemory(dev Device, name string, r *RegisterReq, want int) string {
	const parameters = "/sys/module/netmap/parameters"
	slots := max(r.TxSlots, r.RxSlots)
	sizes := PortInfoReq{MemID: r.MemID}
	if request(dev, &Request{Type: ReqPortInfoGet, Name: name, Body: &sizes}) == nil {
		slots = max(slots, sizes.TxSlots, sizes.RxSlots)
	}
	need := ringHeaderSize + int(slots)*slotSize
	prefix := "priv_" // of regions that the kernel makes for one port and its pipes
	pools := PoolsInfoReq{MemID: r.MemID}
	known := request(dev, &Request{Type: ReqPoolsInfoGet, Name: name, Body: &pools}) == nil
	if known && pools.MemID == globalMemory || !known && sizes.MemID == globalMemory {
		prefix = ""
	}
	switch {
	case slots == 0:
		return " (see ring_size, ring_num, buf_num and if_num in " + parameters + ")"
	case !known || need > int(pools.RingObjSize):
		return fmt.Sprintf(": its rings of %d slots need %d bytes each (echo %d > %s/%sring_size before its region is made; also see %sring_num, %sbuf_num and %sif_num there)",
			slots, need, need, parameters, prefix, prefix, prefix, prefix)
	}
	return fmt.Sprintf(": region %d has %d netmap_ifs, of which every descriptor takes one and this port takes %d, %d rings and %d buffers"+
		" (open it with a single descriptor or in the global region, @1, or set %sif_num, %sring_num and %sbuf_num in %s before the region is made)",
		pools.MemID, pools.IfObjTotal, want, pools.RingObjTotal, pools.BufObjTotal, prefix, prefix, prefix, parameters)
}

// globalMemory is the id of the region that all NICs share.
const globalMemory = 1
