package meter

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sort"
	"testing"
)

const (
	chunkLen = 1 << chunkBits
	// What is no more than this behind the highest number is within the
	// window, wherever in its chunk the highest is.
	reliable = window - chunkLen
)

// A bench is a stream with its lanes, beside a model that knows every number
// that came and is compared after each.
type bench struct {
	t     *testing.T
	what  string
	st    stream
	lanes []lane

	seen      map[uint64]bool
	next      []uint64 // by lane
	highest   uint64
	marks     uint64
	reordered uint64 // of the numbers seen first

	came    []uint64  // by lane: the numbers it brought first
	records [][]start // by lane: its numbers above all before, each one
	extents []uint64  // of the reordered
}

func newBench(t *testing.T, what string, lanes int) *bench {
	b := &bench{t: t, st: *newStream(0, false), what: what, lanes: make([]lane, lanes), next: make([]uint64, lanes), seen: map[uint64]bool{},
		came: make([]uint64, lanes), records: make([][]start, lanes)}
	for i := range b.lanes {
		b.lanes[i].stream = &b.st
	}
	return b
}

func (b *bench) mark(lane int, seq uint64) Stream {
	b.lanes[lane].mark(seq, 0)
	b.marks++
	if seq < b.next[lane] && !b.seen[seq] {
		b.reordered++
		i := sort.Search(len(b.records[lane]), func(i int) bool { return b.records[lane][i].seq > seq })
		b.extents = append(b.extents, max(1, b.came[lane]-b.records[lane][i].at))
	}
	if seq >= b.next[lane] {
		b.records[lane] = append(b.records[lane], start{seq, b.came[lane]})
	}
	if !b.seen[seq] {
		b.came[lane]++
	}
	b.seen[seq] = true
	b.next[lane] = max(b.next[lane], seq+1)
	b.highest = max(b.highest, seq)
	return b.st.report()
}

// exact marks a number and compares all counters; none may be in doubt.
func (b *bench) exact(lane int, seq uint64) {
	b.t.Helper()
	s, distinct, total := b.mark(lane, seq), uint64(len(b.seen)), b.highest+1
	want := Stream{
		Epochs: 1, Extent: b.extent(s.Extent),
		Packets: b.marks, Distinct: distinct, Duplicates: b.marks - distinct, Reordered: b.reordered,
		Total: total, Lost: total - distinct,
	}
	if s != want {
		b.t.Fatalf("%s: after %d by lane %d: %+v, want %+v", b.what, seq, lane, s, want)
	}
}

// extent is that of the reordered numbers, as far as got is exact: the mean of
// those that are clipped, and the percentiles, are got's word.
func (b *bench) extent(got Extent) Extent {
	var want Extent
	sum := 0.0
	for _, n := range b.extents {
		want.Max = max(want.Max, n)
		sum += float64(n)
	}
	if len(b.extents) > 0 {
		want.Mean = sum / float64(len(b.extents))
	}
	want.Clipped, want.P50, want.P99 = got.Clipped, got.P50, got.P99
	if got.Clipped > 0 && got.Max <= want.Max && got.Mean <= want.Mean {
		return got
	}
	return want
}

// bounds marks a number and compares where late ones leave doubt.
func (b *bench) bounds(lane int, seq uint64) {
	b.t.Helper()
	s, distinct := b.mark(lane, seq), uint64(len(b.seen))
	dups := b.marks - distinct
	switch {
	case s.Packets != b.marks || s.Distinct+s.Duplicates+s.Late+s.Absurd != s.Packets:
		b.t.Fatalf("%s: %+v does not add up to %d", b.what, s, b.marks)
	case s.Distinct > distinct || s.Distinct+s.Late+s.Absurd < distinct:
		b.t.Fatalf("%s: %+v, but %d are distinct", b.what, s, distinct)
	case s.Duplicates > dups || s.Duplicates+s.Late+s.Absurd < dups:
		b.t.Fatalf("%s: %+v, but %d are duplicates", b.what, s, dups)
	case s.Reordered > s.Distinct || s.Total > b.highest+1 || s.Lost != s.Total-s.Distinct:
		b.t.Fatalf("%s: %+v, up to %d", b.what, s, b.highest)
	}
}

