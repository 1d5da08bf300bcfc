package packet

import (
	"fmt"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Classic BPF programs (linux/filter.h).
var (
	blockAll = []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}

	// incomingOnly is the head of a program: it ends that for the frames this
	// host sends, and leaves A for the others as it was, 0.
	incomingOnly = []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: pktType},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.PACKET_OUTGOING},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_LD | unix.BPF_IMM, K: 0},
	}

	passAll = unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: whole}
)

const (
	// pktType is SKF_AD_OFF + SKF_AD_PKTTYPE: a negative offset, loading the
	// frame's sll_pkttype.
	pktType = 0xfffff000 + 4
	// whole is what a program returns to have all of a frame.
	whole = 1<<32 - 1
)

// program is incomingOnly and then the user's, or none. A program that returns
// how much of a frame it wants gets all of it: it is to choose frames, not to
// make short ones of them.
func program(user []bpf.RawInstruction) []unix.SockFilter {
	prog := append([]unix.SockFilter(nil), incomingOnly...)
	if user == nil {
		return append(prog, passAll)
	}
	for _, i := range user {
		if i.Op == unix.BPF_RET|unix.BPF_K && i.K != 0 {
			i.K = whole
		}
		prog = append(prog, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	return prog
}

// attach gives a socket its program in place of the one it had. The kernel
// counts programs as option memory (net.core.optmem_max).
func attach(fd int, prog []unix.SockFilter) error {
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
	switch err {
	case nil:
		return nil
	case unix.ENOMEM:
		return fmt.Errorf("no room for a filter of %d instructions (sysctl net.core.optmem_max): %w", len(prog), os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err))
	}
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
}
