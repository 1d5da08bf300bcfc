package meter

import (
	"math/rand/v2"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// A length of each bin's ends, and of all in between, is in it.
func TestSizeBins(t *testing.T) {
	// RMON's limits (RFC 2819), which have the CRC in them.
	rmon := []int{63, 64, 127, 255, 511, 1023, 1518}
	for n := range 70000 {
		want := uint(0)
		for _, limit := range rmon {
			if n+4 > limit {
				want++
			}
		}
		if got := sizeBin(n); got != want {
			t.Fatalf("%d bytes are in bin %d, want %d", n, got, want)
		}
	}
}

// Sizes of packets, not of slots, whichever way they are counted.
func TestSizesOfPackets(t *testing.T) {
	for _, c := range []Config{{}, {NoProbe: true}, {Sequence: true}} {
		m, f := newStages(t, &c, 1), newFeed(t, 64)
		m.stages[0].tally.longest = 1518
		var want Sizes
		var packets, oversize uint64
		r := rand.New(rand.NewPCG(3, 4))
		for range 500 {
			total := 0
			for k := 1 + r.IntN(4); k > 0; k-- {
				flags := netmap.MoreFrag
				if k == 1 {
					flags = 0
				}
				n := r.IntN(800)
				if r.IntN(4) == 0 {
					n = 0
				}
				f.put(make([]byte, n), flags)
				total += n
				if r.IntN(5) == 0 || f.room() == 0 {
					f.process(t, m.stages[0])
				}
			}
			want[sizeBin(total)]++
			packets++
			if total > 1518 {
				oversize++
			}
		}
		f.process(t, m.stages[0])
		if s := m.Snapshot(); s.Sizes != want || s.Packets != packets || s.Oversize != oversize || oversize == 0 {
			t.Errorf("%+v: sizes %v of %d packets, %d oversize, want %v of %d, %d", c, s.Sizes, s.Packets, s.Oversize, want, packets, oversize)
		}
	}
}

// What is no probe is counted by its name.
func TestProtocols(t *testing.T) {
	m, f := newStages(t, nil, 1), newFeed(t, 64)
	p := newProbes(t, 0)
	put := func(change func(b []byte)) {
		b := append([]byte(nil), p.probe(0)...)
		clear(b[42:44]) // the magic
		if change != nil {
			change(b)
		}
		f.put(b, 0)
	}
	f.put(p.probe(0), 0)
	f.put(p.probe(1), 0)
	f.put(p.end(2), 0)
	f.put(append(append(append([]byte(nil), p.probe(2)[:12]...), 0x81, 0, 0, 5), p.probe(2)[12:]...), 0)
	put(nil)                                          // foreign UDP
	put(func(b []byte) { b[23], b[46] = 6, 0x50 })    // TCP
	put(func(b []byte) { b[23] = 1 })                 // ICMP
	put(func(b []byte) { b[23] = 89 })                // OSPF
	put(func(b []byte) { b[20] = 0x20 })              // a fragment
	put(func(b []byte) { b[12], b[13] = 8, 6 })       // ARP
	put(func(b []byte) { b[12], b[13] = 0x88, 0xcc }) // LLDP
	put(func(b []byte) { b[14] = 0x65 })              // bad_ip
	put(func(b []byte) { b[16] = 9 })                 // bad_length
	put(func(b []byte) { b[39] = 7 })                 // bad_l4
	f.put([]byte{1, 2, 3}, 0)                         // short
	f.put(nil, 0)                                     // empty
	f.put(nil, netmap.MoreFrag)
	f.put(nil, 0) // empty, too
	f.process(t, m.stages[0])
	s := m.Snapshot()
	want := Protocols{
		ARP: 1, IPv4: 9, Other: 1, VLAN: 1, UDP: 5, TCP: 1, ICMP: 1, OtherIP: 1, Fragments: 1,
		Short: 1, BadIP: 1, BadLen: 1, BadL4: 1, Empty: 2,
	}
	if s.Protocols != want || want.Malformed() != 4 {
		t.Errorf("got  %+v\nwant %+v", s.Protocols, want)
	}
	if s.Packets != 17 || s.NotProbe != 13 || s.EndRecords != 1 || s.Streams[0].Distinct != 3 {
		t.Errorf("%+v", s)
	}
}

// The first slot of a packet of several is not malformed for being short of the
// rest.
func TestProtocolsOfPieces(t *testing.T) {
	tpl, err := frame.New(frame.Config{Len: 1000})
	if err != nil {
		t.Fatal(err)
	}
	m, f := newStages(t, nil, 1), newFeed(t, 64)
	f.put(tpl.Bytes()[:100], netmap.MoreFrag)
	f.put(tpl.Bytes()[100:], 0)
	f.put(tpl.Bytes()[:100], 0)
	f.process(t, m.stages[0])
	if s := m.Snapshot(); s.Protocols != (Protocols{IPv4: 1, UDP: 1, BadLen: 1}) || s.Packets != 2 || s.NotProbe != 2 {
		t.Errorf("%+v", s)
	}
}

// Of payloads only the empty ones have a name.
func TestPayloads(t *testing.T) {
	m, f := newStages(t, nil, 1), newFeed(t, 8)
	m.stages[0].link = frame.Payload
	f.put(nil, 0)
	f.put([]byte("hello"), 0)
	f.process(t, m.stages[0])
	if s := m.Snapshot(); s.Protocols != (Protocols{Empty: 1, Other: 1}) || s.NotProbe != 2 {
		t.Errorf("%+v", s)
	}
}
