package meter

import (
	"maps"
	"slices"
	"time"

	"github.com/ringwalk/ringwalk/engine"
)

// A Stream is what was received of one stream of probes.
type Stream struct {
	ID         uint16
	Packets    uint64 // probes, end records not among them
	Distinct   uint64 // different sequence numbers
	Lost       uint64 // Total - Distinct
	Duplicates uint64 // probes whose number had come before
	Reordered  uint64 // of Distinct, those with a number below one that had come before by the same queue (RFC 4737, 3.3)
	Extent     Extent // of those
	// Late is probes that nobody can tell to be new or duplicates, and in
	// neither Distinct nor Duplicates: about two million numbers and more
	// behind the stream's highest, by whichever queues, or of an epoch that is
	// over, or of a new one that no other probe has confirmed.
	Late uint64
	// Absurd is probes so far ahead that no sender can have come there: two
	// million numbers and more, with no other probe near them. One that is
	// confirmed by another is Absurd no longer, and counts as if it came then.
	// At any time, Packets is Distinct + Duplicates + Late + Absurd.
	Absurd     uint64
	Epochs     uint64 // how often the sender began, as far as is known
	Shared     bool   // two senders used the id at once: what either lost is not known
	EndRecords uint64
	Total      uint64 // probes sent, by the end record of each epoch; without one, the highest of its Distinct numbers plus one
	Ended      bool   // an end record of the last epoch came: Total is the sender's word

	// Delay is from the sender's clock to the receiver's, of the Distinct
	// probes that were recorded; if the clocks are not one, it has their offset
	// in it, less Config.ClockAhead. PDV is by how much it was above the stream's shortest (RFC 5481,
	// 4.2), which takes the offset out, though not what the clocks drifted.
	Delay, PDV Times
	// Negative is delays below zero: the clocks are not one, or not as far
	// apart as Config.ClockAhead says.
	Negative uint64
}

// A Queue is what one receive queue took in.
type Queue struct {
	Packets, Bytes uint64
}

// A Snapshot is what has been received until now.
type Snapshot struct {
	Packets    uint64        // all, also those that are no probes
	Bytes      uint64        // of those, without CRC
	NotProbe   uint64        // packets that are no probes: Empty, malformed or foreign
	EndRecords uint64        // end records, of all streams
	Oversize   uint64        // packets longer than the interface's MTU with an Ethernet header and one VLAN tag
	Refused    uint64        // probes of streams beyond MaxStreams
	Sizes      Sizes         // of all
	Protocols  Protocols     // of all; nothing with NoProbe or Sequence; of payloads without headers only Empty and Other
	Seconds    float64       // from the first batch with probes, or with anything if there are none, to the last
	CPU        time.Duration // of the queues' threads, user and system, their waiting too; see cputime.Meter.Used
	Queues     []Queue
	Engine     engine.Stats // of all queues, with the kernel's drops
	Streams    []Stream     // by id

	Extent     Extent // over all streams
	Delay, PDV Times  // over all streams; PDV by each stream's shortest delay
	// Stamped is how many delays the kernel or the NIC told the time of, and
	// Unstamped those for which the program looked at the clock after taking a
	// batch from the port.
	Stamped, Unstamped uint64

	Written, WriteDrops uint64 // frames in the file, and those left out because it could not keep up
}

// Snapshot may be called from any goroutine at any time; it may wait for a
// worker to finish with a batch. Each stream is exact at the moment it is read.
// All else is published once per batch, so until Run has returned a stream may
// be ahead of it by the batches under way.
func (m *Meter) Snapshot() Snapshot {
	var s Snapshot
	for i, st := range m.stages {
		s.Queues = append(s.Queues, Queue{st.pub.packets.Load(), st.pub.bytes.Load()})
		s.Packets += s.Queues[i].Packets
		s.Bytes += s.Queues[i].Bytes
		s.NotProbe += st.pub.notProbe.Load()
		s.EndRecords += st.pub.ends.Load()
		s.Refused += st.pub.refused.Load()
		s.Stamped += st.pub.stamped.Load()
		s.Unstamped += st.pub.unstamped.Load()
		s.Oversize += st.tally.pub.oversize.Load()
		st.tally.addTo(&s.Sizes, &s.Protocols)
		s.Engine.Add(m.queues[i].Stats())
		s.CPU += st.cpu.Used()
	}
	s.Seconds = m.seconds()
	s.Written, s.WriteDrops = m.write.counts()
	m.mu.Lock()
	streams := slices.Collect(maps.Values(m.streams))
	m.mu.Unlock()
	var all totals
	for _, st := range streams {
		s.Streams = append(s.Streams, st.snapshot(&all))
	}
	slices.SortFunc(s.Streams, func(a, b Stream) int { return int(a.ID) - int(b.ID) })
	s.Extent = all.extents.report()
	s.Delay, s.PDV = all.delay.times(0), all.pdv.times(0)
	return s
}

// totals are the distributions over all streams.
type totals struct {
	extents    extents
	delay, pdv spread
}

// add takes in the delays of one stream.
func (t *totals) add(d *spread) {
	if t.delay.count == 0 {
		t.delay, t.pdv = newSpread(d.anchor), newSpread(0)
	}
	d.each(func(ns, n int64) {
		t.delay.add(ns, n)
		t.pdv.add(ns-d.min, n)
	})
	// What is exact of each stays so.
	t.delay.min, t.delay.max = min(t.delay.min, d.min), max(t.delay.max, d.max)
	t.pdv.min, t.pdv.max = 0, max(t.pdv.max, d.max-d.min)
}

func (s *stream) snapshot(all *totals) Stream {
	s.mu.Lock()
	r := s.report()
	all.extents.merge(&s.extents)
	d := s.delay.snapshot()
	s.mu.Unlock()
	if d.count > 0 {
		r.Delay, r.PDV, r.Negative = d.times(0), d.times(d.min), d.negative
		all.add(&d.spread)
	}
	return r
}

// report is all but the delays. The caller holds the mutex.
func (s *stream) report() Stream {
	total, distinct := s.sum(), s.distinct-s.closed.distinct
	r := Stream{
		ID: s.id, Packets: s.packets, Distinct: s.distinct, Duplicates: s.duplicates, Reordered: s.reordered,
		Extent: s.extents.report(), Late: s.late, Absurd: s.absurd, Epochs: s.epochs + 1, Shared: s.shared,
		EndRecords: s.ends, Ended: s.ended,
	}
	if s.anywhere && s.next == 0 && s.far.lane != nil {
		// There was no other to confirm it.
		r.Distinct, r.Absurd = 1, r.Absurd-1
		total, distinct = 1, 1
	}
	r.Total = s.closed.total + total
	r.Lost = s.closed.lost + max(total, distinct) - distinct
	return r
}
