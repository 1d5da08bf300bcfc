package qdisc

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// FIFO are the options of pfifo, bfifo and pfifo_head_drop (struct
// tc_fifo_qopt). The JSON names here and below are tc's.
type FIFO struct {
	Limit uint32 `json:"limit"` // packets; of bfifo, bytes
}

// PFIFOFast is what pfifo_fast shows (struct tc_prio_qopt): it cannot be set.
type PFIFOFast struct {
	Bands   int       `json:"bands"`
	PrioMap [16]uint8 `json:"priomap"` // band by priority
}

// TBF are the options of tbf, a token bucket (struct tc_tbf_qopt).
type TBF struct {
	Rate     uint64 `json:"rate"`               // bytes a second
	Burst    uint32 `json:"burst"`              // bytes that the bucket holds; 0 where that does not show
	Limit    uint32 `json:"limit"`              // bytes that may wait
	PeakRate uint64 `json:"peakrate,omitempty"` // bytes a second, 0 for none
	MinBurst uint32 `json:"minburst,omitempty"` // bytes of the peak's bucket
}

// FQ are the options of fq (TCA_FQ_*). Sizes are packets unless they say bytes,
// rates bytes a second, times µs.
type FQ struct {
	Limit            uint32 `json:"limit"`
	FlowLimit        uint32 `json:"flow_limit"`
	Buckets          uint32 `json:"buckets"`
	OrphanMask       uint32 `json:"orphan_mask"`
	Quantum          uint32 `json:"quantum"`         // bytes
	InitialQuantum   uint32 `json:"initial_quantum"` // bytes
	Pacing           bool   `json:"pacing"`
	MaxRate          uint32 `json:"maxrate,omitempty"` // 0xffffffff is none
	LowRateThreshold uint32 `json:"low_rate_threshold"`
	RefillDelay      uint32 `json:"refill_delay"`
	TimerSlack       uint32 `json:"timer_slack"` // ns
	Horizon          uint32 `json:"horizon"`
	HorizonDrop      bool   `json:"horizon_drop"`
}

// FQCodel are the options of fq_codel (TCA_FQ_CODEL_*), times in µs.
type FQCodel struct {
	Limit       uint32 `json:"limit"` // packets
	Flows       uint32 `json:"flows"`
	Quantum     uint32 `json:"quantum"` // bytes
	Target      uint32 `json:"target"`
	Interval    uint32 `json:"interval"`
	CEThreshold uint32 `json:"ce_threshold,omitempty"`
	MemoryLimit uint32 `json:"memory_limit"` // bytes
	ECN         bool   `json:"ecn"`
	DropBatch   uint32 `json:"drop_batch"` // packets
}

// Attribute types of linux/pkt_sched.h.
const (
	tbfParms, tbfRate64, tbfPRate64, tbfBurst, tbfPBurst = 1, 4, 5, 6, 7

	fqLimit, fqFlowLimit, fqQuantum, fqInitialQuantum, fqRateEnable  = 1, 2, 3, 4, 5
	fqMaxRate, fqBucketsLog, fqRefillDelay, fqOrphanMask, fqLowRate  = 7, 8, 9, 10, 11
	fqTimerSlack, fqHorizon, fqHorizonDrop                           = 13, 14, 15
	codelTarget, codelLimit, codelInterval, codelECN, codelFlows     = 1, 2, 3, 4, 5
	codelQuantum, codelCEThreshold, codelDropBatch, codelMemoryLimit = 6, 7, 8, 9
	codelOwnCEThreshold                                              = 5 // codel's own, which shares the first three
)

// attribute is a netlink attribute: length and type of 16 bits, then data
// padded to 4 bytes, all in host order.
func attribute(typ uint16, data []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(data)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = append(b, data...)
	return append(b, make([]byte, -len(data)&3)...)
}

// attributes reads a list of attributes up to the first that makes no sense.
func attributes(b []byte) map[uint16][]byte {
	m := map[uint16][]byte{}
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			break
		}
		m[binary.NativeEndian.Uint16(b[2:])&0x3fff] = b[4:n] // without NLA_F_NESTED and the other flag
		b = b[min((n+3)&^3, len(b)):]
	}
	return m
}

// u32 reads a number of 32 bits, 0 if there is none.
func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

func u64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

// decode makes options of the kernel's bytes, nil if the kind has none or is
// not known.
func decode(kind string, raw []byte) any {
	if len(raw) == 0 {
		return nil
	}
	switch kind {
	case PFIFO, BFIFO, "pfifo_head_drop":
		return FIFO{u32(raw)}
	case FastPFIFO:
		if len(raw) < 20 {
			return nil
		}
		return PFIFOFast{int(u32(raw)), [16]uint8(raw[4:])}
	case "tbf":
		return decodeTBF(attributes(raw))
	case "fq":
		a := attributes(raw)
		f := FQ{
			Limit: u32(a[fqLimit]), FlowLimit: u32(a[fqFlowLimit]), Buckets: 1 << (u32(a[fqBucketsLog]) & 31), OrphanMask: u32(a[fqOrphanMask]),
			Quantum: u32(a[fqQuantum]), InitialQuantum: u32(a[fqInitialQuantum]), Pacing: u32(a[fqRateEnable]) != 0,
			MaxRate: u32(a[fqMaxRate]), LowRateThreshold: u32(a[fqLowRate]), RefillDelay: u32(a[fqRefillDelay]),
			TimerSlack: u32(a[fqTimerSlack]), Horizon: u32(a[fqHorizon]),
		}
		f.HorizonDrop = len(a[fqHorizonDrop]) > 0 && a[fqHorizonDrop][0] != 0
		return f
	case "fq_codel":
		a := attributes(raw)
		return FQCodel{
			Limit: u32(a[codelLimit]), Flows: u32(a[codelFlows]), Quantum: u32(a[codelQuantum]), Target: u32(a[codelTarget]),
			Interval: u32(a[codelInterval]), CEThreshold: u32(a[codelCEThreshold]), MemoryLimit: u32(a[codelMemoryLimit]),
			ECN: u32(a[codelECN]) != 0, DropBatch: u32(a[codelDropBatch]),
		}
	}
	return nil
}

