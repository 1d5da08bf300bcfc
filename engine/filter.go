package engine

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// maxFilter is the most instructions a program may have: the kernel's limit
// (BPF_MAXINSNS of linux/bpf_common.h) less those that the port puts before them.
const maxFilter = 4096 - filterPreamble

// filterPreamble is how many instructions drop the frames this host sends.
const filterPreamble = 4

// ParseFilter reads a program as tcpdump -ddd prints it: the number of
// instructions, then each one's code, jt, jf and k in decimal, on lines of their
// own. The same separated by commas, as for the bpf match of iptables, will do.
// The program must be for Ethernet frames: tcpdump -ddd -y EN10MB 'udp port 9'.
//
// The program is checked as Open checks it. An error names the line, counted
// from 1.
func ParseFilter(text string) ([]bpf.RawInstruction, error) {
	sep := "\n"
	if strings.Contains(text, ",") {
		sep = ","
	}
	var prog []bpf.RawInstruction
	want, line := -1, 0
	for s := range strings.SplitSeq(text, sep) {
		line++
		f := strings.Fields(s)
		switch {
		case len(f) == 0:
		case want < 0:
			n, err := strconv.ParseUint(f[0], 10, 31)
			if err != nil || len(f) != 1 {
				return nil, fmt.Errorf("filter, line %d: %.40q is not a number of instructions, with which the output of tcpdump -ddd begins", line, s)
			}
			if want = int(n); want == 0 || want > maxFilter {
				return nil, fmt.Errorf("filter, line %d: %d instructions: want 1 to %d", line, n, maxFilter)
			}
		case len(prog) == want:
			return nil, fmt.Errorf("filter, line %d: there are more than the %d instructions of the first line", line, want)
		default:
			ins, err := parseInstruction(f)
			if err != nil {
				return nil, fmt.Errorf("filter, line %d: %w", line, err)
			}
			prog = append(prog, ins)
		}
	}
	switch {
	case want < 0:
		return nil, fmt.Errorf("filter, line 1: it is empty: want what tcpdump -ddd prints")
	case len(prog) < want:
		return nil, fmt.Errorf("filter, line %d: it ends after %d of %d instructions", line, len(prog), want)
	}
	return prog, checkFilter(prog)
}

// parseInstruction reads one instruction: code, jt, jf, k.
func parseInstruction(f []string) (ins bpf.RawInstruction, err error) {
	if len(f) != 4 {
		return ins, fmt.Errorf("%d numbers: an instruction has 4 (code, jt, jf, k)", len(f))
	}
	var v [4]uint64
	for i, bits := range []int{16, 8, 8, 32} {
		if v[i], err = strconv.ParseUint(f[i], 10, bits); err != nil {
			return ins, fmt.Errorf("%.40q: want a number from 0 to %d", f[i], uint64(1)<<bits-1)
		}
	}
	return bpf.RawInstruction{Op: uint16(v[0]), Jt: uint8(v[1]), Jf: uint8(v[2]), K: uint32(v[3])}, nil
}

// checkFilter refuses a program that the kernel would refuse, and says why,
// which the kernel does not (bpf_check_classic, net/core/filter.c). A nil
// program is none.
func checkFilter(prog []bpf.RawInstruction) error {
	if prog == nil {
		return nil
	}
	if len(prog) == 0 || len(prog) > maxFilter {
		return fmt.Errorf("filter of %d instructions: want 1 to %d", len(prog), maxFilter)
	}
	for i, raw := range prog {
		if why := instructionFault(raw, len(prog)-1-i); why != "" {
			return fmt.Errorf("filter, instruction %d (%d %d %d %d): %s", i, raw.Op, raw.Jt, raw.Jf, raw.K, why)
		}
	}
	switch prog[len(prog)-1].Disassemble().(type) {
	case bpf.RetA, bpf.RetConstant:
		return nil
	}
	return fmt.Errorf("filter, instruction %d: the last one must be ret", len(prog)-1)
}

// instructionFault says what is wrong with an instruction that has after
// behind it, "" if nothing is.
func instructionFault(raw bpf.RawInstruction, after int) string {
	const none = "there is no such instruction"
	ins := raw.Disassemble()
	// What the package reads more generously than the kernel comes out as
	// another instruction.
	if again, err := ins.Assemble(); err != nil || again.Op != raw.Op {
		if _, ok := ins.(bpf.LoadExtension); !ok {
			return none
		}
	}
	switch ins := ins.(type) {
	case bpf.RawInstruction:
		return none
	case bpf.LoadExtension:
		if !validExtension(raw.Op, ins.Num) {
			return none
		}
	case bpf.Jump:
		if uint64(ins.Skip) >= uint64(max(after, 0)) {
			return outside
		}
	case bpf.JumpIf, bpf.JumpIfX:
		if int(raw.Jt) >= after || int(raw.Jf) >= after {
			return outside
		}
	case bpf.ALUOpConstant:
		switch {
		case (ins.Op == bpf.ALUOpDiv || ins.Op == bpf.ALUOpMod) && ins.Val == 0:
			return "it divides by zero"
		case (ins.Op == bpf.ALUOpShiftLeft || ins.Op == bpf.ALUOpShiftRight) && ins.Val > 31:
			return "it shifts by more than 31 bits"
		}
	}
	return ""
}

const outside = "it jumps out of the program"

// validExtension says whether the kernel has a load of what is not in the
// frame: its length into A or X, or one of the SKF_AD_ values of linux/filter.h
// into A, whatever the width.
func validExtension(op uint16, n bpf.Extension) bool {
	switch op {
	case 0x80, 0x81: // ld #len, ldx #len
		return true
	case 0x20, 0x28, 0x30: // ld, ldh, ldb [k]
		return n >= 0 && n <= bpf.ExtVLANProto && n%4 == 0
	}
	return false
}
