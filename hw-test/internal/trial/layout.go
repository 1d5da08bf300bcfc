package trial

import (
	"fmt"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

// A layout is who sends to whom: a pktgen for each flow, and a rcv for each
// different port that they arrive at.
type layout struct {
	senders   []sender
	receivers []receiver
}

type sender struct {
	port   *testbed.Port
	to     int     // the receiver's index
	share  float64 // of the load
	stream int     // of its first thread
	index  int     // of the flow
}

type receiver struct {
	port *testbed.Port
	from []int // indices of senders, in order
}

func layoutOf(flows []testbed.Flow) *layout {
	l := new(layout)
	shares := Shares(flows)
	for i, f := range flows {
		s := sender{port: f.From, to: len(l.receivers), share: shares[i], stream: i * apart(len(flows)), index: i}
		for j := range l.receivers {
			if l.receivers[j].port == f.To {
				s.to = j
			}
		}
		if s.to == len(l.receivers) {
			l.receivers = append(l.receivers, receiver{port: f.To})
		}
		l.receivers[s.to].from = append(l.receivers[s.to].from, i)
		if n, ok := given(f.From.Flags, "--stream"); ok {
			_, _ = fmt.Sscan(n, &s.stream) // pktgen refuses what is no number
		}
		l.senders = append(l.senders, s)
	}
	return l
}

// Shares are the flows' shares of a load, in proportion to the senders' links
// where the speeds of all are known, else equal.
func Shares(flows []testbed.Flow) []float64 {
	total := LinkBPS(flows)
	list := make([]float64, len(flows))
	for i, f := range flows {
		if list[i] = 1 / float64(len(flows)); total > 0 {
			list[i] = f.From.LinkBPS / total
		}
	}
	return list
}

// LinkBPS is the speed of all senders' links together in bits on the wire a
// second, 0 where that of one is not known.
func LinkBPS(flows []testbed.Flow) (total float64) {
	for _, f := range flows {
		if f.From.LinkBPS == 0 {
			return 0
		}
		total += f.From.LinkBPS
	}
	return total
}

// several tells whether there is more than one flow, so that sentences have to
// say of which they are.
func (l *layout) several() bool { return len(l.senders) > 1 }

// of begins a sentence about a port, where there are several flows, or other
// hosts.
func (l *layout) of(p *testbed.Port) string {
	if l.several() || l.senders[0].port.Host != "" || l.receivers[0].port.Host != "" {
		return p.String() + ": "
	}
	return ""
}

// mostThreads is about the most threads that a pktgen has, one for each ring of
// a NIC.
const mostThreads = 1024

// apart is how far apart the streams of so many flows are.
func apart(flows int) int { return min(mostThreads, 65536/max(flows, 1)) }

// source is the source address of a flow among several, as pktgen's -s has it,
// "" where the port's own flags say what the frames are, or it carries none.
// Otherwise all flows would be one for the device.
func (s *sender) source() string {
	flags := s.port.Flags
	if s.port.Headers > 0 {
		return ""
	}
	for _, names := range [][]string{{"--src", "-s"}, {"--random-src", "-z"}, {"--frame"}, {"--fields"}, {"--packet"}, {"--replay", "-P"}} {
		if _, ok := given(flags, names...); ok {
			return ""
		}
	}
	_, six := given(flags, "--ipv6", "-6")
	if dst, ok := given(flags, "--dst", "-d"); ok {
		first, _, _ := strings.Cut(dst, "-")
		six = six || strings.Count(first, ":") > 1
	}
	if six {
		return fmt.Sprintf("[fd00::%x]:1234", s.index+1)
	}
	return fmt.Sprintf("10.0.%d.%d:1234", s.index/250, s.index%250+1)
}

// given finds a flag by its names and returns its value, "" if it has none.
func given(flags []string, names ...string) (value string, ok bool) {
	for i, f := range flags {
		for _, name := range names {
			switch v, rest := strings.CutPrefix(f, name); {
			case !rest:
			case v == "" && i+1 < len(flags):
				value, ok = flags[i+1], true
			case v == "", strings.HasPrefix(v, "="), !strings.HasPrefix(name, "--"):
				value, ok = strings.TrimPrefix(v, "="), true
			}
		}
	}
	return value, ok
}

// clocks is rcv's --clocks where the senders' clocks are another host's than the
// receiver's: by how much they differ, or that nobody knows.
func (l *layout) clocks(r *receiver) []string {
	from := l.senders[r.from[0]].port
	for _, i := range r.from {
		if l.senders[i].port.Host != from.Host {
			return []string{"--clocks", "apart"} // there is more than one difference
		}
	}
	if from.Host == r.port.Host {
		return nil
	}
	c := r.clock(from)
	if c.Within == 0 {
		return []string{"--clocks", "apart"}
	}
	sign := ""
	if c.Ahead >= 0 {
		sign = "+"
	}
	return []string{"--clocks", fmt.Sprintf("%s%v~%v", sign, c.Ahead, c.Within)}
}

// here is a time by a port's clock as this host's clock has it.
func here(p *testbed.Port, t time.Time) time.Time { return t.Add(-p.Clock.Ahead) }

// twoClocks tells whether the ports have clocks of several hosts.
func (l *layout) twoClocks() bool {
	for i := range l.senders {
		if s := &l.senders[i]; s.port.Host != l.senders[0].port.Host || s.port.Host != l.receivers[s.to].port.Host {
			return true
		}
	}
	return false
}

// drift takes into what is known of two clocks what their difference has
// changed by until after the trial, by which the delays of its frames may be
// wrong, too.
func (t *Trial) drift(l *layout) {
	for i := range l.receivers {
		to := &l.receivers[i]
		d := t.Rcv[i].Probe.Delay
		if d == nil || d.Clock == nil {
			continue
		}
		now := to.clock(l.senders[to.from[0]].port)
		by := now.Ahead.Nanoseconds() - d.Clock.AheadNS
		d.Clock.WithinNS = max(d.Clock.WithinNS, max(by, -by)+now.Within.Nanoseconds())
	}
}

// clock is the receiver's against that of a sender.
func (r *receiver) clock(from *testbed.Port) testbed.Clock {
	return testbed.Clock{Ahead: r.port.Clock.Ahead - from.Clock.Ahead, Within: r.port.Clock.Within + from.Clock.Within}
}
