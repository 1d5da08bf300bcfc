package engine

import (
	"math"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// scratchWritten stores to all of the scratch memory, whose reading the kernel
// refuses before, and checkFilter does not look at.
func scratchWritten(then ...bpf.RawInstruction) (prog []bpf.RawInstruction) {
	for i := range uint32(16) {
		prog = append(prog, bpf.RawInstruction{Op: unix.BPF_ST, K: i})
	}
	return append(prog, then...)
}

// kernelTakes asks the kernel, whose check is the same for every kind of socket.
func kernelTakes(fd int, prog []bpf.RawInstruction) bool {
	raw := make([]unix.SockFilter, len(prog))
	for i, p := range prog {
		raw[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(raw)), Filter: &raw[0]}) == nil
}

// checkFilter and the kernel agree on every instruction there could be.
func TestFilterCheckIsTheKernels(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	ret := bpf.RawInstruction{Op: unix.BPF_RET}
	compare := func(ins bpf.RawInstruction, after ...bpf.RawInstruction) {
		prog := scratchWritten(append([]bpf.RawInstruction{ins}, after...)...)
		err := checkFilter(prog)
		if takes := kernelTakes(fd, prog); takes != (err == nil) {
			t.Errorf("%+v and %d more: the kernel takes it: %v; checkFilter says %v", ins, len(after), takes, err)
		}
	}
	for op := range 1 << 10 { // above 255 there is none
		for _, k := range []uint32{0, 1, 2, 15, 16, 31, 32, 1 << 31, math.MaxUint32} {
			for _, jump := range [][2]uint8{{0, 0}, {1, 1}, {2, 0}, {0, 2}, {1, 2}} {
				compare(bpf.RawInstruction{Op: uint16(op), Jt: jump[0], Jf: jump[1], K: k}, ret, ret)
			}
		}
		compare(bpf.RawInstruction{Op: uint16(op), K: 1}) // as the last one
	}
	for _, op := range []uint16{0x20, 0x28, 0x30, 0x21, 0x40, 0x80, 0x81, 0xa0, 0xb1} {
		for ad := range uint32(128) { // SKF_AD_OFF and what follows
			compare(bpf.RawInstruction{Op: op, K: 0xfffff000 + ad}, ret)
		}
		compare(bpf.RawInstruction{Op: op, K: 0xffffefff}, ret) // SKF_NET_OFF's
		compare(bpf.RawInstruction{Op: op, K: 0xfff00000}, ret)
	}
}
