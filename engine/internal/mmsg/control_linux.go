package mmsg

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

// Wants is what a socket is asked to say of each packet beyond its bytes.
type Wants struct {
	// Clock stamps the packets, see [backend.Clock]: the time goes to
	// netmap.Meta.Time, 0 where this clock has not stamped one.
	Clock backend.Clock
	// Auxdata is for packet sockets: a VLAN tag that the kernel or the NIC
	// took out goes back into the frame, a frame that a filter cut short is
	// known, and one without a checksum is counted and known by its netmap.Meta
	// (PACKET_AUXDATA, packet(7)).
	Auxdata bool
	// VnetHdr is for packet sockets: frames that were merged are counted and go
	// to netmap.Meta (PACKET_VNET_HDR). For it the kernel reads the end of the
	// frame's memory (skb_shared_info) before it copies the frame: one more
	// access that has to be waited for, long if the frame has been waiting too.
	VnetHdr bool
}

// Bytes of control messages' data.
const (
	sizeofTimestamping = 3 * 16 // struct scm_timestamping: software, none, hardware
	sizeofAuxdata      = 20     // struct tpacket_auxdata
)

// ask sets the socket's options and returns the room that their messages take.
func (w *Wants) ask(fd int) (space int, err error) {
	set := func(what string, level, option, value int) {
		if err == nil {
			if err = unix.SetsockoptInt(fd, level, option, value); err != nil {
				err = fmt.Errorf("%s: %w", what, os.NewSyscallError("setsockopt", err))
			}
		}
	}
	if w.Clock != backend.NoClock {
		flags := unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
		if w.Clock == backend.NICClock {
			flags = unix.SOF_TIMESTAMPING_RX_HARDWARE | unix.SOF_TIMESTAMPING_RAW_HARDWARE
		}
		set("SO_TIMESTAMPING", unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags)
		space += unix.CmsgSpace(sizeofTimestamping)
	}
	if w.Auxdata {
		set("PACKET_AUXDATA", unix.SOL_PACKET, unix.PACKET_AUXDATA, 1)
		space += unix.CmsgSpace(sizeofAuxdata)
	}
	if w.VnetHdr {
		set("PACKET_VNET_HDR", unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1)
	}
	return space, err
}

// A control is what the control messages of one packet say.
type control struct {
	kernel, nic int64 // ns since 1970 by either clock; 0: not stamped
	tagged      bool  // a VLAN tag was taken out
	tpid, tci   uint16
	cut         bool // a socket filter cut the packet short
	partial     bool // the checksum was left to the NIC
	segment     int  // bytes of each datagram that UDP_GRO merged but the last; 0: not merged
}

// time is when the packet was received by that clock.
func (c *control) time(by backend.Clock) int64 {
	if by == backend.NICClock {
		return c.nic
	}
	return c.kernel
}

// The kinds of control messages: level and type of their headers, as they lie
// in memory.
var (
	kindAuxdata      = kindOf(unix.SOL_PACKET, unix.PACKET_AUXDATA)
	kindTimestamping = kindOf(unix.SOL_SOCKET, unix.SO_TIMESTAMPING)
	kindGRO          = kindOf(unix.SOL_UDP, unix.UDP_GRO)
)

func kindOf(level, kind uint32) uint64 {
	b := binary.NativeEndian.AppendUint32(nil, level)
	return binary.NativeEndian.Uint64(binary.NativeEndian.AppendUint32(b, kind))
}

// sizeofCmsghdr is that of struct cmsghdr on 64-bit systems: size_t, int, int.
const sizeofCmsghdr = 16

// parse reads control messages as recvmsg leaves them (cmsg(3)). What is
// unknown is skipped, what is too short for what it claims to be ignored, and a
// length that cannot be ends the list.
func (c *control) parse(b []byte) {
	*c = control{}
	for len(b) >= sizeofCmsghdr {
		size := binary.NativeEndian.Uint64(b)
		if size < sizeofCmsghdr || size > uint64(len(b)) {
			break
		}
		switch data := b[sizeofCmsghdr:size]; binary.NativeEndian.Uint64(b[8:]) {
		case kindAuxdata:
			if len(data) >= sizeofAuxdata {
				c.auxdata(data)
			}
		case kindTimestamping:
			if len(data) >= sizeofTimestamping {
				c.kernel, c.nic = timespec(data), timespec(data[32:])
			}
		case kindGRO:
			if len(data) >= 4 {
				c.segment = max(0, int(int32(binary.NativeEndian.Uint32(data))))
			}
		}
		b = b[min((size+7)&^7, uint64(len(b))):]
	}
}

// plain reports whether control messages are the one auxdata of a packet that is
// whole, has lost no tag and lacks no checksum, which nearly all are. That is most
// of what parse would say, in a third of its time.
func plain(b []byte) bool {
	return len(b) >= sizeofCmsghdr+sizeofAuxdata && len(b) <= sizeofCmsghdr+sizeofAuxdata+7 &&
		binary.NativeEndian.Uint64(b) == sizeofCmsghdr+sizeofAuxdata &&
		binary.NativeEndian.Uint64(b[8:]) == kindAuxdata &&
		binary.NativeEndian.Uint32(b[16:])&(unix.TP_STATUS_VLAN_VALID|unix.TP_STATUS_CSUMNOTREADY) == 0 &&
		binary.NativeEndian.Uint32(b[20:]) <= binary.NativeEndian.Uint32(b[24:])
}

// auxdata reads a struct tpacket_auxdata (linux/if_packet.h):
//
//	u32 status, len, snaplen; u16 mac, net, vlan_tci, vlan_tpid
func (c *control) auxdata(b []byte) {
	status := binary.NativeEndian.Uint32(b)
	c.cut = binary.NativeEndian.Uint32(b[4:]) > binary.NativeEndian.Uint32(b[8:])
	c.partial = status&unix.TP_STATUS_CSUMNOTREADY != 0
	if c.tagged = status&unix.TP_STATUS_VLAN_VALID != 0; !c.tagged {
		c.tci, c.tpid = 0, 0
		return
	}
	c.tci = binary.NativeEndian.Uint16(b[16:])
	// Before Linux 3.14 the kernel did not say what kind of tag it was.
	if c.tpid = unix.ETH_P_8021Q; status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		c.tpid = binary.NativeEndian.Uint16(b[18:])
	}
}

// timespec reads a struct timespec as ns since 1970, 0 where it is none.
func timespec(b []byte) int64 {
	sec := int64(binary.NativeEndian.Uint64(b))
	nsec := int64(binary.NativeEndian.Uint64(b[8:]))
	const last = (1<<63-1)/1_000_000_000 - 1 // seconds until an int64 of ns ends, in 2262
	if sec < 0 || sec > last || nsec < 0 || nsec >= 1e9 {
		return 0
	}
	return sec*1e9 + nsec
}

// Lengths of an Ethernet header's parts.
const (
	macs    = 12
	tagSize = 4
)

// insertTag puts an 802.1Q tag after the MAC addresses of the frame that is the
// first n bytes of b, and returns the frame's new length, -1 if b is too short
// for it. What has no Ethernet header is left alone.
func insertTag(b []byte, n int, tpid, tci uint16) int {
	switch {
	case n < macs:
		return n
	case n+tagSize > len(b):
		return -1
	}
	copy(b[macs+tagSize:], b[macs:n])
	binary.BigEndian.PutUint16(b[macs:], tpid)
	binary.BigEndian.PutUint16(b[macs+2:], tci)
	return n + tagSize
}
