package gen

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
)

// A shot is a frame of a capture file, at so many ns.
type shot struct {
	at int64
	b  []byte
}

// film writes a capture file with ns timestamps.
func film(t testing.TB, shots ...shot) string {
	t.Helper()
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b23c4d)
	b = le.AppendUint16(le.AppendUint16(b, 2), 4)
	b = le.AppendUint32(le.AppendUint64(b, 0), 262144)
	b = le.AppendUint32(b, 1)
	for _, s := range shots {
		at := s.at + 1700000000e9
		b = le.AppendUint32(le.AppendUint32(b, uint32(at/1e9)), uint32(at%1e9))
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(s.b))), uint32(len(s.b)))
		b = append(b, s.b...)
	}
	name := filepath.Join(t.TempDir(), "film.pcap")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// udp is a frame of the flow of a source port, of a length.
func udp(t testing.TB, port uint16, n int) []byte {
	t.Helper()
	tm, err := frame.New(frame.Config{Src: netip.AddrPortFrom(frame.DefaultSrc.Addr(), port), Len: n})
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(tm.Bytes())
}

// shots are n frames of several flows and sizes, gap apart.
func shots(t testing.TB, n int, gap int64) (list []shot) {
	for i := range n {
		b := udp(t, uint16(i%7), 60+i*37%1400)
		binary.BigEndian.PutUint32(b[46:], uint32(i)) // so that no two are alike; the checksum is wrong now
		list = append(list, shot{int64(i) * gap, b})
	}
	return list
}

// replayInfo is a port for Ethernet frames.
var replayInfo = engine.Info{Spec: "wire", MTU: 1500, MaxFrame: 1518}

// replay runs a generator and returns what left each wire, and the snapshot.
func replay(t testing.TB, c Config, wires int) ([][][]byte, Snapshot) {
	t.Helper()
	got := make([][][]byte, wires)
	var queues []engine.TxQueue
	for i := range wires {
		queues = append(queues, newWire(t, 64, func(b []byte) { got[i] = append(got[i], bytes.Clone(b)) }))
	}
	g, err := newGenerator(queues, replayInfo, &c)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := g.Snapshot()
	if s.Undrained != 0 || s.EndRecords != 0 || s.Replay == nil {
		t.Errorf("%+v", s)
	}
	return got, s
}

// Frames come as they are in the file and in its order, from memory and from
// the file, as often as was asked.
func TestReplayIsTheFile(t *testing.T) {
	list := shots(t, 1000, 0)
	file := film(t, list...)
	for _, c := range []struct {
		count, loops uint64
		rate         float64
		want         int
	}{
		{0, 0, 0, 1000},
		{0, 3, 0, 3000},
		{2500, 0, 0, 2500},
		{2500, 2, 0, 2000},
		{1, 2, 0, 1},
		{1500, 0, 1e5, 1500},
	} {
		for _, inMemory := range []bool{true, false} {
			name := file
			if !inMemory {
				name = grown(t, file)
			}
			got, s := replay(t, Config{Count: c.count, Rate: c.rate, Replay: &Replay{File: name, Speed: math.Inf(1), Loops: c.loops}}, 1)
			sum := uint64(0)
			for i, b := range got[0] {
				sum += uint64(len(b))
				if !bytes.Equal(b, list[i%1000].b) {
					t.Fatalf("%+v: frame %d differs", c, i)
				}
			}
			if len(got[0]) != c.want || s.Packets != uint64(c.want) || s.Replay.Frames != uint64(c.want) || s.Bytes != sum || s.Queues[0].Bytes != sum {
				t.Errorf("%+v: %d frames left, %+v", c, len(got[0]), s)
			}
			if loops := uint64(c.want / 1000); s.Replay.Loops != loops && s.Replay.Loops != loops-1 || !s.Replay.Complete {
				t.Errorf("%+v: %+v", c, s.Replay)
			}
			if c.rate > 0 && math.Abs(s.Seconds-float64(c.want)/c.rate) > 0.05*s.Seconds {
				t.Logf("%+v took %g s", c, s.Seconds) // the machine's business
			}
			if c.rate > 0 && s.Seconds < float64(c.want)/c.rate*0.9999 {
				t.Errorf("%+v: in %g s", c, s.Seconds)
			}
		}
	}
}

