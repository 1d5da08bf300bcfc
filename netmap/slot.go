package netmap

import "structs"

// A Slot is struct netmap_slot (net/netmap.h): one entry of a ring, naming one
// buffer. It lies in the ring's memory; a *Slot is good as long as its ring.
type Slot struct {
	_      structs.HostLayout
	BufIdx uint32    // index of the buffer; 0 and 1 belong to the kernel
	Len    uint16    // bytes of the packet (or of this fragment) in the buffer, without CRC
	Flags  SlotFlags // NS_*
	Ptr    uint64    // offset of the data in the buffer where offsets are in use, see Ring.Offset; user address with Indirect
}

// SlotFlags are the NS_* flags of a slot. The upper eight bits are a number, see
// [SlotFlags.Fragments] and [SlotFlags.Port].
//
// The user sets flags in slots of transmit rings, and in slots of receive rings
// that go back, where only BufChanged and Forward mean anything. The kernel
// need not clear them: write a slot's flags anew whenever you fill it, keeping
// BufChanged if it is set and not yet synced.
type SlotFlags uint16

const (
	// BufChanged (NS_BUF_CHANGED) says that BufIdx is another than at the last
	// sync. [Swap] and [Move] set it; who writes BufIdx must.
	BufChanged SlotFlags = 0x0001
	// Report (NS_REPORT) asks for an interrupt when this slot has been sent,
	// so that who waits for room, or for the end, is woken then. Drivers report
	// now and then by themselves, so it belongs on the last slot of a batch.
	Report SlotFlags = 0x0002
	// Forward (NS_FORWARD) passes a received packet on when its slot is given
	// back: from the NIC to the host's stack, or from there to the NIC. It does
	// nothing on a ring without [RingForward], which says the rest.
	Forward SlotFlags = 0x0004
	// NoLearn (NS_NO_LEARN) asks a VALE switch not to learn the source address.
	// It is in the header only: the kernel's own switch learns all the same.
	NoLearn SlotFlags = 0x0008
	// Indirect (NS_INDIRECT) says that the packet is not in the slot's buffer
	// but at the address Ptr of the process. Only transmit rings of VALE ports
	// know it, others send the buffer. [UserBufs.Put] sets it.
	Indirect SlotFlags = 0x0010
	// MoreFrag (NS_MOREFRAG) says that the packet goes on in the next slot. At
	// most [MaxFrags] slots make a packet.
	MoreFrag SlotFlags = 0x0020
	// TxMon (NS_TXMON) is set in slots of a monitor whose packet was in a
	// transmit ring of the port that it watches.
	TxMon SlotFlags = 0x0040
)

// MaxFrags is the most slots that a packet may have (NETMAP_MAX_FRAGS).
const MaxFrags = 64

// Fragments returns how many slots the packet has (NS_RFRAGS). A VALE switch
// writes it into every slot of what it delivers; on other ports it is 0.
func (f SlotFlags) Fragments() int { return int(f >> 8) }

// Port returns the index of the VALE port that a slot of a transmit ring is for,
// 0 if it names none (NS_PORT_MASK).
func (f SlotFlags) Port() uint8 { return uint8(f >> 8) }

// WithPort returns the flags with that index, 1 to 253. It is for switches whose
// lookup function reads it: that of the kernel's learning switch goes by
// addresses alone, and a packet with an index takes the same way as without.
func (f SlotFlags) WithPort(port uint8) SlotFlags { return f&0x00ff | SlotFlags(port)<<8 }
