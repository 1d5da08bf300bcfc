package self

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// switched are two pairs of ports at one bridge, which may know where the
// receivers are:
//
//	tx0 ── sw-tx0 ┐        ┌ sw-rx0 ── rx0
//	tx1 ── sw-tx1 ┴ bridge ┴ sw-rx1 ── rx1
type switched struct {
	testbed.Environment
	flows []testbed.Flow
	nodes []*netlab.NS // those of the receivers
}

func newSwitched(t *testing.T, knows bool) *switched {
	t.Helper()
	s, middle := new(switched), testnet.NS(t) // skips where there are no rights
	err := middle.Bridge()
	if errors.Is(err, unix.EOPNOTSUPP) {
		testnet.Skip(t, "no bridge: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	port := func(name string, mac net.HardwareAddr) (*testbed.Port, *netlab.NS) {
		ns := testnet.NS(t)
		_, err := netlab.NewPair(ns, middle, &netlab.PairOptions{NameA: name, NameB: "sw-" + name})
		if err == nil {
			err = middle.Plug("sw-"+name, mac)
		}
		if err != nil {
			t.Fatal(err)
		}
		return &testbed.Port{Spec: "packet:" + name, Device: name, Launch: program.Process(ns.Start), Exact: true, Noise: 10}, ns
	}
	for i := range 2 {
		mac := net.HardwareAddr{2, 0, 0, 0, 1, byte(i)}
		from, _ := port(fmt.Sprintf("tx%d", i), nil)
		from.Flags = []string{"--dst-mac", mac.String()}
		if !knows {
			mac = nil
		}
		to, ns := port(fmt.Sprintf("rx%d", i), mac)
		s.flows, s.nodes = append(s.flows, testbed.Flow{From: from, To: to}), append(s.nodes, ns)
	}
	return s
}

func (s *switched) Describe() testbed.Description { return testbed.Description{Kind: "local"} }
func (s *switched) Flows() []testbed.Flow         { return s.flows }
func (s *switched) Close() error                  { return nil }
func (s *switched) Paths() []string               { return []string{s.flows[0].String(), s.flows[1].String()} }

func (s *switched) Open(context.Context) (testbed.Environment, error) { return s, nil }

func (s *switched) Counters() (list []testbed.Counters, err error) {
	for i, ns := range s.nodes {
		err := ns.Do(func() error {
			c, err := new(testbed.Here).Counters(s.flows[i].To.Device)
			c.Role, c.Device = testbed.Receiver, s.flows[i].To.Device
			list = append(list, c)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// TestFlooded has a bridge send frames to all its ports, which is no fault of
// one path's rows, and is said.
func TestFlooded(t *testing.T) {
	for _, knows := range []bool{false, true} {
		env := newSwitched(t, knows)
		r, err := Over(&Options{Sizes: "60,128", Queues: "1", Send: 200 * time.Millisecond, Rung: auto}, env, 1000)
		if err != nil {
			t.Fatal(err)
		}
		s := new(session.Session)
		s.Preflight = new(preflight.Report)
		var out strings.Builder
		if err := r.Run(t.Context(), s, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(s.Suites[0].Notes, "\n")
		for i := range 2 {
			note := fmt.Sprintf("Frames of %s came to packet:rx%d, too", env.flows[i], 1-i)
			if n := strings.Count(notes, note); (n == 1) == knows {
				t.Errorf("the bridge knows: %v, and %d times %q:\n%s", knows, n, note, out.String())
			}
		}
		if !strings.Contains(out.String(), "4 of 4 rows hold") {
			t.Error(out.String())
		}
	}
}