// grown is a copy of a capture that is too large to be held in memory: behind
// its frames comes one that is too long, many times.
func grown(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	junk := make([]byte, 16+200000)
	binary.LittleEndian.PutUint32(junk[8:], 200000)
	binary.LittleEndian.PutUint32(junk[12:], 200000)
	name := filepath.Join(t.TempDir(), "grown.pcap")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(b)
	for range reelSize/len(junk) + 1 {
		if _, err := f.Write(junk); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// Several threads send all frames once, each flow in order on one of them.
func TestReplayByThreads(t *testing.T) {
	list := shots(t, 700, 1000)
	file := film(t, list...)
	for _, name := range []string{file, grown(t, file)} {
		for _, count := range []uint64{0, 333} {
			got, s := replay(t, Config{Count: count, Replay: &Replay{File: name}}, 3)
			want := 700
			if count > 0 {
				want = int(count)
			}
			var all []int
			flows := map[byte]int{}
			for i, wire := range got {
				last := -1
				for _, b := range wire {
					n := int(binary.BigEndian.Uint32(b[46:]))
					if on, ok := flows[b[35]]; ok && on != i {
						t.Fatalf("flow %d is on two threads", b[35])
					}
					flows[b[35]] = i
					if n <= last || !bytes.Equal(b, list[n].b) {
						t.Fatalf("frame %d after %d", n, last)
					}
					last = n
					all = append(all, n)
				}
			}
			slices.Sort(all)
			if len(all) != want || all[want-1] != want-1 || s.Packets != uint64(want) || !s.Replay.Complete {
				t.Errorf("%d frames, %+v", len(all), s.Replay)
			}
		}
	}
}

// The original times are kept, divided by the speed; long gaps are cut, times
// that go back are no time; the loops follow after the mean gap.
func TestReplaySchedule(t *testing.T) {
	b := udp(t, 1, 60)
	file := film(t, shot{0, b}, shot{10e6, b}, shot{5e6, b}, shot{20e6, b}, shot{100e6, b})
	for _, c := range []struct {
		speed float64
		max   time.Duration
		loops uint64
		rate  float64
		want  time.Duration
	}{
		{0, 0, 1, 0, 100 * time.Millisecond},
		{4, 0, 1, 0, 25 * time.Millisecond},
		{1, 20 * time.Millisecond, 1, 0, 40 * time.Millisecond},
		{10, 0, 3, 0, 35 * time.Millisecond}, // 3 times 10 ms, and twice the mean of 2.5
		{1, 0, 2, 1000, 10 * time.Millisecond},
		{math.Inf(1), 0, 5, 0, 0},
	} {
		got, s := replay(t, Config{Rate: c.rate, Replay: &Replay{File: file, Speed: c.speed, MaxGap: c.max, Loops: c.loops}}, 1)
		// Later is the machine's fault; earlier is ours.
		if d := s.Replay.Schedule - c.want; d < -1000 || d > 1000 || s.Seconds < c.want.Seconds()*0.9999 || len(got[0]) != 5*int(c.loops) {
			t.Errorf("%+v: a schedule of %v in %g s, %d frames", c, s.Replay.Schedule, s.Seconds, len(got[0]))
		}
	}
}

// Frames never leave before their time, as seen by the clock that paces them.
func TestReplayIsNeverEarly(t *testing.T) {
	list := shots(t, 300, 200e3)
	var g *Generator
	i := 0
	w := newWire(t, 64, func([]byte) {
		if now := engine.Monotonic() - g.begin.Load(); now < list[i].at {
			t.Errorf("frame %d left after %d ns, it was captured after %d", i, now, list[i].at)
		}
		i++
	})
	g, err := newGenerator([]engine.TxQueue{w}, replayInfo, &Config{Replay: &Replay{File: film(t, list...)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil || i != 300 {
		t.Fatal(i, err)
	}
}

// What cannot be sent is counted by name, once for each loop, or refused.
func TestReplayPassesOver(t *testing.T) {
	good := udp(t, 1, 60)
	tagged := slices.Concat(good[:12], []byte{0x81, 0, 0, 5}, udp(t, 1, 1514)[12:])
	le := binary.LittleEndian
	odd := film(t, shot{0, good}, shot{0, tagged}, shot{0, udp(t, 1, 1515)}, shot{0, udp(t, 1, 1519)}, shot{0, good[:13]})
	b, err := os.ReadFile(odd)
	if err != nil {
		t.Fatal(err)
	}
	b = le.AppendUint32(le.AppendUint32(le.AppendUint64(b, 0), 60), 61)
	b = append(b, good...)
	if err := os.WriteFile(odd, b, 0o600); err != nil {
		t.Fatal(err)
	}
	want := Replayed{Loops: 2, Complete: true, Frames: 4, TooShort: 2, Skipped: engine.Skipped{Truncated: 2, TooLong: 4}}
	got, s := replay(t, Config{Replay: &Replay{File: odd, Speed: math.Inf(1), Loops: 2}}, 1)
	if *s.Replay != want || len(got[0]) != 4 || !bytes.Equal(got[0][1], tagged) {
		t.Errorf("%+v, want %+v", *s.Replay, want)
	}
	for _, c := range []struct {
		shots []shot
		says  string
	}{
		{[]shot{{0, good}, {0, udp(t, 1, 1515)}}, "packet 2 of capture file FILE, of 1515 bytes, cannot be sent on wire: the frame is longer than the port takes"},
		{[]shot{{0, good}, {0, good}, {0, good[:13]}}, "packet 3 of capture file FILE, of 13 bytes, cannot be sent on wire: the frame is shorter than"},
		{[]shot{{0, udp(t, 1, 1519)}}, "packet 1 of capture file FILE cannot be sent: it has 1519 bytes, and 1518 is the most"},
	} {
		file := film(t, c.shots...)
		_, err := newGenerator([]engine.TxQueue{newWire(t, 64, nil)}, replayInfo, &Config{Replay: &Replay{File: file, Strict: true}})
		if says := strings.ReplaceAll(c.says, "FILE", file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want an error on %q", err, says)
		}
	}
}

// Files that bring nothing to send, or no times to repeat, end a run with a
// sentence instead of never.
func TestReplayOfNothing(t *testing.T) {
	b := udp(t, 1, 60)
	for _, c := range []struct {
		file string
		cfg  Config
		says string
	}{
		{film(t), Config{Count: 5}, "has no frame to be sent on wire: 0 are truncated"},
		{grown(t, film(t)), Config{Duration: time.Hour}, "has no frame to be sent on wire: 0 are truncated in it, 336 too long"},
		{film(t, shot{0, b}, shot{0, b}), Config{Count: 5}, "were all captured at one moment (2 of them)"},
	} {
		c.cfg.Replay = &Replay{File: c.file}
		g, err := newGenerator([]engine.TxQueue{newWire(t, 64, nil)}, replayInfo, &c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want an error on %q", err, c.says)
		}
	}
}

func TestReplayIsRefused(t *testing.T) {
	file := film(t, shot{0, udp(t, 1, 60)})
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg    Config
		replay Replay
		queues int
		info   engine.Info
		says   string
	}{
		{Config{Probe: On}, Replay{File: file}, 1, replayInfo, "no probes"},
		{Config{Len: 60}, Replay{File: file}, 1, replayInfo, "own lengths"},
		{Config{Src: frame.DefaultSrc}, Replay{File: file}, 1, replayInfo, "own lengths and addresses"},
		{Config{}, Replay{File: file, Speed: -1}, 1, replayInfo, "-1 times as fast"},
		{Config{}, Replay{File: file, MaxGap: -1}, 1, replayInfo, "gaps of -1ns"},
		{Config{}, Replay{File: file, Map: make([]PrefixMap, 1)}, 1, replayInfo, "networks of one family"},
		{Config{}, Replay{File: file + "x"}, 1, replayInfo, "no such file"},
		{Config{}, Replay{File: file}, 1, engine.Info{Spec: "udp:x", Link: engine.Payload, MaxFrame: 2000}, "port udp:x takes payloads"},
	} {
		c.cfg.Replay = &c.replay
		_, err := newGenerator([]engine.TxQueue{newWire(t, 64, nil)}, c.info, &c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want an error on %q", c.replay, err, c.says)
		}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var writer sync.WaitGroup
	writer.Go(func() { os.WriteFile(fifo, content, 0) })
	_, err = newGenerator([]engine.TxQueue{newWire(t, 64, nil), newWire(t, 64, nil)}, replayInfo, &Config{Replay: &Replay{File: fifo}})
	writer.Wait() // else it might yet write to the next one who opens the FIFO
	if err == nil || !strings.Contains(err.Error(), "only one thread can replay it") {
		t.Errorf("a FIFO for two threads: %v", err)
	}
	writer.Go(func() { os.WriteFile(fifo, content, 0) })
	if got, _ := replay(t, Config{Replay: &Replay{File: fifo}}, 1); len(got[0]) != 1 {
		t.Errorf("a FIFO: %d frames", len(got[0]))
	}
	writer.Wait()
}

// Rewritten frames are right, from memory and from the file.
func TestReplayRewrites(t *testing.T) {
	b := udp(t, 1, 100)
	mac := []byte{2, 9, 9, 9, 9, 9}
	m := PrefixMap{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/16")}
	file := film(t, shot{0, b})
	for _, name := range []string{file, grown(t, file)} {
		got, _ := replay(t, Config{DstMAC: mac, Replay: &Replay{File: name, Speed: math.Inf(1), Loops: 3, Map: []PrefixMap{m}}}, 1)
		for _, g := range got[0] {
			if err := verify(g); err != "" || !bytes.Equal(g[:6], mac) || g[26] != 192 || g[30] != 192 || !bytes.Equal(g[42:], b[42:]) {
				t.Errorf("%s: %x", err, g)
			}
		}
		if len(got[0]) != 3 {
			t.Errorf("%d frames", len(got[0]))
		}
	}
}
