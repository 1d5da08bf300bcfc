package netmap

import "structs"

// A Slot is struct netmap_slot (net/netmap.h): one entry of a ring, naming one
// buffer. It lies in the ring's memory; a *Slot is good as long as its ring.
type Slot struct {
	_      structs.HostLayout
	BufIdx uint32    // index of the buffer; 0 and 1 belong to the kernel
	Len    uint16    // bytes of the packet (or of this fragment) in the buffer, without CRC
	Flags  SlotFlags // NS_*
	Ptr    uint64    // offset of the data in the buffer where offsets are in use; user address with Indirect
}

// SlotFlags are the NS_* flags of a slot. Bits 8 to 15 hold the destination
// port on a VALE switch (transmit) or the number of fragments (receive).
type SlotFlags uint16

const (
	BufChanged SlotFlags = 0x0001 // NS_BUF_CHANGED: BufIdx is another than at the last sync
	Report     SlotFlags = 0x0002 // NS_REPORT: interrupt when this slot has been sent
	Forward    SlotFlags = 0x0004 // NS_FORWARD: pass to the other side, host stack or NIC
	NoLearn    SlotFlags = 0x0008 // NS_NO_LEARN: VALE does not learn the source address
	Indirect   SlotFlags = 0x0010 // NS_INDIRECT: the data are at Ptr in user memory
	MoreFrag   SlotFlags = 0x0020 // NS_MOREFRAG: the packet goes on in the next slot
	TxMon      SlotFlags = 0x0040 // NS_TXMON: seen by a monitor on the transmit side
)
