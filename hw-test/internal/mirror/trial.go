package mirror

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/pktgen/rtt"
)

// Modes, by the most messages that a system call takes.
var modes = []struct {
	name   string
	vector int
}{{"one", 1}, {"batch", 0}}

// Row is one line: a load over one kind of socket in one mode.
type Row struct {
	Port string  `json:"port"` // "udp" or "packet"
	Load float64 `json:"load"` // messages a second as asked; 0: batch after batch
	Mode string  `json:"mode"` // "one" or "batch"

	// Verdict is on all rounds, and Sentence says it in words. Failed is a row
	// whose messages did not all come back, though the load was sent.
	Verdict  results.Verdict `json:"verdict"`
	Sentence string          `json:"sentence"`

	// Sent is Received and Lost. Received messages came back within a second.
	Sent       uint64 `json:"sent"`
	Received   uint64 `json:"received"`
	Lost       uint64 `json:"lost"`
	Duplicates uint64 `json:"duplicates"`
	Foreign    uint64 `json:"foreign"` // what came and was no message of this run

	Achieved float64 `json:"achieved"` // Sent a second
	// Calls are the system calls of both sides that moved or tried to move
	// messages, and CPU the time of both sides in µs, for each of Sent.
	Calls float64 `json:"calls_per_message"`
	CPU   float64 `json:"cpu_us_per_message"`

	// Round trips in µs.
	Min  float64 `json:"min_us"`
	Mean float64 `json:"mean_us"`
	P50  float64 `json:"p50_us"`
	P90  float64 `json:"p90_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p99_9_us"`
	Max  float64 `json:"max_us"`
}

// A key says which row it is.
type key struct {
	port string
	load float64
	mode int
}

// Headers of a message: Ethernet 14, IPv4 20, UDP 8.
const headers = 14 + 20 + 8

// Addresses of nobody, so that the namespaces' own stacks drop a packet
// socket's frames at once and answer nothing.
var nobody = [2]net.HardwareAddr{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}

// open opens both sides' ports.
func open(l *bench.Lab, k key) (ping, pong *engine.Port, err error) {
	c := engine.Config{RX: 1, TX: 1, Vector: modes[k.mode].vector}
	a, b := "packet:"+bench.NameA, "packet:"+bench.NameB
	if k.port == "udp" {
		a = fmt.Sprintf("udp:@%s:7,%s:7", l.AddrA, l.AddrB)
		b = fmt.Sprintf("udp:@%s:7,%s:7", l.AddrB, l.AddrA)
	}
	if err = l.A.NS.Do(func() (err error) { ping, err = engine.Open(a, &c); return err }); err != nil {
		return nil, nil, err
	}
	if err = l.B.NS.Do(func() (err error) { pong, err = engine.Open(b, &c); return err }); err != nil {
		return nil, nil, errors.Join(err, ping.Close())
	}
	return ping, pong, nil
}

// trial runs both sides once.
func (o *options) trial(ctx context.Context, l *bench.Lab, k key) (row Row, err error) {
	near, far, err := open(l, k)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, near.Close(), far.Close()) }()
	pc := rtt.Config{Rate: k.load, Duration: o.seconds, Burst: o.burst, Len: o.size}
	if k.port == "packet" {
		pc.Len, pc.SrcMAC, pc.DstMAC = o.size+headers, nobody[0], nobody[1]
	}
	var mc rtt.ReflectorConfig
	if cpus := l.Environment.CPUs; len(cpus) > 1 {
		pc.CPUs, mc.CPUs = cpus[:1], cpus[1:2]
	}
	ping, err := rtt.NewPinger(near, &pc)
	if err != nil {
		return row, err
	}
	pong, err := rtt.NewReflector(far, &mc)
	if err != nil {
		return row, err
	}
	runtime.GC() // the last trial's, not in the middle of this one
	cpu := processTime()
	until, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	mirror := make(chan error, 1)
	go func() { mirror <- pong.Run(until) }()
	err = ping.Run(ctx)
	cancel()
	err = errors.Join(err, <-mirror)
	cpu = processTime() - cpu

	sn := ping.Snapshot()
	row = Row{
		Port: k.port, Load: k.load, Mode: modes[k.mode].name,
		Sent: sn.Sent, Received: sn.Received, Lost: sn.Lost, Duplicates: sn.Duplicates, Foreign: sn.Foreign,
		Min: us(sn.RTT.Min), Mean: us(sn.RTT.Mean), P50: us(sn.RTT.P50), P90: us(sn.RTT.P90),
		P99: us(sn.RTT.P99), P999: us(sn.RTT.P999), Max: us(sn.RTT.Max),
	}
	if sn.Seconds > 0 {
		row.Achieved = float64(sn.Sent) / sn.Seconds
	}
	if n := float64(sn.Sent); n > 0 {
		calls := sn.Engine.Syncs + near.TX()[0].Stats().Syncs + far.TX()[0].Stats().Syncs + far.RX()[0].Stats().Syncs
		row.Calls, row.CPU = float64(calls)/n, us(cpu)/n
	}
	return row, err
}

func us(d time.Duration) float64 { return float64(d) / 1e3 }