// is compares all counters with what the test says.
func (b *bench) is(want Stream) {
	b.t.Helper()
	want.Epochs = 1
	got := b.st.report()
	want.Extent = got.Extent
	if got != want {
		b.t.Fatalf("%s: %+v, want %+v", b.what, got, want)
	}
}

// wander gives n numbers: mostly ahead in steps of up to most, with losses
// between them, some of them twice, some from up to back behind the highest.
func wander(r *rand.Rand, start uint64, n int, back, most uint64, mark func(seq uint64)) {
	highest := start
	for range n {
		seq := highest
		switch r.IntN(10) {
		default:
			seq++
		case 0:
			seq += 1 + r.Uint64N(10)
		case 1:
			seq += 1 + r.Uint64N(2000)
		case 2:
			if r.IntN(100) == 0 {
				seq += 1 + r.Uint64N(most)
			}
		case 3, 4:
			seq -= min(seq, r.Uint64N(back+1))
		}
		for range 1 + r.IntN(8)/7 { // one in eight comes twice
			mark(seq)
		}
		highest = max(highest, seq)
	}
}

// As long as numbers stay within the window all is exact at any time, by
// whichever lanes they come.
func TestExactWithinTheWindow(t *testing.T) {
	for lanes := 1; lanes <= 4; lanes++ {
		for _, back := range []uint64{0, 3, 1000, chunkLen, window / 2, reliable} {
			for _, start := range []uint64{0, chunkLen - 1, reliable, 1e9, 1<<47 - 5} {
				r := rand.New(rand.NewPCG(back+uint64(lanes), start))
				b := newBench(t, fmt.Sprintf("%d lanes from %d, up to %d back", lanes, start, back), lanes)
				b.exact(0, start)
				wander(r, start, 3000, back, window, func(seq uint64) { b.exact(r.IntN(lanes), seq) })
			}
		}
	}
}

// One lane lags behind the other by as much as the window holds.
func TestLaneThatLagsIsExact(t *testing.T) {
	for _, lag := range []uint64{1, 100, chunkLen, reliable} {
		b := newBench(t, fmt.Sprint("lag ", lag), 2)
		for seq := uint64(0); seq < 4*window; seq += 501 {
			b.exact(0, seq)
			if seq >= lag {
				b.exact(1, seq-lag)
			}
		}
		if s := b.st.report(); s.Reordered != 0 {
			t.Errorf("%s: %d reordered, but each lane is in order", b.what, s.Reordered)
		}
	}
}

func TestBeyondTheWindowIsLateAtMost(t *testing.T) {
	for _, back := range []uint64{window, 3 * window, 20 * window} {
		for _, most := range []uint64{window, 3 * window} {
			r := rand.New(rand.NewPCG(7, back+most))
			b := newBench(t, fmt.Sprintf("up to %d back and %d ahead", back, most), 3)
			wander(r, 1e9, 40000, back, most, func(seq uint64) { b.bounds(r.IntN(3), seq) })
			if s := b.st.report(); s.Late == 0 || s.Late > s.Packets/3 {
				t.Errorf("%s: %d of %d are late", b.what, s.Late, s.Packets)
			}
		}
	}
}

