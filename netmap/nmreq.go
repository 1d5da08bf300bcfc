package netmap

import "structs"

// Versions of the API that the control interface takes (NETMAP_API and
// NETMAP_MIN_API); requests are made with the newest that all kernels since
// 2018 know.
const apiVersion = 14

// ReqType is nr_reqtype of struct nmreq_header: what a request asks for.
type ReqType uint16

// The requests, NETMAP_REQ_*.
const (
	ReqRegister     ReqType = 1  // NETMAP_REQ_REGISTER, with a *RegisterReq
	ReqPortInfoGet  ReqType = 2  // NETMAP_REQ_PORT_INFO_GET, with a *PortInfoReq
	ReqPoolsInfoGet ReqType = 12 // NETMAP_REQ_POOLS_INFO_GET, with a *PoolsInfoReq
)

// A Request is one NIOCCTRL request: struct nmreq_header with the body its
// type wants. The kernel writes its answer into the body.
type Request struct {
	Type ReqType
	Name string // port name as the kernel wants it, without "netmap:"
	Body any    // pointer to one of the …Req structs
}

// reqHeader is struct nmreq_header.
type reqHeader struct {
	_        structs.HostLayout
	Version  uint16
	ReqType  uint16
	Reserved uint32
	Name     [MaxName + 1]byte
	Options  uint64
	Body     uint64
}

// RegisterReq is struct nmreq_register: which rings to bind, and what was
// bound.
type RegisterReq struct {
	_           structs.HostLayout
	Offset      uint64 // out: of struct netmap_if in the region
	MemSize     uint64 // out: bytes of the region
	TxSlots     uint32 // in, for a port that this request creates, and out
	RxSlots     uint32
	TxRings     uint16
	RxRings     uint16
	HostTxRings uint16
	HostRxRings uint16
	MemID       uint16 // in: region asked for, 0 any; out: the port's
	RingID      uint16
	Mode        Mode
	ExtraBufs   uint32 // in: buffers asked for; out: granted, perhaps fewer
	_           [4]byte
	Flags       Flags
}

// PortInfoReq is struct nmreq_port_info_get: a port's sizes.
type PortInfoReq struct {
	_           structs.HostLayout
	MemSize     uint64
	TxSlots     uint32
	RxSlots     uint32
	TxRings     uint16
	RxRings     uint16
	HostTxRings uint16
	HostRxRings uint16
	MemID       uint16
	_           [6]byte
}

// PoolsInfoReq is struct nmreq_pools_info: how a region is divided.
type PoolsInfoReq struct {
	_            structs.HostLayout
	MemSize      uint64
	MemID        uint16
	_            [6]byte
	IfOffset     uint64
	IfObjTotal   uint32
	IfObjSize    uint32
	RingOffset   uint64
	RingObjTotal uint32
	RingObjSize  uint32
	BufOffset    uint64
	BufObjTotal  uint32
	BufObjSize   uint32
}

// ifHeader is struct netmap_if up to its ring offsets, which follow: one
// ssize_t each for the NIC's transmit rings, the host's, the NIC's receive
// rings, the host's. A ring that the registration did not bind has 0.
type ifHeader struct {
	_           structs.HostLayout
	Name        [16]byte
	Version     uint32
	Flags       uint32
	TxRings     uint32
	RxRings     uint32
	BufsHead    uint32 // first extra buffer; each begins with the next one's index, 0 ends
	HostTxRings uint32
	HostRxRings uint32
	_           [3]uint32
}
