package netmap

import (
	"errors"
	"fmt"
	"strconv"
	"structs"
	"syscall"
)

// OptType is nro_reqtype of struct nmreq_option: what an option is about.
type OptType uint32

// The options, NETMAP_REQ_OPT_*.
const (
	OptTypeExtMem            OptType = 1 // NETMAP_REQ_OPT_EXTMEM: *OptExtMem
	OptTypeSyncKloopEventFDs OptType = 2 // NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS: *OptSyncKloopEventFDs
	OptTypeCSB               OptType = 3 // NETMAP_REQ_OPT_CSB: *OptCSB
	OptTypeSyncKloopMode     OptType = 4 // NETMAP_REQ_OPT_SYNC_KLOOP_MODE: *OptSyncKloopMode
	OptTypeOffsets           OptType = 5 // NETMAP_REQ_OPT_OFFSETS: *OptOffsets
)

var optNames = [...]string{
	OptTypeExtMem:            "EXTMEM",
	OptTypeSyncKloopEventFDs: "SYNC_KLOOP_EVENTFDS",
	OptTypeCSB:               "CSB",
	OptTypeSyncKloopMode:     "SYNC_KLOOP_MODE",
	OptTypeOffsets:           "OFFSETS",
}

// String returns the option's C name.
func (t OptType) String() string {
	if int(t) < len(optNames) && optNames[t] != "" {
		return "NETMAP_REQ_OPT_" + optNames[t]
	}
	return "OptType(" + strconv.FormatUint(uint64(t), 10) + ")"
}

// An Option goes with a [Request]: an *OptExtMem, *OptOffsets, *OptCSB,
// *OptSyncKloopEventFDs or *OptSyncKloopMode. Where the kernel answers in an
// option, it does so only in one of a request that succeeds.
type Option interface {
	OptType() OptType
}

// OptExtMem is struct nmreq_opt_extmem, for ReqRegister: memory that the caller
// lends, to be the port's region (Linux modules built with --enable-extmem).
// The kernel pins its pages until the last port in it is closed; they must
// stay mapped and untouched until then.
type OptExtMem struct {
	// Memory begins at a page. Regions of huge pages are best: an object
	// longer than a page that lies across two pages which are not neighbours
	// in the machine's memory is not used.
	Memory []byte
	// Info says how many objects of each kind to make, and of what size
	// (bytes); what is 0 is answered with the kernel's default. Memory that is
	// left over becomes buffers. MemSize is set from Memory.
	Info PoolsInfoReq
}

// OptOffsets is the body of struct nmreq_opt_offsets, for ReqRegister: the low
// bits of each slot's Ptr say where in its buffer the packet begins. Whoever opens
// a ring, or a pipe's other end, asks for them if anybody does: a [Ring] has
// offsets only if its own registration did, for RingHeader.OffsetMask may be left
// over from an earlier ring.
//
// Two kinds of port move packets. A VALE switch puts one at the same place in a
// cache line as its sender had it, up to 64 bytes beside the receiver's offset,
// so that both ends want offsets, of 7 bits and more. A pipe hands the buffer
// over with the sender's offset, but never with one less than the receiver's
// slot has: the sender's must be at least that.
type OptOffsets struct {
	_       structs.HostLayout
	Max     uint64 // largest offset that will be used, bytes; a larger one is cut to it. out: that in force
	Initial uint64 // offset that all slots get first, bytes, at most Max
	Bits    uint32 // how many bits of Ptr, 0 for all
	TxAlign uint32 // alignment of the packets that will be sent, bytes
	MinGap  uint64 // 0
}

// OptCSB is struct nmreq_opt_csb, for ReqRegister and ReqCSBEnable: head, cur and
// tail of the descriptor's rings are exchanged through this memory from then
// on. Both slices have an entry for each bound ring, first the transmit rings,
// and begin at a multiple of 64 bytes, see [NewCSB]. They must live as long as
// the descriptor.
type OptCSB struct {
	AToK []CSBAToK // application to kernel
	KToA []CSBKToA // kernel to application
}

// OptSyncKloopEventFDs is struct nmreq_opt_sync_kloop_eventfds, for
// ReqSyncKloopStart: eventfds by which the loop and the application wake each
// other, an entry for each ring in the order of the CSB.
type OptSyncKloopEventFDs struct {
	EventFDs []KloopEventFD
}

// OptSyncKloopMode is struct nmreq_opt_sync_kloop_mode, for ReqSyncKloopStart.
type OptSyncKloopMode struct {
	Mode KloopMode
}

// OptUnknown is an option by its number alone, for whoever wants to know whether
// a kernel has it.
type OptUnknown OptType

// The type of each option.
func (*OptExtMem) OptType() OptType            { return OptTypeExtMem }
func (*OptOffsets) OptType() OptType           { return OptTypeOffsets }
func (*OptCSB) OptType() OptType               { return OptTypeCSB }
func (*OptSyncKloopEventFDs) OptType() OptType { return OptTypeSyncKloopEventFDs }
func (*OptSyncKloopMode) OptType() OptType     { return OptTypeSyncKloopMode }
func (o OptUnknown) OptType() OptType          { return OptType(o) }

// An OptionError is the kernel's refusal of one option of a request.
type OptionError struct {
	Type OptType
	Err  error // the option's nro_status
}

func (e *OptionError) Error() string {
	if errors.Is(e.Err, syscall.EOPNOTSUPP) {
		return fmt.Sprintf("this kernel, or the port, does not have the option %v: %v", e.Type, e.Err)
	}
	return fmt.Sprintf("the option %v is refused: %v", e.Type, e.Err)
}

// Unwrap returns Err.
func (e *OptionError) Unwrap() error { return e.Err }

// Result makes the error of a request of the kernel's errno, nil for none, and
// the request's Status: an *[OptionError] if it was an option that failed it,
// or if the kernel passed over an option without a word. It is for those who
// write a [File].
func (r *Request) Result(err error) error {
	for i, s := range r.Status {
		// A request that fails for another reason leaves EOPNOTSUPP in the
		// options it has not come to.
		if s != 0 && (err == nil || errors.Is(err, s)) {
			return &OptionError{Type: r.Options[i].OptType(), Err: s}
		}
	}
	return err
}
