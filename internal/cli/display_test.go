package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A screen is a terminal as far as the display needs one: cursor up, carriage
// return, clear to the end, and wrapping at its width.
type screen struct {
	columns int
	rows    []string // the last one is where the cursor is
	all     strings.Builder
}

func (s *screen) Write(b []byte) (int, error) {
	s.all.Write(b)
	for text := string(b); text != ""; {
		var up int
		switch {
		case strings.HasPrefix(text, "\x1b["):
			n, _ := fmt.Sscanf(text, "\x1b[%dA\r\x1b[J", &up)
			if n != 1 || up >= len(s.rows) {
				panic(fmt.Sprintf("%q on %d rows", text, len(s.rows)))
			}
			text = text[len(fmt.Sprintf("\x1b[%dA\r\x1b[J", up)):]
			s.rows = append(s.rows[:len(s.rows)-1-up], "")
		case text[0] == '\n':
			s.rows, text = append(s.rows, ""), text[1:]
		default:
			if len(s.rows) == 0 {
				s.rows = append(s.rows, "")
			}
			if last := &s.rows[len(s.rows)-1]; len(*last) == s.columns {
				s.rows = append(s.rows, text[:1])
			} else {
				*last += text[:1]
			}
			text = text[1:]
		}
	}
	return len(b), nil
}

func (s *screen) String() string { return strings.Join(s.rows, "\n") }

// wraps makes the screen narrower; what is longer wraps, as xterm's does.
func (s *screen) wraps(columns int) {
	old := s.rows
	s.columns, s.rows = columns, nil
	for _, r := range old {
		for len(r) > columns {
			s.rows, r = append(s.rows, r[:columns]), r[columns:]
		}
		s.rows = append(s.rows, r)
	}
}

func TestDisplay(t *testing.T) {
	s := &screen{columns: 100}
	height := 24
	rep := Reporter{Tool: "pktgen", Human: s, Size: func() (int, int) { return s.columns, height }, Goal: Goal{Packets: 30_000_000}}
	first, second := ticks()
	for _, r := range []*Result{&first, &second} {
		r.Mode, r.Port = "tx", "packet:eth0"
		r.Queues = []Queue{{0, r.Packets - 1000, 60 * (r.Packets - 1000)}, {1, 1000, 60_000}}
	}
	ok := func(want string) {
		t.Helper()
		if got := s.String(); got != want {
			t.Errorf("the screen shows\n%s\nwant\n%s", got, want)
		}
	}
	rep.Note("hello")
	rep.Interval(first)
	ok(`pktgen: hello
pktgen tx on packet:eth0, 1.0 s
14.880 Mpps  7.142 Gbps  raw 9.999 Gbps  512.01 a batch
14894880 packets  893692800 bytes
queue 0   14.879 Mpps  7.142 Gbps
queue 1   999.001 pps  479.520 Kbps
[##############----------------]  49.6 %, 1.0 s left, until ` + start.Add(2016*time.Millisecond).Format(time.TimeOnly) + "\n")
	rep.Note("a note goes above")
	if !strings.Contains(s.String(), "hello\npktgen: a note goes above\npktgen tx on") {
		t.Errorf("the note is not above the display:\n%s", s)
	}
	// A narrower terminal has wrapped what was there; nothing of it stays.
	s.wraps(30)
	rep.Interval(second)
	if n := strings.Count(s.String(), "pktgen tx on"); n != 1 {
		t.Errorf("the display is there %d times:\n%s", n, s)
	}
	for _, r := range s.rows {
		if len(r) > 30 {
			t.Errorf("%q is too long", r)
		}
	}
	height = 3 // too low: the first lines only
	second.Seconds++
	rep.Interval(second)
	if got := s.rows[len(s.rows)-3:]; !strings.HasPrefix(got[0], "pktgen tx on") || got[2] != "" {
		t.Errorf("on three rows: %q", got)
	}
	rep.Final(&second)
	if got := s.String(); strings.Contains(got, "pktgen tx on") || !strings.Contains(got, "a note goes above\nSent 14895880 packets") {
		t.Errorf("the end looks so:\n%s", got)
	}
}

