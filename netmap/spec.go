package netmap

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxName is the longest port name in bytes: nr_name holds
// NETMAP_REQ_IFNAMSIZ (64) with its closing zero.
const MaxName = 63

// Mode selects the rings that a registration binds; it is nr_mode of struct
// nmreq_register, with the values of enum NR_REG_* in net/netmap.h.
type Mode uint32

// The modes the control interface takes. The pipe modes (5 and 6) are not
// here: it refuses them, a pipe is part of the port's name.
const (
	ModeAllNIC Mode = 1 // NR_REG_ALL_NIC: every NIC ring
	ModeSW     Mode = 2 // NR_REG_SW: every host ring
	ModeNICSW  Mode = 3 // NR_REG_NIC_SW: every NIC and host ring
	ModeOneNIC Mode = 4 // NR_REG_ONE_NIC: the NIC ring pair nr_ringid
	ModeNull   Mode = 7 // NR_REG_NULL: rings without a port, in a memory region
	ModeOneSW  Mode = 8 // NR_REG_ONE_SW: the host ring pair nr_ringid
)

// String returns the mode's C name.
func (m Mode) String() string {
	switch m {
	case ModeAllNIC:
		return "NR_REG_ALL_NIC"
	case ModeSW:
		return "NR_REG_SW"
	case ModeNICSW:
		return "NR_REG_NIC_SW"
	case ModeOneNIC:
		return "NR_REG_ONE_NIC"
	case ModeNull:
		return "NR_REG_NULL"
	case ModeOneSW:
		return "NR_REG_ONE_SW"
	}
	return "Mode(" + strconv.FormatUint(uint64(m), 10) + ")"
}

// Flags is the set nr_flags of struct nmreq_register (NR_* in net/netmap.h).
type Flags uint64

// The flags of a registration. A port spec can say those that have a letter.
const (
	FlagMonitorTx     Flags = 0x100   // NR_MONITOR_TX, letter t: copy of what the port sends
	FlagMonitorRx     Flags = 0x200   // NR_MONITOR_RX, letter r: copy of what the port receives
	FlagZCopyMon      Flags = 0x400   // NR_ZCOPY_MON, letter z: the monitor takes the buffers themselves
	FlagExclusive     Flags = 0x800   // NR_EXCLUSIVE, letter x: nobody else may bind these rings
	FlagRxRingsOnly   Flags = 0x2000  // NR_RX_RINGS_ONLY, letter R
	FlagTxRingsOnly   Flags = 0x4000  // NR_TX_RINGS_ONLY, letter T
	FlagAcceptVnetHdr Flags = 0x8000  // NR_ACCEPT_VNET_HDR: frames may start with a virtio-net header
	FlagDoRxPoll      Flags = 0x10000 // NR_DO_RX_POLL: in the header only, the kernel never reads it
	FlagNoTxPoll      Flags = 0x20000 // NR_NO_TX_POLL: poll pushes no TX ring unless asked for POLLOUT
)

type specFlag struct {
	letter byte
	flag   Flags
}

// specFlags are the flags that have a letter, in the order String writes them.
var specFlags = []specFlag{
	{'x', FlagExclusive},
	{'z', FlagZCopyMon},
	{'t', FlagMonitorTx},
	{'r', FlagMonitorRx},
	{'R', FlagRxRingsOnly},
	{'T', FlagTxRingsOnly},
}

// Spec is a port spec taken apart. It is a plain comparable value; nothing
// of it has been looked up in the system yet.
type Spec struct {
	// Name is nr_name as the kernel wants it, 1 to MaxName bytes: without
	// "netmap:", but with a VALE switch ("vale0:p") and a pipe ("eth0{1")
	// kept. Whether such a port exists or can be made is the kernel's word.
	Name   string
	Mode   Mode
	RingID uint16 // ring pair, 0 to 4094, of ModeOneNIC and ModeOneSW; else 0
	Flags  Flags
	MemID  uint16 // memory region; 0 leaves it to the kernel

	// Share is the port whose memory region is to be used, in the form of
	// Name; "" for none. If MemID is set too, the region must be that one.
	Share  string
	Conf   SpecConf
	ExtMem SpecExtMem
	Offset SpecOffset
}

// VALE reports whether s is a port of a VALE switch.
func (s Spec) VALE() bool {
	return strings.HasPrefix(s.Name, "vale") && strings.Contains(s.Name, ":") && !strings.ContainsAny(s.Name, "{}")
}

// SpecConf is the option @conf: the shape of a port that the registration
// itself creates; the kernel ignores it for a port that exists. 0 leaves a
// number to the kernel. The fields are those of struct nmreq_register.
type SpecConf struct {
	TxRings, RxRings         uint16 // keys tx-rings, rx-rings; rings sets both
	HostTxRings, HostRxRings uint16 // host-tx-rings, host-rx-rings; host-rings sets both
	TxSlots, RxSlots         uint32 // slots per ring: tx-slots, rx-slots; slots sets both
}

