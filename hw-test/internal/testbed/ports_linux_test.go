package testbed

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// within runs f in a namespace with a veth pair of which both ends are there.
func within(t *testing.T, f func(a, b netlab.End) error) {
	t.Helper()
	ns := testnet.NS(t)
	p, err := netlab.NewPair(ns, ns, &netlab.PairOptions{NameA: "va", NameB: "vb"})
	if err == nil {
		err = ns.Do(func() error { return f(p.A, p.B) })
	}
	if err != nil {
		t.Error(err)
	}
}

func TestPorts(t *testing.T) {
	within(t, func(a, b netlab.End) error {
		here := new(Here)
		o := PortOptions{Kind: "local", Src: "10.0.0.1", Ways: []Way{{
			From: End{here, a.Name, []int{0}}, To: End{here, "packet:" + b.Name, []int{0, 1}},
			Via: []Passage{{HopIn, here, "lo"}}, Path: "x.a → x.b",
		}}}
		env, err := NewPorts(t.Context(), &o)
		if err != nil {
			return err
		}
		defer env.Close()
		tx, rx := env.Flows()[0].From, env.Flows()[0].To
		if tx.Spec != "packet:va" || rx.Device != "vb" || !tx.Exact || !rx.Exact || tx.LinkBPS != 0 || rx.Late != 0 || rx.Noise == 0 {
			t.Errorf("%+v\n%+v", tx, rx)
		}
		if want := []string{"-a", "0,0", "-p", "1", "--dst-mac", b.MAC.String(), "--src", "10.0.0.1"}; !slices.Equal(tx.Flags, want) {
			t.Errorf("pktgen's flags %q, want %q", tx.Flags, want)
		}
		if want := []string{"-a", "0,1", "-p", "2", "--clocks", "same"}; !slices.Equal(rx.Flags, want) {
			t.Errorf("rcv's flags %q, want %q", rx.Flags, want)
		}
		list, err := env.Counters()
		if err != nil {
			return err
		}
		var seen []string
		for _, c := range list {
			seen = append(seen, string(c.Role)+" "+c.Device+" "+c.Qdisc.Kind)
		}
		if got := strings.Join(seen, ", "); got != "sender va noqueue, hop in lo noqueue, receiver vb noqueue" {
			t.Error(got)
		}
		if d := env.Describe(); d.Kind != "local" || d.What != "pktgen on va and rcv on packet:vb of this host: x.a → x.b" || len(d.Limits) != 1 {
			t.Errorf("%+v", d) // the limit: va was a bare name
		}
		// A cable comes off, and back.
		if err := b.NS.SetUp(b.Name, false); err != nil {
			return err
		}
		p := env.(*ports)
		p.linkTime = 100 * time.Millisecond
		if err := p.WaitLinks(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "interface va has no link (looked for 100ms): look at the cable") {
			t.Error(err)
		}
		p.linkTime, p.options.LinkWait = linkTime, 200*time.Millisecond
		plugged := time.Now().Add(100 * time.Millisecond)
		time.AfterFunc(time.Until(plugged), func() {
			if err := b.NS.SetUp(b.Name, true); err != nil {
				t.Error(err)
			}
		})
		if err := p.WaitLinks(t.Context()); err != nil || time.Now().Before(plugged.Add(200*time.Millisecond)) {
			t.Errorf("%v, %v after", err, time.Since(plugged))
		}
		// A host that forwards would send on what it receives.
		if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+b.Name+"/forwarding", []byte("1"), 0); err != nil {
			return err
		}
		env, err = NewPorts(t.Context(), &o)
		if err != nil {
			return err
		}
		if !slices.Contains(env.Flows()[0].From.Flags, nobody.String()) || !strings.Contains(strings.Join(env.Describe().Limits, "\n"), "forwards") {
			t.Errorf("%q, %+v", env.Flows()[0].From.Flags, env.Describe())
		}
		return env.Close()
	})
}

