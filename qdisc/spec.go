package qdisc

import (
	"fmt"
	"strconv"
	"strings"
)

// Kinds that a Spec can ask for. Default is no kind: it is what the kernel
// attaches by itself.
const (
	NoQueue   = "noqueue"
	PFIFO     = "pfifo"
	BFIFO     = "bfifo"
	FastPFIFO = "pfifo_fast"
	Default   = "default"
)

// Spec says what a device's root qdisc should be. The zero value is none.
type Spec struct {
	// Kind is one of the constants.
	Kind string
	// Limit is how much a PFIFO holds in packets, a BFIFO in bytes; 0 is what
	// the kernel gives: txqueuelen packets, or as many of the MTU's size.
	Limit uint32
	// TxQueueLen is the device's new txqueuelen in packets, nil to leave it.
	// With 0, a Default pfifo_fast becomes a noqueue.
	TxQueueLen *int
}

const specWant = "want noqueue, pfifo[:packets], bfifo[:bytes], pfifo_fast or default, and perhaps ,txqueuelen=N behind it"

// ParseSpec reads what String writes: "noqueue", "pfifo:77",
// "bfifo:150000,txqueuelen=500", "default,txqueuelen=0".
func ParseSpec(s string) (Spec, error) {
	var p Spec
	first, rest, more := strings.Cut(s, ",")
	kind, limit, hasLimit := strings.Cut(first, ":")
	switch kind {
	case PFIFO, BFIFO:
	case NoQueue, FastPFIFO, Default:
		if hasLimit {
			return Spec{}, fmt.Errorf("qdisc %q: %s has no limit; %s", s, kind, specWant)
		}
	default:
		return Spec{}, fmt.Errorf("qdisc %q is none of those that can be set: %s", s, specWant)
	}
	p.Kind = kind
	if hasLimit {
		n, err := strconv.ParseUint(limit, 10, 32)
		if err != nil || n == 0 {
			return Spec{}, fmt.Errorf("qdisc %q: limit %q is not a number from 1 to %d; %s", s, limit, uint32(1<<32-1), specWant)
		}
		p.Limit = uint32(n)
	}
	if more {
		text, ok := strings.CutPrefix(rest, "txqueuelen=")
		n, err := strconv.ParseUint(text, 10, 31)
		if !ok || err != nil {
			return Spec{}, fmt.Errorf("qdisc %q: %q is not txqueuelen=N; %s", s, rest, specWant)
		}
		p.TxQueueLen = new(int(n))
	}
	return p, nil
}

func (p Spec) String() string {
	s := p.Kind
	if p.Limit != 0 {
		s += fmt.Sprintf(":%d", p.Limit)
	}
	if p.TxQueueLen != nil {
		s += fmt.Sprintf(",txqueuelen=%d", *p.TxQueueLen)
	}
	return s
}

// check is for specs that ParseSpec has not made.
func (p Spec) check() error {
	q, err := ParseSpec(p.String())
	if err == nil && q.Limit != p.Limit {
		err = fmt.Errorf("qdisc %v: %s", p, specWant)
	}
	return err
}