// Numbers at the borders of chunks and of the window, upward, downward, twice.
func TestBorders(t *testing.T) {
	for _, highest := range []uint64{0, chunkLen - 1, chunkLen, window - 1, window, window + 1, 5*window + chunkLen - 1, 5*window + chunkLen} {
		first := max(highest>>chunkBits, windowChunks-1) - (windowChunks - 1)
		for _, down := range []bool{false, true} {
			b := newBench(t, fmt.Sprintf("highest %d, down %t", highest, down), 1)
			b.exact(0, highest)
			for range 2 {
				for i := range uint64(windowChunks) {
					n := first + i
					if down {
						n = first + windowChunks - 1 - i
					}
					for _, seq := range []uint64{n << chunkBits, n<<chunkBits + 63, n<<chunkBits + 64, n<<chunkBits + chunkLen - 1} {
						if seq <= highest {
							b.exact(0, seq)
						}
					}
				}
			}
			b.exact(0, highest+window) // near enough by itself
			if first == 0 {
				continue
			}
			// The window begins with the highest number's chunk and 63 before it.
			first = (highest+window)>>chunkBits - (windowChunks - 1)
			b.exact(0, first<<chunkBits)
			want := b.st.report()
			b.mark(0, first<<chunkBits-1)
			want.Packets, want.Late = want.Packets+1, want.Late+1
			b.is(want)
			b.mark(0, highest+window+1+window) // one too far
			want.Packets, want.Absurd = want.Packets+1, want.Absurd+1
			b.is(want)
		}
	}
}

// One absurd number costs nothing but itself, however often it comes.
func TestAbsurdNumber(t *testing.T) {
	for _, jump := range []uint64{100000 + window, 1 << 40, 1<<48 - 1} {
		for times := range uint64(4) {
			b := newBench(t, fmt.Sprintf("%d, %d times", jump, times), 2)
			for seq := range uint64(100000) {
				if seq >= 40000 && seq < 40000+times {
					b.mark(int(seq)&1, jump)
				}
				b.mark(0, seq)
				if seq%1000 == 0 {
					b.mark(1, seq)
				}
			}
			want := Stream{Packets: 100100 + times, Distinct: 100000, Duplicates: 100, Absurd: times, Total: 100000}
			b.is(want)
			if times == 0 || jump < 1<<40 {
				continue
			}
			// Others that are far from it, and from each other, confirm nothing.
			for _, seq := range []uint64{jump / 2, jump - 2*window, jump / 2, jump/2 + 2*window} {
				b.mark(0, seq)
				want.Packets, want.Absurd = want.Packets+1, want.Absurd+1
				b.is(want)
			}
		}
	}
}

// Two numbers near each other move the window however far they are, and both
// count; what comes after is exact, what comes from before is late.
func TestConfirmedJump(t *testing.T) {
	const from = 5000
	for _, to := range []uint64{from + window + 2*chunkLen, from + 3*window, 1 << 40, 1<<48 - 1 - window} {
		for _, step := range []int64{1, 2, -1, 1000, chunkLen, -chunkLen, reliable, -reliable} {
			second := uint64(int64(to) + step)
			for lane := range 2 {
				b := newBench(t, fmt.Sprintf("from %d to %d and %+d by lane %d", from, to, step, lane), 2)
				for seq := range uint64(from) {
					b.exact(0, seq)
				}
				b.mark(0, to)
				b.is(Stream{Packets: from + 1, Distinct: from, Absurd: 1, Total: from})
				if second-from < window {
					// Near enough by itself, it confirms only what the window reaches.
					b.bounds(lane, second)
					continue
				}
				b.exact(lane, second)
				b.exact(1-lane, to)
				b.exact(0, second)
				// Of what was in the window nothing is left.
				r, high := rand.New(rand.NewPCG(to, 1)), max(to, second)
				first := max(high, from+reliable) - reliable
				for range 1000 {
					b.exact(r.IntN(2), first+r.Uint64N(high-first+1))
				}
				if high>>chunkBits < windowChunks {
					t.Fatalf("%s: the window need not move", b.what)
				}
				want := b.st.report()
				b.mark(0, from-1)
				b.mark(0, 0)
				if first > from+chunkLen {
					want.Packets, want.Late = want.Packets+2, 2
					b.is(want)
				}
			}
		}
	}
}