// TestPortsRefuses: each thing that is wrong has its own sentence, and only
// what is missing is a reason to skip.
func TestPortsRefuses(t *testing.T) {
	within(t, func(a, b netlab.End) error {
		here := new(Here)
		end := func(spec string) End { return End{Host: here, Spec: spec} }
		from, to := end("packet:"+a.Name), end("packet:"+b.Name)
		way := func(from, to End, via ...Passage) PortOptions {
			return PortOptions{Kind: "local", Ways: []Way{{From: from, To: to, Via: via}}}
		}
		for _, c := range []struct {
			o       PortOptions
			says    string
			missing bool
		}{
			{way(end("packet:no0"), to), `no interface "no0" here`, true},
			{way(from, end("no1")), `no interface "no1" here`, true},
			{way(from, to, Passage{HopIn, here, "no2"}), `of the device under test: no interface "no2" here`, true},
			{way(from, end(a.Name)), "both ports, packet:va and packet:va, are on the interface va", false},
			{way(end("netmap:"+a.Name), to), "netmap", true},
		} {
			if _, err := os.Stat("/dev/netmap"); err == nil && c.says == "netmap" {
				continue
			}
			env, err := NewPorts(t.Context(), &c.o)
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, ErrMissing) != c.missing {
				t.Errorf("%+v: %v, %v", c.o, env, err)
			}
		}
		o := way(from, to)
		route := &netlink.Route{LinkIndex: a.Index, Scope: netlink.SCOPE_LINK, Dst: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}}
		if err := netlink.RouteAdd(route); err != nil {
			return err
		}
		if _, err := NewPorts(t.Context(), &o); err == nil || !strings.Contains(err.Error(), "default route") || errors.Is(err, ErrMissing) {
			t.Errorf("with a default route: %v", err)
		}
		if err := netlink.RouteDel(route); err != nil {
			return err
		}
		link, err := netlink.LinkByName(b.Name)
		if err == nil {
			err = netlink.LinkSetDown(link)
		}
		if err != nil {
			return err
		}
		if _, err := NewPorts(t.Context(), &o); err == nil || !strings.Contains(err.Error(), "down") || errors.Is(err, ErrMissing) {
			t.Errorf("down: %v", err)
		}
		// Down is the other end only: no carrier here, and no patience either.
		o.Ways[0].To = end("packet:lo")
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := NewPorts(ctx, &o); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no carrier: %v", err)
		}
		return nil
	})
}

func TestCheckSpec(t *testing.T) {
	for spec, says := range map[string]string{
		"eth0": "", "packet:eth0": "", "netmap:eth0-1": "", "netmap:eth0@conf:slots=64": "", "vale0:a": "", "netmap:x{1": "",
		"": "none of", "packet:": "none of", "udp:1.2.3.4:5": "none of", "pcap:f": "none of", "xdp:eth0": "none of", "a b": "none of",
		"netmap:": "netmap:", "netmap:eth0/x": "exclusive",
	} {
		if err := CheckSpec(spec); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", spec, err, says)
		}
	}
}

// TestFlush: what lies in the rings of a port that stays open is gone when a
// trial begins.
func TestFlush(t *testing.T) {
	dev := netmaptest.New(nil)
	hold, err := engine.Open("vale0:b", &engine.Config{Device: dev})
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	tx, err := engine.Open("vale0:a", &engine.Config{TX: 1, Device: dev})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	frames := func() int {
		p, err := engine.Open("vale0:b", &engine.Config{RX: 1, Device: dev})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if err := p.RX()[0].Sync(); err != nil {
			t.Fatal(err)
		}
		return p.RX()[0].Ring().Space()
	}
	ring := tx.TX()[0].Ring()
	for i := range 5 {
		s := &ring.Slots()[int(ring.Head())+i]
		s.Len = uint16(copy(ring.Bytes(s)[:60], "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5"))
		s.Len = 60
	}
	ring.Advance(5)
	if err := tx.TX()[0].Sync(); err != nil {
		t.Fatal(err)
	}
	if n := frames(); n != 5 {
		t.Fatalf("%d frames wait, want 5", n)
	}
	if err := flush("vale0:b", dev); err != nil {
		t.Fatal(err)
	}
	if n := frames(); n != 0 {
		t.Errorf("%d frames are left", n)
	}
}
