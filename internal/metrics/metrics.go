// Package metrics serves a program's result to Prometheus while it runs.
//
//	scrape ──▶ HTTP ──▶ collector ──▶ cli.Result, read at that moment ──▶ text
//
// Nothing is counted twice: what is served is what the result at the end and
// --json are made of, and a run that nobody scrapes does nothing for it. All
// names begin with ringwalk_ and have the labels tool, mode and port; counters
// start at zero with the run.
//
//	packets_total, bytes_total              sent, received or reflected
//	queue_packets_total, queue_bytes_total  the same, by the label queue
//	syncs_total                             syncs that moved at least one packet
//	run_seconds                             since the run began
//	requested_packets                       what -n asked for, 0 for no limit
//	undrained_packets, end_records_total    of a sender
//	rate_asked_pps, rate_given_up_seconds   of a paced sender
//	kernel_drops_total, truncated_total     of a receiver
//	merged_total, super_frames_total, partial_checksums_total, undescribed_total, oversize_total
//	size_packets_total                      of a receiver, by the label bytes: 8 ranges of lengths
//	header_packets_total                    of one that looks at headers, by the label header: 15
//	written_packets_total, write_drops_total
//	                                        of one with --write
//	not_probe_total, empty_total, malformed_total, foreign_total,
//	end_records_seen_total, streams_refused_total
//	                                        of a receiver that checks
//	probe_packets_total, probe_distinct, probe_duplicates_total, probe_reordered_total,
//	probe_late, probe_absurd, probe_lost, probe_epochs_total
//	                                        of a receiver that checks, over all streams; what
//	                                        comes late takes its loss back, so some are no counters
//	probe_streams                           how many there are
//	probe_reordering_extent_max, probe_reordering_extent_mean
//	                                        in frames, once one was reordered
//	probe_delay_seconds                     a summary of one-way delays, where the clocks are one
//	                                        or their offset is known
//	probe_pdv_seconds                       a summary of delays above each stream's shortest; both
//	                                        with …_min_seconds and …_max_seconds
//	probe_negative_delays_total
//	probe_clock_ahead_seconds, probe_clock_within_seconds
//	                                        the offset that delays are corrected by, and how well
//	                                        it is known (rcv --clocks)
//	ping_received_total, ping_duplicates_total, ping_late_total, ping_foreign_total, ping_lost_total
//	ping_rtt_seconds                        a summary of the quantiles 0.5, 0.9, 0.99 and 0.999
//	ping_rtt_min_seconds, ping_rtt_max_seconds
//
// A run has at most 256 queues, so there are never more than some 650 series.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// A Server is an HTTP server at one address. It has two goroutines and more
// only for requests under way.
type Server struct {
	listener net.Listener
	http     *http.Server
	done     chan struct{}
}

// Bounds of what a client may do to a measurement.
const (
	mostRequests = 4
	mostHeader   = 8 << 10 // bytes
	patience     = 5 * time.Second
)

// Listen takes the address, host:port or :port, so that a bad one is refused
// before anything is done. Until Serve, a client waits.
func Listen(addr string) (*Server, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, cli.Usagef("--metrics: %q is no address; write host:port or :port: %w", addr, err)
	}
	l, err := net.Listen("tcp", addr)
	_, wrong := errors.AsType[*net.AddrError](err) // such as a port above 65535
	switch {
	case wrong:
		return nil, cli.Usagef("--metrics: %q is no address: %w", addr, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--metrics cannot listen at %s (ss -tlnp shows who does): %w", addr, err)
	case err != nil:
		return nil, fmt.Errorf("--metrics cannot listen at %s: %w", addr, err)
	}
	return &Server{listener: l}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers at /metrics with what result returns, which is called from any
// goroutine, several at a time.
func (s *Server) Serve(result func() cli.Result) { s.ServeFrom(&collector{result}) }

// ServeFrom answers at /metrics with what a collector of the caller's own
// gathers, which is asked from any goroutine.
func (s *Server) ServeFrom(c prometheus.Collector) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: mostRequests, Timeout: patience}))
	s.http = &http.Server{
		Handler: mux, MaxHeaderBytes: mostHeader,
		ReadTimeout: patience, WriteTimeout: 2 * patience, IdleTimeout: 10 * patience,
		ErrorLog: log.New(io.Discard, "", 0), // a client's mistake is not the measurement's
	}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		_ = s.http.Serve(s.listener) // ends with Close
	}()
}

// Close ends the server: requests under way get a moment to finish.
func (s *Server) Close() error {
	if s.http == nil {
		return s.listener.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}
