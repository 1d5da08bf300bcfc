package meter

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// A model knows every number that came.
type model struct {
	seen      map[uint64]bool
	byLane    []map[uint64]bool
	next      []uint64
	marks     uint64
	reordered uint64
}

// A bench is a stream with its lanes beside the model of it.
type bench struct {
	st    *stream
	lanes []*lane
	model
}

func newBench(lanes int) *bench {
	b := &bench{st: &stream{open: map[uint64]*chunk{}}}
	b.seen = map[uint64]bool{}
	b.next = make([]uint64, lanes)
	for range lanes {
		l := &lane{stream: b.st}
		b.lanes, b.st.lanes = append(b.lanes, l), append(b.st.lanes, l)
		b.byLane = append(b.byLane, map[uint64]bool{})
	}
	return b
}

func (b *bench) mark(lane int, seq uint64) {
	b.lanes[lane].mark(seq)
	b.marks++
	if seq < b.next[lane] && !b.byLane[lane][seq] {
		b.reordered++
	}
	b.seen[seq], b.byLane[lane][seq] = true, true
	b.next[lane] = max(b.next[lane], seq+1)
}

// report ends the stream as Run does, lanes in the order given.
func (b *bench) report(order []int) Stream {
	for _, l := range b.lanes {
		l.publish()
	}
	for _, i := range order {
		b.lanes[i].flush()
	}
	return b.st.report(true)
}

func (b *bench) order(r *rand.Rand) []int { return r.Perm(len(b.lanes)) }

// exact compares with the model; the model's reordering is the lanes' only
// where no number came by two.
func (b *bench) exact(t *testing.T, what string, s Stream, reordered bool) {
	t.Helper()
	distinct := uint64(len(b.seen))
	if s.Packets != b.marks || s.Distinct != distinct || s.Duplicates != b.marks-distinct || s.Late != 0 {
		t.Errorf("%s: %+v, want %d packets, %d distinct, %d duplicates", what, s, b.marks, distinct, b.marks-distinct)
	}
	if reordered && s.Reordered != b.reordered {
		t.Errorf("%s: %d reordered, want %d", what, s.Reordered, b.reordered)
	}
	if next := slices.Max(b.next); s.Total != next || s.Lost != next-distinct {
		t.Errorf("%s: %d of %d lost, want %d of %d", what, s.Lost, s.Total, next-distinct, next)
	}
}

// bounds compares where late numbers leave doubt.
func (b *bench) bounds(t *testing.T, what string, s Stream) {
	t.Helper()
	distinct := uint64(len(b.seen))
	dups := b.marks - distinct
	switch {
	case s.Packets != b.marks || s.Distinct+s.Duplicates+s.Late != s.Packets:
		t.Errorf("%s: %+v does not add up to %d", what, s, b.marks)
	case s.Distinct > distinct || s.Distinct+s.Late < distinct:
		t.Errorf("%s: %+v, but %d are distinct", what, s, distinct)
	case s.Duplicates > dups || s.Duplicates+s.Late < dups:
		t.Errorf("%s: %+v, but %d are duplicates", what, s, dups)
	}
}

const (
	chunkLen = 1 << chunkBits
	window   = windowChunks * chunkLen
)

// wander marks n numbers by a lane: mostly forward in steps, some lost, some
// again, some from behind by up to back.
func wander(b *bench, r *rand.Rand, pos uint64, n int, back uint64, lane func(seq uint64) int) uint64 {
	start := pos
	for range n {
		step := uint64(1)
		switch r.IntN(10) {
		case 0:
			step += r.Uint64N(10) // loss
		case 1:
			step += r.Uint64N(2000) // a burst of it
		case 2:
			if r.IntN(100) == 0 {
				step += r.Uint64N(3 * chunkLen)
			}
		}
		pos += step
		seq := pos
		if r.IntN(4) == 0 {
			seq -= min(seq-start, r.Uint64N(back+1))
		}
		for range 1 + r.IntN(8)/7 { // one in eight comes twice
			b.mark(lane(seq), seq)
		}
	}
	return pos
}

func TestOneLaneIsExactWithinTwoWindows(t *testing.T) {
	for i, back := range []uint64{0, 3, 1000, chunkLen, window / 2, window, 2*window - 2*chunkLen} {
		for _, start := range []uint64{0, chunkLen - 1, 1e9, 1<<47 - 5} {
			r := rand.New(rand.NewPCG(uint64(i), start))
			b := newBench(1)
			wander(b, r, start, 40000, back, func(uint64) int { return 0 })
			b.exact(t, fmt.Sprintf("from %d, up to %d back", start, back), b.report([]int{0}), true)
		}
	}
}

func TestOneLaneBeyondIsLateAtMost(t *testing.T) {
	late := uint64(0)
	for _, back := range []uint64{2 * window, 3 * window, 20 * window} {
		r := rand.New(rand.NewPCG(7, back))
		b := newBench(1)
		wander(b, r, 5, 100000, back, func(uint64) int { return 0 })
		s := b.report([]int{0})
		b.bounds(t, fmt.Sprintf("up to %d back", back), s)
		late += s.Late
	}
	if late == 0 {
		t.Error("nothing was late: the test proves nothing")
	}
}

// Numbers at the borders of chunks and windows, forward, backward, twice.
func TestBorders(t *testing.T) {
	var seqs []uint64
	for k := uint64(1); k < 4; k++ {
		for _, border := range []uint64{k * chunkLen, k * window / 2} {
			seqs = append(seqs, border-1, border, border+1)
		}
	}
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	back := slices.Clone(seqs)
	slices.Reverse(back)
	for i, list := range [][]uint64{seqs, back, slices.Concat(seqs, back), slices.Concat(back, seqs, seqs)} {
		b := newBench(1)
		for _, n := range list {
			b.mark(0, n)
		}
		b.exact(t, fmt.Sprint("list ", i), b.report([]int{0}), true)
	}
}

