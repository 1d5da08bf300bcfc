package session

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// status is what the metrics are made from when somebody asks: written by the
// session's goroutine, read by the server's.
type status struct {
	mu     sync.Mutex
	suite  string // under way; "": none
	of     string // its case
	load   float64
	left   time.Duration
	trials map[string]float64 // by suite
	done   []results.Suite
}

func (s *status) doing(suite, of string, load float64, left time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suite, s.of, s.load, s.left = suite, of, load, left
}

func (s *status) trial(suite string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trials == nil {
		s.trials = map[string]float64{}
	}
	s.trials[suite]++
}

func (s *status) found(u *results.Suite) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suite = ""
	s.done = append(s.done, *u)
}

const prefix = "ringwalk_harness_"

var (
	trialsDesc = prometheus.NewDesc(prefix+"trials_total", "Trials done.", []string{"suite"}, nil)
	loadDesc   = prometheus.NewDesc(prefix+"load_pps", "Packets a second asked in the trial under way, 0 for as fast as it goes.", []string{"suite", "case"}, nil)
	leftDesc   = prometheus.NewDesc(prefix+"left_seconds", "About how long the run still takes, 0 if nobody knows.", []string{"suite", "case"}, nil)
	casesDesc  = prometheus.NewDesc(prefix+"cases", "Cases of suites that have ended.", []string{"suite", "verdict"}, nil)
	figureDesc = prometheus.NewDesc(prefix+"figure", "Figures found.", []string{"suite", "case", "figure", "unit"}, nil)
)

// Describe makes it an unchecked collector: which metrics there are depends on
// what has been found.
func (s *status) Describe(chan<- *prometheus.Desc) {}

// Collect tells what is known at this moment.
func (s *status) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for suite, n := range s.trials {
		ch <- prometheus.MustNewConstMetric(trialsDesc, prometheus.CounterValue, n, suite)
	}
	if s.suite != "" {
		gauge(loadDesc, s.load, s.suite, s.of)
		gauge(leftDesc, s.left.Seconds(), s.suite, s.of)
	}
	for i := range s.done {
		u := &s.done[i]
		n := map[results.Verdict]float64{}
		for _, c := range u.Cases {
			n[c.Verdict]++
			for _, f := range c.Figures {
				gauge(figureDesc, f.Value, u.Name, c.Name, f.Name, f.Unit)
			}
		}
		for v, count := range n {
			gauge(casesDesc, count, u.Name, string(v))
		}
	}
}