// SpecExtMem is the option @extmem: memory that the caller maps from a file
// and lends to the kernel. Counts and sizes (bytes per object) are those of
// struct nmreq_pools_info; 0 leaves a number to the kernel.
type SpecExtMem struct {
	File              string // path, neither opened nor looked at; "" means no @extmem
	IfNum, IfSize     uint32 // netmap_if objects: keys if-num, if-size
	RingNum, RingSize uint32 // netmap_ring objects: ring-num, ring-size
	BufNum, BufSize   uint32 // packet buffers: buf-num, buf-size
}

// SpecOffset is the option @offset: part of each slot's ptr holds where the
// packet starts in its buffer (struct nmreq_opt_offsets). libnetmap asks for
// a greatest offset (nro_max_offset) equal to Initial.
type SpecOffset struct {
	Set     bool   // the option was given; @offset=0 is not the same as none
	Initial uint64 // bytes, written to every slot (nro_initial_offset)
	Bits    uint32 // low bits of ptr to use, at most 64; 0 means all (nro_offset_bits)
}

// SpecError says why and where a port spec was refused.
type SpecError struct {
	Spec   string // the whole spec
	Pos    int    // byte offset of what is wrong, from 0; len(Spec) if something is missing at the end
	Reason string // what is wrong there, without the position
}

// Error returns one sentence with the spec, the position and the reason.
func (e *SpecError) Error() string {
	return fmt.Sprintf("port spec %q refused at position %d: %s", e.Spec, e.Pos, e.Reason)
}

// String returns the spec as text in one canonical form. For every sp that
// ParseSpec returned, ParseSpec(sp.String()) is sp again. Flags without a
// letter and ModeNull cannot be written and are left out.
func (sp Spec) String() string {
	var b strings.Builder
	b.WriteString(portText(sp.Name))
	switch sp.Mode {
	case ModeSW:
		b.WriteByte('^')
	case ModeNICSW:
		b.WriteByte('*')
	case ModeOneNIC:
		fmt.Fprintf(&b, "-%d", sp.RingID)
	case ModeOneSW:
		fmt.Fprintf(&b, "^%d", sp.RingID)
	}
	sep := "/"
	for _, f := range specFlags {
		if sp.Flags&f.flag != 0 {
			b.WriteString(sep)
			b.WriteByte(f.letter)
			sep = ""
		}
	}
	if sp.MemID != 0 {
		fmt.Fprintf(&b, "@%d", sp.MemID)
	}
	if sp.Share != "" {
		b.WriteString("@share=" + portText(sp.Share))
	}
	if c := sp.Conf; c != (SpecConf{}) {
		k := keyWriter{b: &b, sep: "@conf:"}
		k.pair("rings", uint32(c.TxRings), uint32(c.RxRings))
		k.pair("host-rings", uint32(c.HostTxRings), uint32(c.HostRxRings))
		k.pair("slots", c.TxSlots, c.RxSlots)
	}
	if m := sp.ExtMem; m == (SpecExtMem{File: m.File}) && m.File != "" {
		// The short form is the only one that can hold a path with a comma.
		b.WriteString("@extmem=" + m.File)
	} else if m.File != "" {
		b.WriteString("@extmem:file=" + m.File)
		k := keyWriter{b: &b, sep: ","}
		k.num("if-num", m.IfNum)
		k.num("if-size", m.IfSize)
		k.num("ring-num", m.RingNum)
		k.num("ring-size", m.RingSize)
		k.num("buf-num", m.BufNum)
		k.num("buf-size", m.BufSize)
	}
	if o := sp.Offset; o.Set {
		fmt.Fprintf(&b, "@offset:initial=%d", o.Initial)
		k := keyWriter{b: &b, sep: ","}
		k.num("bits", o.Bits)
	}
	return b.String()
}

// keyWriter writes the keys of one option, leaving out those that are 0.
type keyWriter struct {
	b   *strings.Builder
	sep string // goes before the next key
}

func (k *keyWriter) num(key string, n uint32) {
	if n != 0 {
		fmt.Fprintf(k.b, "%s%s=%d", k.sep, key, n)
		k.sep = ","
	}
}

// pair writes a key that has a tx and an rx form: one key if both are equal.
func (k *keyWriter) pair(key string, tx, rx uint32) {
	if tx == rx {
		k.num(key, tx)
		return
	}
	host, rest := "", key
	if s, ok := strings.CutPrefix(key, "host-"); ok {
		host, rest = "host-", s
	}
	k.num(host+"tx-"+rest, tx)
	k.num(host+"rx-"+rest, rx)
}

// portText puts "netmap:" before a kernel name that needs it.
func portText(name string) string {
	if s, _, ok := strings.Cut(name, ":"); ok {
		if id, ok := strings.CutPrefix(s, "vale"); ok && notIdent(id) < 0 {
			return name
		}
	}
	return "netmap:" + name
}