// A candidate that the window comes to by itself counts as well.
func TestCandidateIsReached(t *testing.T) {
	b := newBench(t, "reached", 2)
	b.exact(0, 0)
	b.mark(0, 2*window)
	b.is(Stream{Packets: 2, Distinct: 1, Absurd: 1, Total: 1})
	b.mark(1, window)
	b.is(Stream{Packets: 3, Distinct: 2, Absurd: 1, Total: window + 1, Lost: window - 1})
	b.exact(1, 2*window-1+chunkLen/2)
	b.exact(1, 2*window)
}

func TestOutageLosesNoMoreThanItself(t *testing.T) {
	for _, gap := range []uint64{100, window - 1, window, window + 1, 10 * window} {
		b := newBench(t, fmt.Sprint("gap ", gap), 1)
		seq := uint64(0)
		for range 5 {
			for range 2000 {
				b.mark(0, seq)
				seq++
			}
			b.is(Stream{Packets: b.marks, Distinct: b.marks, Total: seq, Lost: seq - b.marks})
			seq += gap
		}
	}
}

// The first number is believed.
func TestLateJoiner(t *testing.T) {
	b := newBench(t, "joined late", 2)
	for seq := uint64(1e12); seq < 1e12+1000; seq++ {
		b.exact(int(seq)&1, seq)
	}
	for seq := uint64(1e12 - 1); seq > 1e12+1000-reliable; seq -= 999 {
		b.exact(0, seq)
	}
	want := b.st.report()
	b.mark(0, 0) // a sender that began again
	b.mark(0, 1)
	want.Packets, want.Late = want.Packets+2, 2
	b.is(want)
}

// hostile has numbers by the name of what they try.
func hostile() map[string]func(i int) uint64 {
	r := rand.New(rand.NewPCG(1, 1))
	var far uint64
	return map[string]func(i int) uint64{
		"uniform":        func(int) uint64 { return r.Uint64N(1 << 48) },
		"ever farther":   func(i int) uint64 { return uint64(i) * (window - 1) },
		"pairs":          func(i int) uint64 { return uint64(i/2)<<32 + uint64(i&1) },
		"farther, back":  func(int) uint64 { far += 40 << chunkBits; return far - r.Uint64N(200)<<chunkBits&(far-1) },
		"jump, then old": func(i int) uint64 { return uint64(i/129)<<25 + uint64(i%129)<<chunkBits },
		"backward":       func(i int) uint64 { return 1<<48 - 1 - uint64(i)<<chunkBits },
		"two places":     func(i int) uint64 { return uint64(i&1)<<40 + uint64(i)<<chunkBits },
	}
}

// Whatever numbers come, a stream's memory stays within its bound.
func TestMemoryIsBounded(t *testing.T) {
	for what, next := range hostile() {
		st := newStream(0, false)
		lanes := []lane{{stream: st}, {stream: st}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range 20_000 {
			lanes[i%64/63].mark(next(i)&(1<<48-1), 0)
		}
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(window/8+56<<10); got > most {
			t.Errorf("%s: 20,000 numbers took %d KiB, want at most %d", what, got>>10, most>>10)
		}
		if s := st.report(); s.Packets != 20_000 {
			t.Errorf("%s: %+v", what, s)
		}
	}
}

func TestHostileNumbersAddUp(t *testing.T) {
	for what, next := range hostile() {
		b := newBench(t, what, 2)
		for i := range 5_000 {
			b.bounds(i%64/63, next(i)&(1<<48-1))
		}
	}
}

// FuzzStream plays steps of all sizes, ahead and back.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 31, 255, 0, 1, 64 + 31, 9})
	f.Add([]byte{47, 1, 0, 1, 64 + 21, 1, 21, 3, 22, 1, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newBench(t, "fuzz", 2)
		var seq uint64
		for ; len(data) >= 2; data = data[2:] {
			kind := data[0]
			step := uint64(data[1]) << (kind & 63 % 48)
			if kind&64 != 0 {
				step = -step
			}
			seq = (seq + step) & (1<<48 - 1)
			b.bounds(int(kind>>7), seq)
		}
	})
}
