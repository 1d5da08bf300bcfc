package mmsg

import (
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

// Ancillary loads of classic BPF: SKF_AD_OFF and what is added to it
// (linux/filter.h).
const (
	skfAdOff = 0xfffff000
	adCPU    = skfAdOff + 36 // SKF_AD_CPU
	adRandom = skfAdOff + 56 // SKF_AD_RANDOM
)

// SteerProgram returns a classic BPF program whose result is the number of the
// receive queue for a packet, as SO_ATTACH_REUSEPORT_CBPF and a fanout group by
// program (PACKET_FANOUT_CBPF) want it; nil if the way needs none or is not to
// be had so. A program has no memory, so it cannot count in turn.
//
// By CPU, SO_INCOMING_CPU would be the other way for UDP. It is a preference of
// each socket for one CPU, and what comes in on the others goes by the hash; the
// program has a queue for every CPU.
func SteerProgram(s backend.Steer, cpus []int, queues int) []unix.SockFilter {
	mod := []unix.SockFilter{
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(queues)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	load := func(k uint32) []unix.SockFilter {
		return []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: k}}
	}
	switch s {
	case backend.SteerRandom:
		return append(load(adRandom), mod...)
	case backend.SteerCPU:
		prog := load(adCPU)
		for i, cpu := range cpus {
			prog = append(prog,
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(cpu)},
				unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: uint32(i)})
		}
		return append(prog, mod...)
	}
	return nil
}
