package qdisc_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/qdisc"
)

// playEnv makes the test binary another process that works on qdiscs.
const playEnv = "RINGWALK_QDISC_PLAY"

// The tests have a journal of their own.
func TestMain(m *testing.M) {
	if what := os.Getenv(playEnv); what != "" {
		if err := play(what, os.Args[1:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "ringwalk-qdisc-")
	if err != nil {
		panic(err)
	}
	os.Setenv("RINGWALK_RUN", dir)
	status := m.Run()
	if left := journal(); len(left) > 0 && status == 0 {
		fmt.Println("the tests left journal entries:", left)
		status = 1
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// journal lists the entries there are.
func journal() (names []string) {
	list, _ := os.ReadDir(os.Getenv("RINGWALK_RUN"))
	for _, f := range list {
		if f.Name() != "lock" {
			names = append(names, f.Name())
		}
	}
	return names
}

// has tells whether this kernel has a kind of qdisc.
func has(t testing.TB, kind string) bool {
	t.Helper()
	pair := testnet.Pair(t, nil)
	cmd := exec.Command(testnet.NeedTool(t, "tc"), "qdisc", "replace", "dev", pair.A.Name, "root", kind)
	err := pair.A.NS.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	return err == nil
}

// tc runs iproute2's tc, or ip, in a namespace, one command a line.
func tc(t testing.TB, ns *netlab.NS, script string) string {
	t.Helper()
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		cmd := exec.Command(testnet.NeedTool(t, words[0]), words[1:]...)
		cmd.Stdout, cmd.Stderr = &out, &out
		err := ns.Start(cmd)
		if err == nil {
			err = cmd.Wait()
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out.String())
		}
	}
	return out.String()
}

func in(t testing.TB, ns *netlab.NS, f func() error) {
	t.Helper()
	if err := ns.Do(f); err != nil {
		t.Error(err)
	}
}

// dump is what the kernel shows of a device's qdiscs, classes and filters, to
// the bit but for counters and references, and its txqueuelen.
func dump(t testing.TB, ns *netlab.NS, dev string) (lines []string) {
	t.Helper()
	in(t, ns, func() error {
		l, err := netlink.LinkByName(dev)
		if err != nil {
			return err
		}
		a := l.Attrs()
		lines = append(lines, fmt.Sprintf("txqueuelen %d", a.TxQLen))
		ask := func(what string, get, new int, parent uint32) error {
			req := nl.NewNetlinkRequest(get, unix.NLM_F_DUMP)
			req.AddData(&nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(a.Index), Parent: parent})
			list, err := req.Execute(unix.NETLINK_ROUTE, uint16(new))
			for _, m := range list {
				msg := nl.DeserializeTcMsg(m)
				if int(msg.Ifindex) != a.Index {
					continue
				}
				attrs, err := nl.ParseRouteAttr(m[nl.SizeofTcMsg:])
				if err != nil {
					return err
				}
				s := fmt.Sprintf("%s %x parent %x", what, msg.Handle, msg.Parent)
				for _, at := range attrs {
					if ty := at.Attr.Type; ty != nl.TCA_STATS && ty != nl.TCA_STATS2 && ty != nl.TCA_XSTATS && ty != nl.TCA_FCNT {
						s += fmt.Sprintf(" %d:%x", ty, at.Value)
					}
				}
				lines = append(lines, s)
			}
			return err
		}
		if err := ask("qdisc", unix.RTM_GETQDISC, unix.RTM_NEWQDISC, 0); err != nil {
			return err
		}
		if err := ask("class", unix.RTM_GETTCLASS, unix.RTM_NEWTCLASS, 0); err != nil {
			return err
		}
		return ask("filter", unix.RTM_GETTFILTER, unix.RTM_NEWTFILTER, 0)
	})
	slices.Sort(lines)
	return lines
}

// unchanged compares with an earlier dump.
func unchanged(t testing.TB, ns *netlab.NS, dev string, before []string) bool {
	t.Helper()
	after := dump(t, ns, dev)
	if !slices.Equal(before, after) {
		t.Errorf("was\n%s\nis\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
		return false
	}
	return true
}

// A start is a state that a device is in before anything is swapped.
type start struct {
	name   string
	script string // DEV is the device
	tap    bool   // a tap and not a veth
	queue  bool   // it needs a queue
	down   bool
}

var starts = []start{
	{name: "default noqueue"},
	{name: "pfifo limit 77", script: "tc qdisc replace dev DEV root pfifo limit 77"},
	{name: "pfifo with a handle", script: "tc qdisc replace dev DEV root handle 7: pfifo limit 5"},
	{name: "bfifo", script: "tc qdisc replace dev DEV root bfifo limit 12345"},
	{name: "pfifo_fast", script: "tc qdisc replace dev DEV root pfifo_fast"},
	{name: "explicit noqueue", script: "tc qdisc replace dev DEV root noqueue"},
	{name: "mq", script: "tc qdisc replace dev DEV root mq"},
	{name: "mq with differing children", script: `
		tc qdisc replace dev DEV root handle 1: mq
		tc qdisc replace dev DEV parent 1:1 handle 11: pfifo limit 33
		tc qdisc replace dev DEV parent 1:2 bfifo limit 4444
		tc qdisc replace dev DEV parent 1:4 tbf rate 10mbit burst 1514 limit 100000`},
	{name: "tbf", script: "tc qdisc replace dev DEV root tbf rate 10mbit burst 1514 limit 100000"},
	{name: "tbf with a peak and a child", script: `
		tc qdisc replace dev DEV root handle 1: tbf rate 7mbit burst 9999 limit 3000 peakrate 9mbit mtu 1514
		tc qdisc replace dev DEV parent 1:1 handle 2: pfifo limit 9`},
	{name: "txqueuelen changed", script: "ip link set DEV txqueuelen 123"},
	{name: "txqueuelen and pfifo", script: "ip link set DEV txqueuelen 123\ntc qdisc replace dev DEV root pfifo"},
	{name: "txqueuelen 0", script: "ip link set DEV txqueuelen 0"},
	{name: "pfifo, then txqueuelen 0", script: "tc qdisc replace dev DEV root pfifo\nip link set DEV txqueuelen 0"},
	{name: "ingress beside it", script: "tc qdisc add dev DEV clsact\ntc qdisc replace dev DEV root pfifo limit 3"},
	{name: "down", down: true, script: "ip link set DEV down"},
	{name: "tap", tap: true, queue: true},
	{name: "tap with pfifo", tap: true, queue: true, script: "tc qdisc replace dev DEV root pfifo limit 3"},
	{name: "tap without a queue", tap: true, queue: true, script: `
		ip link set DEV txqueuelen 0
		tc qdisc replace dev DEV root pfifo
		ip link set DEV txqueuelen 0
		tc qdisc del dev DEV root`},
}

// kinds are in some kernels only.
var kinds = []start{
	{name: "fq", script: "tc qdisc replace dev DEV root fq limit 5000 flow_limit 50 buckets 256 maxrate 10mbit quantum 3000"},
	{name: "fq without pacing", script: "tc qdisc replace dev DEV root handle 3: fq nopacing"},
	{name: "fq_codel", script: "tc qdisc replace dev DEV root fq_codel limit 999 flows 128 target 7ms interval 70ms noecn"},
	{name: "codel", script: "tc qdisc replace dev DEV root codel limit 99 target 7ms interval 70ms ecn"},
	{name: "sfq", script: "tc qdisc replace dev DEV root sfq limit 100 perturb 10 quantum 3000 depth 20 divisor 512"},
	{name: "mq of fq_codel", script: `
		tc qdisc replace dev DEV root handle 1: mq
		tc qdisc replace dev DEV parent 1:3 fq_codel flows 64 limit 77
		tc qdisc replace dev DEV parent 1:4 handle 4: fq orphan_mask 255`},
}

// begin makes a device in a start state.
func (s *start) begin(t testing.TB) (ns *netlab.NS, dev string) {
	t.Helper()
	pair := testnet.Pair(t, &netlab.PairOptions{Queues: 4})
	ns, dev = pair.A.NS, pair.A.Name
	if s.tap {
		dev = "tap0"
		tc(t, ns, "ip tuntap add dev tap0 mode tap\nip link set tap0 up")
	}
	tc(t, ns, strings.ReplaceAll(s.script, "DEV", dev))
	return ns, dev
}

func spec(t testing.TB, s string) qdisc.Spec {
	t.Helper()
	p, err := qdisc.ParseSpec(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// process is this test binary as another process in ns.
func process(t testing.TB, ns *netlab.NS, what string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), playEnv+"="+what)
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd
}

// play is what another process does on a device.
func play(what string, args []string) error {
	link := qdisc.Link{Name: args[0]}
	switch what {
	case "cycle": // until it is killed
		p, err := qdisc.ParseSpec(args[1])
		if err != nil {
			return err
		}
		fmt.Println("ready")
		for {
			r, err := qdisc.Swap(link, p, &qdisc.Options{Force: true})
			if err != nil {
				return err
			}
			if err := r.Restore(); err != nil {
				return err
			}
		}
	case "contend": // for the device, some times
		for done := 0; done < 5; {
			r, err := qdisc.Swap(link, qdisc.Spec{Kind: qdisc.PFIFO, Limit: uint32(os.Getpid())}, nil)
			if err != nil {
				if !strings.Contains(err.Error(), "holds it") {
					return err
				}
				time.Sleep(time.Millisecond)
				continue
			}
			s, err := qdisc.Get(link)
			if err != nil {
				return err
			}
			if f, ok := s.Qdiscs[0].Options.(qdisc.FIFO); !ok || int(f.Limit) != os.Getpid() {
				return fmt.Errorf("process %d swapped and finds %+v", os.Getpid(), s.Qdiscs)
			}
			if err := r.Restore(); err != nil {
				return err
			}
			done++
		}
		return nil
	case "swap": // once, to see why not
		r, err := qdisc.Swap(link, qdisc.Spec{Kind: args[1]}, nil)
		if err == nil {
			err = r.Restore()
		}
		return err
	case "guard": // a netmap port, until it is killed
		if _, err := qdisc.Guard(link, nil); err != nil {
			return err
		}
		fmt.Println("ready")
		_, err := os.Stdin.Read(make([]byte, 1))
		return err
	case "hold": // swapped, until standard input ends or it is killed
		p, err := qdisc.ParseSpec(args[1])
		if err != nil {
			return err
		}
		r, err := qdisc.Swap(link, p, nil)
		if err != nil {
			return err
		}
		fmt.Println("ready")
		_, err = os.Stdin.Read(make([]byte, 1))
		return errors.Join(err, r.Restore())
	}
	return fmt.Errorf("play what? %q", what)
}

// namespaceFile is a file of the namespace, as a user would open one.
func namespaceFile(t testing.TB, ns *netlab.NS) (f *os.File) {
	t.Helper()
	in(t, ns, func() (err error) {
		f, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if f == nil {
		t.FailNow()
	}
	t.Cleanup(func() { f.Close() })
	return f
}
