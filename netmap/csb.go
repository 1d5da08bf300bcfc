package netmap

import "structs"

// CSBAToK is struct nm_csb_atok: what the application tells the kernel of one
// ring. All fields are shared memory, to be accessed atomically.
type CSBAToK struct {
	_         structs.HostLayout
	Head      uint32 // the application writes it
	Cur       uint32 // the application writes it
	NeedKick  uint32 // appl_need_kick: the application wants to be notified; it writes it
	SyncFlags uint32 // flags of the kernel's sync; the application writes it
	_         [12]uint32
}

// CSBKToA is struct nm_csb_ktoa: what the kernel tells the application of one
// ring.
type CSBKToA struct {
	_        structs.HostLayout
	HwCur    uint32 // the kernel writes it
	HwTail   uint32 // the kernel writes it
	NeedKick uint32 // kern_need_kick: the kernel wants to be notified; it writes it
	_        [13]uint32
}

// KloopEventFD is the entry of one ring in an [OptSyncKloopEventFDs]:
// descriptors of eventfd(2), -1 for none.
type KloopEventFD struct {
	_       structs.HostLayout
	IOEvent int32 // ioeventfd: written by the application, wakes the loop
	IRQ     int32 // irqfd: written by the loop, wakes the application
}

// KloopMode is the set of flags of an [OptSyncKloopMode], NM_OPT_SYNC_KLOOP_*.
type KloopMode uint32

// The flags. Both want every ring's IOEvent.
const (
	KloopDirectTx KloopMode = 1 // NM_OPT_SYNC_KLOOP_DIRECT_TX: a write to IOEvent syncs the transmit ring, in the writer's thread
	KloopDirectRx KloopMode = 2 // NM_OPT_SYNC_KLOOP_DIRECT_RX: the same for receive rings
)
