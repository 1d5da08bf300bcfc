package netmap

import "unsafe"

// Layouts on 64-bit systems, as printed by a C program against net/netmap.h.
var (
	_ [88]byte = [unsafe.Sizeof(reqHeader{})]byte{}
	_ [8]byte  = [unsafe.Offsetof(reqHeader{}.Name)]byte{}
	_ [72]byte = [unsafe.Offsetof(reqHeader{}.Options)]byte{}
	_ [80]byte = [unsafe.Offsetof(reqHeader{}.Body)]byte{}
	_ [56]byte = [unsafe.Sizeof(RegisterReq{})]byte{}
	_ [16]byte = [unsafe.Offsetof(RegisterReq{}.TxSlots)]byte{}
	_ [24]byte = [unsafe.Offsetof(RegisterReq{}.TxRings)]byte{}
	_ [28]byte = [unsafe.Offsetof(RegisterReq{}.HostTxRings)]byte{}
	_ [32]byte = [unsafe.Offsetof(RegisterReq{}.MemID)]byte{}
	_ [34]byte = [unsafe.Offsetof(RegisterReq{}.RingID)]byte{}
	_ [36]byte = [unsafe.Offsetof(RegisterReq{}.Mode)]byte{}
	_ [40]byte = [unsafe.Offsetof(RegisterReq{}.ExtraBufs)]byte{}
	_ [48]byte = [unsafe.Offsetof(RegisterReq{}.Flags)]byte{}
	_ [32]byte = [unsafe.Sizeof(PortInfoReq{})]byte{}
	_ [16]byte = [unsafe.Offsetof(PortInfoReq{}.TxRings)]byte{}
	_ [24]byte = [unsafe.Offsetof(PortInfoReq{}.MemID)]byte{}
	_ [64]byte = [unsafe.Sizeof(PoolsInfoReq{})]byte{}
	_ [8]byte  = [unsafe.Offsetof(PoolsInfoReq{}.MemID)]byte{}
	_ [16]byte = [unsafe.Offsetof(PoolsInfoReq{}.IfOffset)]byte{}
	_ [32]byte = [unsafe.Offsetof(PoolsInfoReq{}.RingOffset)]byte{}
	_ [48]byte = [unsafe.Offsetof(PoolsInfoReq{}.BufOffset)]byte{}
	_ [64]byte = [unsafe.Sizeof(VALEAttachReq{})]byte{}
	_ [56]byte = [unsafe.Offsetof(VALEAttachReq{}.PortIndex)]byte{}
	_ [8]byte  = [unsafe.Sizeof(VALEDetachReq{})]byte{}
	_ [8]byte  = [unsafe.Sizeof(VALEListReq{})]byte{}
	_ [4]byte  = [unsafe.Offsetof(VALEListReq{}.PortIdx)]byte{}
	_ [8]byte  = [unsafe.Sizeof(PortHdrReq{})]byte{}
	_ [16]byte = [unsafe.Sizeof(VALENewIfReq{})]byte{}
	_ [8]byte  = [unsafe.Offsetof(VALENewIfReq{}.TxRings)]byte{}
	_ [12]byte = [unsafe.Offsetof(VALENewIfReq{}.MemID)]byte{}
	_ [16]byte = [unsafe.Sizeof(VALEPollingReq{})]byte{}
	_ [4]byte  = [unsafe.Offsetof(VALEPollingReq{}.FirstCPU)]byte{}
	_ [8]byte  = [unsafe.Offsetof(VALEPollingReq{}.NumCPUs)]byte{}
	_ [8]byte  = [unsafe.Sizeof(SyncKloopStartReq{})]byte{}
	_ [56]byte = [unsafe.Sizeof(ifHeader{})]byte{}
	_ [24]byte = [unsafe.Offsetof(ifHeader{}.TxRings)]byte{}
	_ [32]byte = [unsafe.Offsetof(ifHeader{}.BufsHead)]byte{}
	_ [36]byte = [unsafe.Offsetof(ifHeader{}.HostTxRings)]byte{}
)

// bodyPointer returns the address of a request's body, nil for a type that is
// none.
func bodyPointer(body any) unsafe.Pointer {
	switch b := body.(type) {
	case *RegisterReq:
		return unsafe.Pointer(b)
	case *PortInfoReq:
		return unsafe.Pointer(b)
	case *PoolsInfoReq:
		return unsafe.Pointer(b)
	case *VALEAttachReq:
		return unsafe.Pointer(b)
	case *VALEDetachReq:
		return unsafe.Pointer(b)
	case *VALEListReq:
		return unsafe.Pointer(b)
	case *PortHdrReq:
		return unsafe.Pointer(b)
	case *VALENewIfReq:
		return unsafe.Pointer(b)
	case *VALEPollingReq:
		return unsafe.Pointer(b)
	case *SyncKloopStartReq:
		return unsafe.Pointer(b)
	}
	return nil
}

// ifAt views the bytes at ofs as a netmap_if and returns its ring offsets.
func ifAt(region []byte, ofs int) (*ifHeader, []int64) {
	const size = int(unsafe.Sizeof(ifHeader{}))
	h := (*ifHeader)(unsafe.Pointer(unsafe.SliceData(region[ofs : ofs+size])))
	n := int(h.TxRings) + int(h.HostTxRings) + int(h.RxRings) + int(h.HostRxRings)
	b := region[ofs+size : ofs+size+8*n]
	return h, unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// nextBuf views the first bytes of an extra buffer: the next one's index.
func nextBuf(b []byte) *uint32 { return (*uint32)(unsafe.Pointer(unsafe.SliceData(b[:4]))) }
