package netmap

import (
	"runtime"
	"structs"
	"syscall"
	"unsafe"
)

// optHeader is struct nmreq_option.
type optHeader struct {
	_       structs.HostLayout
	Next    uint64 // address of the next option, 0 ends
	ReqType OptType
	Status  uint32 // out: an errno
	Size    uint64 // of options of variable size, with this header
}

type optExtMem struct {
	_       structs.HostLayout
	Opt     optHeader
	UserPtr uint64
	Info    PoolsInfoReq
}

type optOffsets struct {
	_    structs.HostLayout
	Opt  optHeader
	Body OptOffsets
}

type optCSB struct {
	_    structs.HostLayout
	Opt  optHeader
	AToK uint64
	KToA uint64
}

type optKloopMode struct {
	_    structs.HostLayout
	Opt  optHeader
	Mode KloopMode
	_    uint32
}

// Layouts on 64-bit systems, as printed by a C program against net/netmap.h.
var (
	_ [24]byte = [unsafe.Sizeof(optHeader{})]byte{}
	_ [8]byte  = [unsafe.Offsetof(optHeader{}.ReqType)]byte{}
	_ [12]byte = [unsafe.Offsetof(optHeader{}.Status)]byte{}
	_ [16]byte = [unsafe.Offsetof(optHeader{}.Size)]byte{}
	_ [96]byte = [unsafe.Sizeof(optExtMem{})]byte{}
	_ [24]byte = [unsafe.Offsetof(optExtMem{}.UserPtr)]byte{}
	_ [32]byte = [unsafe.Offsetof(optExtMem{}.Info)]byte{}
	_ [56]byte = [unsafe.Sizeof(optOffsets{})]byte{}
	_ [24]byte = [unsafe.Offsetof(optOffsets{}.Body)]byte{}
	_ [8]byte  = [unsafe.Offsetof(OptOffsets{}.Initial)]byte{}
	_ [16]byte = [unsafe.Offsetof(OptOffsets{}.Bits)]byte{}
	_ [20]byte = [unsafe.Offsetof(OptOffsets{}.TxAlign)]byte{}
	_ [24]byte = [unsafe.Offsetof(OptOffsets{}.MinGap)]byte{}
	_ [40]byte = [unsafe.Sizeof(optCSB{})]byte{}
	_ [24]byte = [unsafe.Offsetof(optCSB{}.AToK)]byte{}
	_ [32]byte = [unsafe.Offsetof(optCSB{}.KToA)]byte{}
	_ [32]byte = [unsafe.Sizeof(optKloopMode{})]byte{}
	_ [24]byte = [unsafe.Offsetof(optKloopMode{}.Mode)]byte{}
	_ [8]byte  = [unsafe.Sizeof(KloopEventFD{})]byte{}
	_ [64]byte = [unsafe.Sizeof(CSBAToK{})]byte{}
	_ [4]byte  = [unsafe.Offsetof(CSBAToK{}.Cur)]byte{}
	_ [8]byte  = [unsafe.Offsetof(CSBAToK{}.NeedKick)]byte{}
	_ [12]byte = [unsafe.Offsetof(CSBAToK{}.SyncFlags)]byte{}
	_ [64]byte = [unsafe.Sizeof(CSBKToA{})]byte{}
	_ [4]byte  = [unsafe.Offsetof(CSBKToA{}.HwTail)]byte{}
	_ [8]byte  = [unsafe.Offsetof(CSBKToA{}.NeedKick)]byte{}
)

// An optionList is a request's options as the kernel wants them: linked by
// address, in memory that stays where it is until the pinner lets go.
type optionList []*optHeader

func newOptionList(opts []Option, pin *runtime.Pinner) optionList {
	var l optionList
	for _, o := range opts {
		l = append(l, newOption(o, pin))
	}
	for i, h := range l {
		h.ReqType = opts[i].OptType()
		pin.Pin(h)
		if i > 0 {
			l[i-1].Next = uint64(uintptr(unsafe.Pointer(h)))
		}
	}
	return l
}

// newOption makes the kernel's form of an option, of which the header is the
// first part.
func newOption(o Option, pin *runtime.Pinner) *optHeader {
	switch o := o.(type) {
	case *OptExtMem:
		k := &optExtMem{UserPtr: address(o.Memory, pin), Info: o.Info}
		k.Info.MemSize = uint64(len(o.Memory))
		return &k.Opt
	case *OptOffsets:
		return &(&optOffsets{Body: *o}).Opt
	case *OptCSB:
		return &(&optCSB{AToK: address(o.AToK, pin), KToA: address(o.KToA, pin)}).Opt
	case *OptSyncKloopMode:
		return &(&optKloopMode{Mode: o.Mode}).Opt
	case *OptSyncKloopEventFDs:
		const entry = int(unsafe.Sizeof(KloopEventFD{}))
		size := int(unsafe.Sizeof(optHeader{})) + entry*len(o.EventFDs)
		b := make([]uint64, size/8)
		h := (*optHeader)(unsafe.Pointer(unsafe.SliceData(b)))
		h.Size = uint64(size)
		if n := len(o.EventFDs); n > 0 {
			copy(unsafe.Slice((*KloopEventFD)(unsafe.Pointer(&b[int(unsafe.Sizeof(*h))/8])), n), o.EventFDs)
		}
		return h
	}
	return &optHeader{}
}

// address returns where s lies, and pins it there; 0 for an empty one.
func address[T any](s []T, pin *runtime.Pinner) uint64 {
	if len(s) == 0 {
		return 0
	}
	p := unsafe.SliceData(s)
	pin.Pin(p)
	return uint64(uintptr(unsafe.Pointer(p)))
}

func (l optionList) head() uint64 {
	if len(l) == 0 {
		return 0
	}
	return uint64(uintptr(unsafe.Pointer(l[0])))
}

// status returns what the kernel said of each option.
func (l optionList) status() (all []syscall.Errno) {
	for _, h := range l {
		all = append(all, syscall.Errno(h.Status))
	}
	return all
}

// answer writes what the kernel answered in the options into opts.
func (l optionList) answer(opts []Option) {
	for i, h := range l {
		switch o := opts[i].(type) {
		case *OptExtMem:
			o.Info = (*optExtMem)(unsafe.Pointer(h)).Info
		case *OptOffsets:
			*o = (*optOffsets)(unsafe.Pointer(h)).Body
		}
	}
}
