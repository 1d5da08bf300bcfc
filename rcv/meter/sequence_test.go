package meter

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// numbered makes frames of txseq.
func numbered(t testing.TB) func(n uint32) []byte {
	t.Helper()
	w, err := frame.NewWriter(frame.Config{}, 0, 1)
	if err == nil {
		err = w.Number()
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(n uint32) []byte {
		b := bytes.Clone(w.Image())
		binary.BigEndian.PutUint32(b[42:], n)
		return b
	}
}

func TestSequence(t *testing.T) {
	number := numbered(t)
	const end = 1<<32 - 1
	one := Extent{Mean: 1, P50: 1, P99: 1, Max: 1}
	for _, c := range []struct {
		numbers []uint32
		want    Stream
	}{
		{[]uint32{0, 1, 2, 3}, Stream{Packets: 4, Distinct: 4, Total: 4}},
		{[]uint32{7}, Stream{Packets: 1, Distinct: 1, Total: 1}},
		// It begins where it was first seen, or just before.
		{[]uint32{1000000, 1000001, 1000003}, Stream{Packets: 3, Distinct: 3, Lost: 1, Total: 4}},
		{[]uint32{500, 499, 501, 501}, Stream{Packets: 4, Distinct: 3, Duplicates: 1, Reordered: 1, Extent: one, Total: 3}},
		// Through the end of 32 bits.
		{[]uint32{end - 1, end, 1, 0, 2}, Stream{Packets: 5, Distinct: 5, Reordered: 1, Extent: one, Total: 5}},
		// A stray one at the beginning, and one in the middle, are nobody's loss.
		{[]uint32{0xdeadbeef, 10, 11, 0x7fffffff, 12}, Stream{Packets: 5, Distinct: 3, Absurd: 2, Total: 3}},
	} {
		m, f := newStages(t, &Config{Sequence: true}, 1), newFeed(t, 16)
		for _, n := range c.numbers {
			f.put(number(n), 0)
		}
		f.put(make([]byte, 60), 0)
		f.process(t, m.stages[0])
		sn := m.Snapshot()
		c.want.Epochs = 1
		if len(sn.Streams) != 1 || sn.Streams[0] != c.want || sn.NotProbe != 1 || sn.Packets != uint64(len(c.numbers))+1 {
			t.Errorf("%v: %+v, want %+v", c.numbers, sn, c.want)
		}
	}
}

// pkt-gen's txseq -F numbers each slot; a packet counts once all the same.
func TestSequenceInEachSlot(t *testing.T) {
	number := numbered(t)
	m, f := newStages(t, &Config{Sequence: true}, 1), newFeed(t, 16)
	for n := range uint32(9) {
		flags := netmap.MoreFrag
		if n%3 == 2 {
			flags = 0
		}
		f.put(number(n), flags)
	}
	f.process(t, m.stages[0])
	sn := m.Snapshot()
	if sn.Packets != 3 || sn.Bytes != 9*60 || sn.Streams[0].Distinct != 9 || sn.Streams[0].Lost != 0 {
		t.Errorf("%+v", sn)
	}
}

// Two queues of one stream: what each lacks the other has.
func TestSequenceOverQueues(t *testing.T) {
	number := numbered(t)
	m := newStages(t, &Config{Sequence: true}, 2)
	for round := range uint32(50) {
		for q := range m.stages {
			f := newFeed(t, 16)
			for k := range uint32(10) {
				f.put(number(20*round+2*k+uint32(q)), 0)
			}
			f.process(t, m.stages[q])
		}
	}
	want := Stream{Packets: 1000, Distinct: 1000, Total: 1000, Epochs: 1}
	if got := m.byID()[0]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