// Offsets in struct tc_tbf_qopt: two struct tc_ratespec (cell_log, linklayer,
// overhead of 16 bits, cell_align, mpu, rate), then limit, buffer, mtu.
const (
	tbfLinkLayer, tbfOverhead, tbfRate = 1, 2, 8
	tbfPeak, tbfPeakRate               = 12, 20
	tbfLimit, tbfBuffer, tbfMTU        = 24, 28, 32
	tbfSize                            = 36
)

func decodeTBF(a map[uint16][]byte) any {
	p := a[tbfParms]
	if len(p) < tbfSize {
		return nil
	}
	t := TBF{Rate: uint64(u32(p[tbfRate:])), Limit: u32(p[tbfLimit:]), PeakRate: uint64(u32(p[tbfPeakRate:]))}
	if r := u64(a[tbfRate64]); r != 0 {
		t.Rate = r
	}
	if r := u64(a[tbfPRate64]); r != 0 {
		t.PeakRate = r
	}
	t.Burst = bucket(t.Rate, u32(p[tbfBuffer:]), p)
	t.MinBurst = bucket(t.PeakRate, u32(p[tbfMTU:]), p[tbfPeak:])
	return t
}

// restorable returns options that make the qdisc that showed raw. Some kinds
// keep times in units of their own and round down both in showing and in
// reading, so that given back what it showed, a time gets shorter:
//
//   - tbf shows its buckets as times in ticks; made from that, a bucket of 1514
//     bytes holds 1513 and drops full frames. The sizes are given beside it.
//   - codel and fq_codel count in 1.024 µs and show µs: 5000 is kept as 4882,
//     shown as 4999 and read as 4881.
func restorable(kind string, raw []byte) []byte {
	switch kind {
	case "codel":
		return codelTimes(raw, codelTarget, codelInterval, codelOwnCEThreshold)
	case "fq_codel":
		return codelTimes(raw, codelTarget, codelInterval, codelCEThreshold)
	case NoQueue, FastPFIFO, "mq":
		return nil // they take no options, though pfifo_fast shows some
	case "tbf":
		t, ok := decode(kind, raw).(TBF)
		if !ok {
			return raw
		}
		b := slices.Clone(raw)
		if t.Burst != 0 {
			b = append(b, attribute(tbfBurst, binary.NativeEndian.AppendUint32(nil, t.Burst))...)
		}
		if t.MinBurst != 0 {
			b = append(b, attribute(tbfPBurst, binary.NativeEndian.AppendUint32(nil, t.MinBurst))...)
		}
		return b
	}
	return raw
}

// codelTimes returns a copy with those of the attributes rounded up to what the
// kernel, rounding down, shows as it showed them.
func codelTimes(raw []byte, types ...uint16) []byte {
	b := slices.Clone(raw)
	for typ, data := range attributes(b) {
		if slices.Contains(types, typ) && len(data) >= 4 {
			units := (uint64(u32(data))*1000 + 1023) / 1024
			binary.NativeEndian.PutUint32(data, uint32((units*1024+999)/1000))
		}
	}
	return b
}

// tick is the kernel's unit of packet scheduler time in ns (PSCHED_SHIFT).
const tick = 64

// bucket is the largest size in bytes that at the rate takes a time the kernel
// shows as ticks; the smallest would drop frames that pass now. The kernel
// works out a size's time as size × mult >> shift, with mult made to have 32
// bits (psched_ratecfg_precompute). 0 says that the size is not to be known:
// with ATM's cells, or where the time was too long to be shown (275 s and more).
// What is left of such a time fits another size once in many thousands of
// rates; that smaller size is then taken for it, for nothing tells them apart.
func bucket(rate uint64, ticks uint32, spec []byte) uint32 {
	const atm = 2 // TC_LINKLAYER_ATM
	if rate == 0 || spec[tbfLinkLayer]&0xf == atm {
		return 0
	}
	mult, factor, shift := uint64(0), uint64(1e9), 0
	for {
		mult = factor / rate
		if mult&(1<<31) != 0 || factor&(1<<63) != 0 {
			break
		}
		factor <<= 1
		shift++
	}
	if mult == 0 {
		return 0
	}
	// The first time that is too long, minus the least that can be told.
	hi, lo := bits.Mul64((uint64(ticks)+1)*tick, 1<<shift)
	lo, borrow := bits.Sub64(lo, 1, 0)
	hi -= borrow
	if hi >= mult {
		return 0
	}
	size, _ := bits.Div64(hi, lo, mult)
	// A time of more than 32 bits of ticks was cut off, and fits no size.
	if hi, lo := bits.Mul64(size, mult); hi>>shift != 0 || (lo>>shift|hi<<(64-shift))/tick != uint64(ticks) {
		return 0
	}
	size -= min(size, uint64(binary.NativeEndian.Uint16(spec[tbfOverhead:])))
	return uint32(min(size, 1<<32-1))
}
