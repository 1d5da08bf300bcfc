package page

import (
	"fmt"
	"math"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/machine"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

var sizes = []string{"64", "128", "256", "512", "1024", "1280", "1518", "imix"}

// example is a session as a lab has it: nearly all is well.
func example() *results.Session {
	return &results.Session{
		Format: results.Format, Tool: "hw-test", Command: []string{"all", "--lab", "lab.yaml", "--sizes", "64,128,256,512,1024,1280,1518,imix", "--note", "before the driver's update"},
		Start: time.Date(2026, 11, 27, 20, 13, 0, 0, time.UTC), Seconds: 1843.2,
		Host: machine.Host{OS: "linux", Arch: "amd64", Kernel: "6.12.8-lab", CPU: "Intel(R) Xeon(R) Gold 6326 CPU @ 2.90GHz", CPUs: 16, Netmap: "14 (2024-11)"},
		Build: results.Build{
			Version: "v0.9.0", Go: "go1.26.8", Revision: "33f7da3a915f775d953af9a6d876f90f3c4b21d0", Time: "2026-11-27T20:16:14Z", Modified: true,
			Modules: map[string]string{"github.com/vishvananda/netlink": "v1.3.1", "gonum.org/v1/plot": "v0.17.0", "golang.org/x/sys": "v0.49.0"},
		},
		Lab: &lab.Lab{}, Preflight: checks(), Forced: true,
		Suites: []*results.Suite{throughput(), latency(), self()},
		Notes:  []string{"eth2 was renamed to tg0 while the run went on; the lab file names it by its PCI address"}, ExitStatus: 1,
	}
}

func checks() *preflight.Report {
	return &preflight.Report{
		Kernel: "6.12.8-lab", CommandLine: "BOOT_IMAGE=/boot/vmlinuz-6.12.8-lab root=/dev/sda1 ro isolcpus=2-7 nohz_full=2-7 mitigations=auto",
		Checks: []preflight.Check{
			{Name: "link", Port: "eth1", Verdict: preflight.Pass, Found: "up, 10 Gbit/s, full duplex"},
			{Name: "rings", Port: "eth1", Verdict: preflight.Warn, Found: "512 of 4096 receive slots", Want: "4096", Why: "bursts overflow short rings, and the loss is the tester's", Do: []string{"ethtool -G eth1 rx 4096 tx 4096"}},
			{Name: "pause", Port: "eth1", Verdict: preflight.Fail, Found: "rx on, tx on", Want: "rx off, tx off", Why: "the receiver holds the sender back, and loss is not seen", Do: []string{"ethtool -A eth1 autoneg off rx off tx off"}},
			{Name: "driver", Port: "eth1", Verdict: preflight.Pass, Found: "ixgbe 6.12.8, firmware 0x800009e0"},
			{Name: "rss", Port: "eth1", Verdict: preflight.Skipped, Why: "one queue is in use"},
			{Name: "governor", Verdict: preflight.Warn, Found: "powersave on 16 CPUs", Want: "performance", Why: "the clock follows the load, and short trials see a slow CPU", Do: []string{"cpupower frequency-set -g performance"}},
			{Name: "memory", Verdict: preflight.Pass, Found: "62.1 GiB free", Varies: true},
			{Name: "turbo", Verdict: preflight.Skipped, Why: "this CPU has none that can be seen"},
		},
		Fixed: []preflight.Setting{{What: "offload", Name: "rx-gro", Port: "eth1", Was: "on", Set: "off"}},
		Notes: []string{"the affinity of interrupt 130 stays: it belongs to a managed queue"},
	}
}

func throughput() *results.Suite {
	s := &results.Suite{
		Name: "throughput", Environment: testbed.Description{
			Kind: "local", What: "tg0 to dut0 through a bridge of netmap ports and back on tg1",
			Limits: []string{"both ends of the tester share one NUMA node with the bridge", "the clock is this host's own: delays have no error of two clocks"},
		},
		Settings: map[string]any{"initial_seconds": 1, "final_seconds": 60, "pdr_loss_ratio": 0.005, "width": 0.005},
		Notes:    []string{"the bridge was restarted once, before 512"}, Seconds: 1203.4, ExitStatus: 3,
	}
	line := results.Series{Name: "line rate of 10 Gbit/s", Style: results.Reference}
	ndr, pdr := results.Series{Name: "NDR", Style: results.Line}, results.Series{Name: "PDR at 0.5 % loss", Style: results.Line}
	for i, size := range sizes {
		bytes := []float64{64, 128, 256, 512, 1024, 1280, 1518, 353.8}[i]
		top := 10e9 / 8 / (bytes + 20)
		device := min(6.4e6/(1+bytes/2500), 0.98*top)
		name := fmt.Sprint(size)
		line.X, line.Y, line.Labels = append(line.X, float64(i)), append(line.Y, top), append(line.Labels, size)
		c := &results.Case{
			Name: name, Verdict: results.Passed, Seconds: 150.3,
			Sentence: fmt.Sprintf("no loss up to %s, 0.5 %% at %s", value(device, "pps"), value(1.03*device, "pps")),
			Figures: []results.Figure{
				{Name: "NDR", Value: device, Unit: "pps", Better: results.Higher},
				{Name: "PDR", Value: 1.03 * device, Unit: "pps", Better: results.Higher},
				{Name: "NDR on the wire", Value: device * (bytes + 20) * 8, Unit: "bit/s", Better: results.Higher},
				{Name: "pktgen CPU", Value: 31.4 + bytes/100, Unit: "ns/packet", Better: results.Lower},
				{Name: "trials", Value: 14},
			},
		}
		short, full := results.Series{Name: "short trials", Style: results.Points}, results.Series{Name: "full trials", Style: results.Line}
		for j := range 22 {
			share := 0.1 + 0.055*float64(j)
			if j > 12 {
				share = 0.93 + 0.012*float64(j-12)
			}
			loss := 100 * max(0, 1-1/share)
			if share > 0.985 {
				loss += 0.2
			}
			s := &short
			if j%3 == 0 {
				s = &full
			}
			s.X, s.Y = append(s.X, share*device), append(s.Y, loss)
		}
		c.Plots = []results.Plot{{
			Title: "loss against rate", X: "offered rate, pps", Y: "loss, %",
			Series: []results.Series{full, short,
				{Name: "NDR", Style: results.Reference, X: []float64{device, device}, Y: []float64{0, 12}},
				{Name: "PDR", Style: results.Reference, X: []float64{1.03 * device, 1.03 * device}, Y: []float64{0, 12}}},
		}}
		for j := range 14 {
			c.Trials = append(c.Trials, fmt.Sprintf("trials/throughput-%04d.json", 14*i+j+1))
		}
		if i == 0 {
			c.Verdict, c.Sentence = results.Limited, "tg0 took no more than 5.9 Mpps: what the device under test can do is not known"
			c.Figures = nil
		} else {
			ndr.X, ndr.Y, ndr.Labels = append(ndr.X, float64(i)), append(ndr.Y, device), append(ndr.Labels, size)
			pdr.X, pdr.Y, pdr.Labels = append(pdr.X, float64(i)), append(pdr.Y, 1.03*device), append(pdr.Labels, size)
		}
		s.Cases = append(s.Cases, c)
	}
	s.Plots = []results.Plot{
		{Title: "throughput by frame size", X: "frame size, bytes", Y: "rate, pps", Series: []results.Series{ndr, pdr, line}},
		{Title: "throughput by frame size, logarithmic", X: "frame size, bytes", Y: "rate, pps", LogY: true, Series: []results.Series{ndr, pdr, line}},
	}
	return s
}

func latency() *results.Suite {
	s := &results.Suite{
		Name: "latency", Environment: testbed.Description{Kind: "veth-dut", What: "a hop between two veth pairs", Limits: []string{}}, Seconds: 310,
	}
	for _, size := range []string{"64", "1518"} {
		c := &results.Case{Name: size, Verdict: results.Passed, Sentence: "one-way delay in shares of 812.743 Kpps: at 10 % p50 8.2 µs, at 50 % p50 11.9 µs, at 90 % p50 31 µs"}
		p := results.Plot{Title: size + ": delay percentiles", X: "percentile", Y: "one-way delay, µs", LogY: true}
		for i, share := range []string{"10 %", "50 %", "90 %"} {
			curve := results.Series{Name: share + " of the NDR", Style: results.Line}
			for j, percentile := range []string{"min", "50", "90", "99", "99.9", "99.99", "max"} {
				delay := (6 + 3.1*float64(i)) * math.Exp(float64(j*j)*(0.04+0.03*float64(i)))
				curve.X, curve.Y, curve.Labels = append(curve.X, float64(j)), append(curve.Y, delay), append(curve.Labels, percentile)
				if j == 1 || j == 3 || j == 4 {
					c.Figures = append(c.Figures, results.Figure{Name: "p" + percentile + " at " + share, Value: delay, Unit: "µs", Better: results.Lower})
				}
			}
			p.Series = append(p.Series, curve)
		}
		c.Plots = []results.Plot{p}
		c.Trials = []string{"trials/latency-0001.json", "trials/latency-0002.json", "trials/latency-0003.json"}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func self() *results.Suite {
	return &results.Suite{
		Name: "self", Environment: testbed.Description{Kind: "veth", What: "two ends of a veth pair in namespaces of their own"}, Seconds: 41.2, ExitStatus: 1,
		Cases: []*results.Case{
			{Name: "packet, veth", Verdict: results.Passed, Sentence: "2,000,000 of 2,000,000 frames arrived, each once and in order", Figures: []results.Figure{
				{Name: "rate", Value: 812743, Unit: "pps", Better: results.Higher}, {Name: "lost", Value: 0, Unit: "frames", Better: results.Lower}, {Name: "rcv CPU", Value: 214.25, Unit: "ns/packet", Better: results.Lower},
			}},
			{Name: "udp, loopback", Verdict: results.Failed, Sentence: "3 of 2,000,000 datagrams were lost, and the socket has dropped none", Figures: []results.Figure{
				{Name: "rate", Value: 1204511, Unit: "pps", Better: results.Higher}, {Name: "lost", Value: 3, Unit: "frames", Better: results.Lower},
			}},
			{Name: "hop that loses all", Verdict: results.None, Sentence: "loses at every rate: even at 1.000 Kpps 100 % are missing"},
			{Name: "vale0", Verdict: results.Skipped, Sentence: "this kernel has no /dev/netmap: scripts/build-netmap.sh --load"},
			{Name: "packet, mirrored", Verdict: results.Invalid, Sentence: "the counters of veth1 and rcv disagree by 41 frames: another program sends there"},
			{Name: "pcap", Verdict: results.Unfinished, Sentence: "not begun"},
		},
	}
}
