package qdisc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/qdisc"
)

// Every start state comes back from every spec, by the kernel's own dump.
func TestSwapAndRestore(t *testing.T) {
	specs := strings.Fields("noqueue pfifo pfifo:10 bfifo bfifo:15000 pfifo_fast default " +
		"noqueue,txqueuelen=17 pfifo,txqueuelen=17 pfifo:3,txqueuelen=0 pfifo_fast,txqueuelen=17 default,txqueuelen=17 default,txqueuelen=0")
	all := slices.Clone(starts)
	for _, st := range kinds {
		if kind, _, _ := strings.Cut(st.name, " "); kind == "mq" || has(t, kind) {
			all = append(all, st)
		} else {
			t.Logf("this kernel has no %s", st.name)
		}
	}
	for _, st := range all {
		if strings.Contains(st.script, "fq_codel") && !has(t, "fq_codel") {
			continue
		}
		t.Run(st.name, func(t *testing.T) {
			ns, dev := st.begin(t)
			before := dump(t, ns, dev)
			for _, name := range specs {
				p := spec(t, name)
				in(t, ns, func() error {
					r, err := qdisc.Swap(qdisc.Link{Name: dev}, p, &qdisc.Options{Force: st.queue})
					if strings.Contains(before[len(before)-1], "txqueuelen 0") && name == "pfifo_fast" {
						if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "rings of the size") {
							t.Errorf("%s with txqueuelen 0: %v", name, err)
						}
						return nil
					}
					if err != nil {
						return err
					}
					s, err := qdisc.Get(qdisc.Link{Name: dev})
					if err != nil {
						return err
					}
					is(t, s, p)
					return r.Restore()
				})
				if st.down {
					// The kernel shows no default of a device that has not been up.
					tc(t, ns, "ip link set "+dev+" up\nip link set "+dev+" down")
				}
				if !unchanged(t, ns, dev, before) {
					t.Fatalf("after %s", name)
				}
			}
		})
	}
}

// is checks that a device has what a spec asked for.
func is(t *testing.T, s *qdisc.State, p qdisc.Spec) {
	t.Helper()
	if p.TxQueueLen != nil && s.TxQueueLen != *p.TxQueueLen {
		t.Errorf("%v: txqueuelen is %d", p, s.TxQueueLen)
	}
	if p.Kind == qdisc.Default {
		if !s.Default() {
			t.Errorf("%v: is %+v", p, s.Qdiscs)
		}
		return
	}
	root := s.Qdiscs[0]
	if root.Kind != p.Kind || root.Handle == 0 || root.Parent != qdisc.Root {
		t.Errorf("%v: is %+v", p, root)
	}
	if f, ok := root.Options.(qdisc.FIFO); ok && p.Limit != 0 && f.Limit != p.Limit || ok && f.Limit == 0 {
		t.Errorf("%v: limit is %d", p, f.Limit)
	}
}

// A tree that cannot come back is refused, and nothing of it is touched.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, script, says string }{
		{"htb", `
			tc qdisc replace dev DEV root handle 1: htb default 10
			tc class add dev DEV parent 1: classid 1:10 htb rate 10mbit
			tc class add dev DEV parent 1: classid 1:20 htb rate 20mbit
			tc qdisc replace dev DEV parent 1:20 handle 20: pfifo limit 3
			tc filter add dev DEV parent 1: protocol ip u32 match ip dport 9 0xffff flowid 1:20`,
			"htb 1: has classes or settings"},
		{"htb below mq", "tc qdisc replace dev DEV root handle 1: mq\ntc qdisc replace dev DEV parent 1:2 handle 2: htb",
			"htb 2: has classes or settings"},
		{"size table", "tc qdisc replace dev DEV root handle 3: stab overhead 4 linklayer atm tbf rate 1mbit burst 5000 limit 9000", "size table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := start{script: c.script}
			ns, dev := st.begin(t)
			before := dump(t, ns, dev)
			in(t, ns, func() error {
				_, err := qdisc.Swap(qdisc.Link{Name: dev}, qdisc.Spec{Kind: qdisc.NoQueue}, nil)
				if !errors.Is(err, qdisc.ErrNotExact) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("swap: %v", err)
				}
				if _, err := qdisc.Guard(qdisc.Link{Name: dev}, nil); !errors.Is(err, qdisc.ErrNotExact) {
					t.Errorf("guard: %v", err)
				}
				return nil
			})
			unchanged(t, ns, dev, before)
		})
	}
}

// Forced, what can come back does, and the rest is told.
func TestForced(t *testing.T) {
	st := start{script: "tc qdisc replace dev DEV root handle 1: htb default 10\ntc class add dev DEV parent 1: classid 1:10 htb rate 10mbit"}
	ns, dev := st.begin(t)
	in(t, ns, func() error {
		r, err := qdisc.Swap(qdisc.Link{Name: dev}, qdisc.Spec{Kind: qdisc.NoQueue}, &qdisc.Options{Force: true})
		if err != nil {
			return err
		}
		if err := r.Restore(); !errors.Is(err, qdisc.ErrNotExact) || !strings.Contains(err.Error(), "htb 1: cannot be made again") {
			t.Errorf("restore: %v", err)
		}
		s, err := qdisc.Get(qdisc.Link{Name: dev})
		if err == nil && !s.Default() {
			t.Errorf("%+v", s)
		}
		return err
	})
}