// Several lanes, each of them behind the foremost by less than a window.
func TestLanesWithinAWindowAreExact(t *testing.T) {
	for lanes := 2; lanes <= 4; lanes++ {
		for _, lag := range []uint64{0, 100, chunkLen, 3 * chunkLen, window - 2*chunkLen} {
			for _, back := range []uint64{0, 50, 5 * chunkLen} {
				r := rand.New(rand.NewPCG(uint64(lanes), lag+back))
				b := newBench(lanes)
				pos := r.Uint64N(1e6)
				next := make([]uint64, lanes) // what each lane has yet to bring
				behind := make([]uint64, lanes)
				for i := range lanes {
					next[i], behind[i] = pos, lag*uint64(i)/uint64(lanes-1)
				}
				// The numbers are dealt out at random, with duplicates between lanes.
				type item struct{ seq uint64 }
				todo := make([][]item, lanes)
				for range 10000 {
					pos += 1 + r.Uint64N(1200)
					seq := pos
					if back > 0 && r.IntN(5) == 0 {
						seq -= min(seq, r.Uint64N(back))
					}
					for range 1 + r.IntN(10)/9 {
						i := r.IntN(lanes)
						todo[i] = append(todo[i], item{seq})
					}
					for i := range lanes {
						for len(todo[i]) > 0 && todo[i][0].seq+behind[i] <= pos {
							b.mark(i, todo[i][0].seq)
							todo[i] = todo[i][1:]
						}
					}
				}
				for i := range todo {
					if r.IntN(2) == 0 { // the others end while still behind
						for _, it := range todo[i] {
							b.mark(i, it.seq)
						}
					}
				}
				what := fmt.Sprintf("%d lanes, %d behind, %d back", lanes, lag, back)
				b.exact(t, what, b.report(b.order(r)), back == 0)
			}
		}
	}
}

// A lane that fell behind by more than a window brings late numbers at most.
func TestLanesFarApart(t *testing.T) {
	late := uint64(0)
	for i := range 8 {
		r := rand.New(rand.NewPCG(uint64(i), 3))
		b := newBench(3)
		pos := []uint64{0, 100, 50 * window}
		for range 30000 {
			i := r.IntN(3)
			pos[i] += 1 + r.Uint64N(2000*uint64(i+1))
			b.mark(i, pos[i])
		}
		s := b.report(b.order(r))
		b.bounds(t, fmt.Sprint("seed ", i), s)
		late += s.Late
	}
	if late == 0 {
		t.Error("nothing was late: the test proves nothing")
	}
}

// One absurd number must not cost the memory, nor what comes right after it.
func TestAbsurdJump(t *testing.T) {
	for _, jump := range []uint64{1 << 47, 1<<48 - 1} {
		b := newBench(1)
		for seq := range uint64(100000) {
			if seq == 50000 {
				b.mark(0, jump)
			}
			b.mark(0, seq)
		}
		b.exact(t, "after a jump", b.report([]int{0}), true)

		b = newBench(1)
		b.mark(0, jump)
		for seq := uint64(0); seq < 10*window; seq += 1000 {
			b.mark(0, seq)
			if seq%7 == 0 {
				b.mark(0, seq)
			}
		}
		b.bounds(t, "long after a jump", b.report([]int{0}))
	}
}

func TestLateJoiner(t *testing.T) {
	b := newBench(2)
	for seq := uint64(1e12); seq < 1e12+1000; seq++ {
		b.mark(int(seq)&1, seq)
	}
	s := b.report([]int{1, 0})
	b.exact(t, "joined late", s, true)
	if s.Lost != 1e12 || s.Ended {
		t.Errorf("%+v", s)
	}
}

// Whatever numbers come, a stream's memory stays within its bound.
func TestMemoryIsBounded(t *testing.T) {
	const chunkBytes = chunkLen / 8
	r := rand.New(rand.NewPCG(1, 1))
	var far uint64
	for what, hostile := range map[string]func(i int) uint64{
		"uniform":        func(int) uint64 { return r.Uint64N(1 << 48) },
		"ever farther":   func(i int) uint64 { return uint64(i) << 25 },
		"farther, back":  func(i int) uint64 { far += 40 << chunkBits; return far - r.Uint64N(200)<<chunkBits&(far-1) },
		"jump, then old": func(i int) uint64 { return uint64(i/129)<<25 + uint64(i%129)<<chunkBits },
		"backward":       func(i int) uint64 { return 1<<48 - 1 - uint64(i)<<chunkBits },
	} {
		st := &stream{open: map[uint64]*chunk{}}
		lanes := []*lane{{stream: st}, {stream: st}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range 50_000 {
			lanes[r.IntN(64)/63].mark(hostile(i) & (1<<48 - 1))
		}
		runtime.ReadMemStats(&after)
		got := after.TotalAlloc - before.TotalAlloc
		// Two windows and what the stream holds, and its maps.
		if most := uint64(2*windowChunks+3*windowChunks)*chunkBytes + 64<<10; got > most {
			t.Errorf("%s: 50,000 numbers took %d KiB, want at most %d", what, got>>10, most>>10)
		}
		t.Logf("%s: %d KiB", what, got>>10)
		for _, l := range lanes {
			l.flush()
		}
		if s := st.report(true); s.Distinct+s.Duplicates+s.Late == 0 {
			t.Errorf("%s: nothing came", what)
		}
	}
}