func TestDisplayOfReceivers(t *testing.T) {
	received := received()
	for want, r := range map[string]Result{
		"3 lost (0.0003 %)  1 duplicates  2 reordered  1 late  in 1 streams, 2 epochs": received,
		"5 kernel drops  0 truncated  999999 written  3 write drops":                   received,
		"delay  min 1.000 mean 2.000":                                                  received,
		"PDV    min 0.000 mean 1.000":                                                  received,
		"sizes now  0-59: 1, 60: 1000000, 1515 and more: 1":                            received,
		"frames now  arp 1, ipv4 1000000, vlan 1, udp":                                 received,
		"RTT now  min 1.000 mean 2.000 p50":                                            {Ping: &Ping{Interval: &Times{MinNS: 1000, MeanNS: 2000}, RTT: &Times{MinNS: 1}}},
		"5 kernel drops":                                                               {Pong: &Pong{KernelDrops: 5}},
		"7 received 1 lost 0 duplicates 0 late 2 foreign":                              {TxResult: &TxResult{}, Ping: &Ping{Received: 7, Lost: 1, Foreign: 2}},
	} {
		r.Seconds = 1
		var rep Reporter
		if got := strings.Join(rep.displayLines(&r, &r), "\n"); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestProgress(t *testing.T) {
	run := Result{Start: start, Seconds: 4, Packets: 400}
	for _, c := range []struct {
		goal Goal
		pps  float64
		want string
	}{
		{Goal{}, 100, ""},
		{Goal{Packets: 1000}, 100, "[############------------------]  40.0 %, 6.0 s left"},
		{Goal{Duration: 5 * time.Second}, 100, "[########################------]  80.0 %, 1.0 s left"},
		{Goal{Packets: 1000, Duration: 5 * time.Second}, 100, " 80.0 %, 1.0 s left"},
		{Goal{Packets: 450, Duration: 5 * time.Second}, 100, " 88.9 %, 0.5 s left"},
		{Goal{Packets: 1000}, 0, " 40.0 %, standing still"},
		{Goal{Packets: 300, Duration: time.Second}, 100, "] 100.0 %, 0.0 s left"},
		{Goal{Packets: 1 << 63}, 1e-9, "standing still"},
	} {
		got := c.goal.progress(&run, &Result{PPS: c.pps})
		if !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%+v at %g: %q, want %q", c.goal, c.pps, got, c.want)
		}
	}
}

func TestPktGensLineOptions(t *testing.T) {
	first, second := ticks()
	for _, c := range []struct {
		rep  *Reporter
		want []string
	}{
		{&Reporter{Plain: true}, []string{"14880000 pps (14894880 pkts 7142400000 bps in", "1000 pps (1000 pkts 479760 bps"}},
		{&Reporter{Framing: true}, []string{"14.880 Mpps (14.895 Mpkts 9.999 Gbps in", "671.664 Kbps"}},
		{&Reporter{Average: true}, []string{"14.880 Mpps [avg/std 14.880 Mpps/0.000 pps] (14.895 Mpkts", "999.500 pps [avg/std 7.440 Mpps/7.440 Mpps] ("}},
	} {
		var out strings.Builder
		rep := c.rep
		rep.Tool, rep.Human = "pktgen", &out
		rep.Interval(first)
		rep.Interval(second)
		for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
			if !strings.Contains(line, c.want[i]) {
				t.Errorf("%q lacks %q", line, c.want[i])
			}
		}
	}
	var r recent
	for i := range 40 {
		r.add(float64(i))
	}
	if mean, dev := r.stats(); mean != 32 || dev < 4.32 || dev > 4.33 {
		t.Errorf("of 25 to 39: mean %g, deviation %g", mean, dev)
	}
}

func TestPingReport(t *testing.T) {
	r := Result{Tool: "pktgen", Packets: 10, Bytes: 600, Syncs: 10, Seconds: 1, TxResult: &TxResult{RateMet: true},
		Ping: &Ping{Received: 9, Lost: 1, RTT: &Times{Count: 9, MinNS: 1500, MeanNS: 2000, P50NS: 2000, P90NS: 3000, P99NS: 3500, P999NS: 4000, MaxNS: 4001}}}
	r.Fill()
	want := "Answers: 9 received 1 lost 0 duplicates 0 late 0 foreign. Kernel drops: 0\n" +
		"RTT over 9 answers: min 1.500 mean 2.000 p50 2.000 p90 3.000 p99 3.500 p99.9 4.000 max 4.001 us\n"
	if got := finalReport(&r, Norm); !strings.HasPrefix(got, "Sent 10 packets") || !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s", got)
	}
	if got := finalReport(&Result{Pong: &Pong{TooLong: 2}}, Norm); got != "Reflected nothing.\nKernel drops: 0. Truncated: 0. Too long: 2\n" {
		t.Errorf("got\n%s", got)
	}
}