func TestNeedsQueue(t *testing.T) {
	st := start{tap: true}
	ns, dev := st.begin(t)
	before := dump(t, ns, dev)
	in(t, ns, func() error {
		for _, p := range []string{"noqueue", "default,txqueuelen=0"} {
			_, err := qdisc.Swap(qdisc.Link{Name: dev}, spec(t, p), nil)
			if !errors.Is(err, qdisc.ErrNeedsQueue) || !strings.Contains(err.Error(), "drops") {
				t.Errorf("%s: %v", p, err)
			}
		}
		return nil
	})
	unchanged(t, ns, dev, before)
}

func TestUnknown(t *testing.T) {
	pair := testnet.Pair(t, nil)
	dev := pair.A.Name
	before := dump(t, pair.A.NS, dev)
	in(t, pair.A.NS, func() error {
		for _, l := range []qdisc.Link{{Name: "nosuch0"}, {Index: 4711}} {
			if _, err := qdisc.Get(l); !errors.Is(err, unix.ENODEV) || !strings.HasSuffix(err.Error(), "no such device") {
				t.Errorf("get: %v", err)
			}
			if _, err := qdisc.Swap(l, qdisc.Spec{Kind: qdisc.NoQueue}, nil); !errors.Is(err, unix.ENODEV) {
				t.Errorf("swap: %v", err)
			}
			if _, err := qdisc.Guard(l, nil); !errors.Is(err, unix.ENODEV) {
				t.Errorf("guard: %v", err)
			}
		}
		if _, err := qdisc.Get(qdisc.Link{}); !errors.Is(err, unix.EINVAL) {
			t.Errorf("no name: %v", err)
		}
		if _, err := qdisc.Swap(qdisc.Link{Name: dev}, qdisc.Spec{Kind: "htb"}, nil); err == nil || !strings.Contains(err.Error(), "none of those that can be set") {
			t.Errorf("htb: %v", err)
		}
		return nil
	})
	unchanged(t, pair.A.NS, dev, before)
}

// A device in another namespace, from this one.
func TestElsewhere(t *testing.T) {
	pair := testnet.Pair(t, nil)
	before := dump(t, pair.A.NS, pair.A.Name)
	f := namespaceFile(t, pair.A.NS)
	for _, l := range []qdisc.Link{{Name: pair.A.Name, NS: f}, {Index: pair.A.Index, NS: f}} {
		r, err := qdisc.Swap(l, spec(t, "pfifo:9"), nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := qdisc.Get(l)
		if err != nil {
			t.Fatal(err)
		}
		is(t, s, spec(t, "pfifo:9"))
		if err := r.Restore(); err != nil {
			t.Error(err)
		}
		unchanged(t, pair.A.NS, pair.A.Name, before)
	}
	f.Close()
	if _, err := qdisc.Get(qdisc.Link{Name: pair.A.Name, NS: f}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed namespace: %v", err)
	}
}

func TestRemovedWhileSwapped(t *testing.T) {
	pair := testnet.Pair(t, nil)
	in(t, pair.A.NS, func() error {
		r, err := qdisc.Swap(qdisc.Link{Name: pair.A.Name}, spec(t, "pfifo:9"), nil)
		if err != nil {
			return err
		}
		if err := pair.A.NS.Delete(pair.A.Name); err != nil {
			return err
		}
		if err := r.Restore(); !errors.Is(err, qdisc.ErrGone) || !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), pair.A.Name) {
			t.Errorf("restore: %v", err)
		}
		return r.Restore()
	})
}

// What an administrator sets in the meantime stays.
func TestChangedMeanwhile(t *testing.T) {
	for _, c := range []struct{ name, script, after string }{
		{"another qdisc", "tc qdisc replace dev DEV root bfifo limit 999", "bfifo"},
		{"deleted", "tc qdisc del dev DEV root", "noqueue by default"},
		{"the same qdisc with another limit", "tc qdisc change dev DEV root pfifo limit 8", "pfifo"},
		{"only the txqueuelen", "ip link set DEV txqueuelen 321", "txqueuelen is 321"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := start{script: "tc qdisc replace dev DEV root handle 7: pfifo limit 77"}
			ns, dev := st.begin(t)
			in(t, ns, func() error {
				r, err := qdisc.Swap(qdisc.Link{Name: dev}, spec(t, "pfifo:9,txqueuelen=55"), nil)
				if err != nil {
					return err
				}
				tc(t, ns, strings.ReplaceAll(c.script, "DEV", dev))
				if err := r.Restore(); !errors.Is(err, qdisc.ErrChanged) || !strings.Contains(err.Error(), c.after) {
					t.Errorf("restore: %v", err)
				}
				s, err := qdisc.Get(qdisc.Link{Name: dev})
				if err != nil {
					return err
				}
				if onlyLength := strings.Contains(c.after, "txqueuelen"); onlyLength != (s.Qdiscs[0].Handle == 0x70000) {
					t.Errorf("left %+v", s.Qdiscs)
				} else if want := map[bool]int{false: 1000, true: 321}[onlyLength]; s.TxQueueLen != want {
					t.Errorf("txqueuelen %d, want %d", s.TxQueueLen, want)
				}
				return nil
			})
		})
	}
}
