package netmap

import (
	"structs"
	"syscall"
)

// apiVersion is the version of the API that requests are made with: the oldest
// that the control interface takes (NETMAP_MIN_API), known to all kernels since
// 2018.
const apiVersion = 14

// ReqType is nr_reqtype of struct nmreq_header: what a request asks for.
type ReqType uint16

// The requests, NETMAP_REQ_*.
const (
	ReqRegister           ReqType = 1  // NETMAP_REQ_REGISTER, with a *RegisterReq
	ReqPortInfoGet        ReqType = 2  // NETMAP_REQ_PORT_INFO_GET, with a *PortInfoReq
	ReqVALEAttach         ReqType = 3  // NETMAP_REQ_VALE_ATTACH, with a *VALEAttachReq
	ReqVALEDetach         ReqType = 4  // NETMAP_REQ_VALE_DETACH, with a *VALEDetachReq
	ReqVALEList           ReqType = 5  // NETMAP_REQ_VALE_LIST, with a *VALEListReq
	ReqPortHdrSet         ReqType = 6  // NETMAP_REQ_PORT_HDR_SET, with a *PortHdrReq
	ReqPortHdrGet         ReqType = 7  // NETMAP_REQ_PORT_HDR_GET, with a *PortHdrReq
	ReqVALENewIf          ReqType = 8  // NETMAP_REQ_VALE_NEWIF, with a *VALENewIfReq
	ReqVALEDelIf          ReqType = 9  // NETMAP_REQ_VALE_DELIF, without a body
	ReqVALEPollingEnable  ReqType = 10 // NETMAP_REQ_VALE_POLLING_ENABLE, with a *VALEPollingReq
	ReqVALEPollingDisable ReqType = 11 // NETMAP_REQ_VALE_POLLING_DISABLE, with a *VALEPollingReq
	ReqPoolsInfoGet       ReqType = 12 // NETMAP_REQ_POOLS_INFO_GET, with a *PoolsInfoReq
	ReqSyncKloopStart     ReqType = 13 // NETMAP_REQ_SYNC_KLOOP_START, with a *SyncKloopStartReq; blocks
	ReqSyncKloopStop      ReqType = 14 // NETMAP_REQ_SYNC_KLOOP_STOP, without a body
	ReqCSBEnable          ReqType = 15 // NETMAP_REQ_CSB_ENABLE, without a body, with an *OptCSB
)

// A Request is one NIOCCTRL request: struct nmreq_header with the body its
// type wants, and its options. The kernel writes its answer into body and
// options.
type Request struct {
	Type ReqType
	// Name is the port's name as the kernel wants it, without "netmap:". The
	// answer to ReqVALEList without a name is the name that was found.
	Name string
	// Body points to the …Req struct of the type; nil where it has none.
	Body any
	// Options are what the request carries besides, in the order of the list
	// that the kernel walks.
	Options []Option
	// Status is the kernel's verdict on each option (nro_status), 0 for one
	// that was heeded. Ctrl sets it.
	Status []syscall.Errno
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

// VALEAttachReq is struct nmreq_vale_attach: how to register the interface that
// is attached, and the number of the switch's port that it got.
type VALEAttachReq struct {
	_         structs.HostLayout
	Reg       RegisterReq
	PortIndex uint32 // out
	_         uint32
}

// VALEDetachReq is struct nmreq_vale_detach.
type VALEDetachReq struct {
	_         structs.HostLayout
	PortIndex uint32 // out: the port's number until now
	_         uint32
}

// VALEListReq is struct nmreq_vale_list. With a name it asks where that port is;
// without one for the first port at or after this place.
type VALEListReq struct {
	_         structs.HostLayout
	BridgeIdx uint16 // in and out: number of the switch
	_         uint16
	PortIdx   uint32 // in and out: number of the port on it
}

// PortHdrReq is struct nmreq_port_hdr: the length of the virtio-net header that
// each packet of a port begins with, 0, 10 or 12 bytes.
type PortHdrReq struct {
	_      structs.HostLayout
	HdrLen uint32
	_      uint32
}

// VALENewIfReq is struct nmreq_vale_newif: the shape of a persistent VALE port.
type VALENewIfReq struct {
	_       structs.HostLayout
	TxSlots uint32 // in, 0 for the default, and out
	RxSlots uint32
	TxRings uint16
	RxRings uint16
	MemID   uint16 // in: region asked for, 0 one of its own; out: the port's
	_       uint16
}

// VALEPollingReq is struct nmreq_vale_polling: which kernel threads poll an
// attached NIC.
type VALEPollingReq struct {
	_        structs.HostLayout
	Mode     PollingMode
	FirstCPU uint32
	NumCPUs  uint32
	_        uint32
}

// SyncKloopStartReq is struct nmreq_sync_kloop_start.
type SyncKloopStartReq struct {
	_       structs.HostLayout
	SleepUs uint32 // microseconds between two rounds without eventfds, at most 1000000
	_       uint32
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
