package qdisc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/qdisc"
)

// What emulated netmap leaves behind, made here by tc: a pfifo with a handle
// and a limit of the kernel's, or an mq with default children. The real module
// is held to the same by TestMachineQdisc of hw-test.
func TestGuard(t *testing.T) {
	const pfifo, mq = "tc qdisc replace dev DEV root pfifo", "tc qdisc replace dev DEV root handle 12: mq"
	for i := range starts {
		st := &starts[i]
		if st.down {
			continue
		}
		t.Run(st.name, func(t *testing.T) {
			ns, dev := st.begin(t)
			before := dump(t, ns, dev)
			for _, leaves := range []string{"", pfifo, mq} {
				if leaves == mq && st.tap {
					continue // one queue
				}
				in(t, ns, func() error {
					r, err := qdisc.Guard(qdisc.Link{Name: dev}, nil)
					if err != nil {
						return err
					}
					second, err := qdisc.Guard(qdisc.Link{Name: dev}, nil)
					if err != nil {
						return err
					}
					if _, err := qdisc.Swap(qdisc.Link{Name: dev}, spec(t, "pfifo"), nil); err == nil || !strings.Contains(err.Error(), "a netmap port is open on it") {
						t.Errorf("swap: %v", err)
					}
					tc(t, ns, strings.ReplaceAll(leaves, "DEV", dev))
					left := dump(t, ns, dev)
					if err := r.Restore(); err != nil {
						return err
					}
					unchanged(t, ns, dev, left) // the second is there still
					return second.Restore()
				})
				if !unchanged(t, ns, dev, before) {
					t.Fatalf("after %q", leaves)
				}
			}
		})
	}
}

func TestGuardLeavesAlone(t *testing.T) {
	ns, dev := starts[1].begin(t)
	in(t, ns, func() error {
		r, err := qdisc.Guard(qdisc.Link{Name: dev}, nil)
		if err != nil {
			return err
		}
		tc(t, ns, "tc qdisc replace dev "+dev+" root handle 3: pfifo limit 5")
		changed := dump(t, ns, dev)
		if err := r.Restore(); !errors.Is(err, qdisc.ErrChanged) {
			t.Errorf("restore: %v", err)
		}
		unchanged(t, ns, dev, changed)
		return nil
	})
}

// A program with a netmap port was killed; whoever swaps next, or recovers,
// gets what was before it and not what netmap left.
func TestGuardKilled(t *testing.T) {
	for _, after := range []string{"swap", "guard", "recover"} {
		ns, dev := starts[1].begin(t)
		before := dump(t, ns, dev)
		cmd, _ := begin(t, ns, "guard", dev)
		tc(t, ns, "tc qdisc replace dev "+dev+" root pfifo")
		kill(t, cmd)
		link := qdisc.Link{Name: dev}
		in(t, ns, func() (err error) {
			var r *qdisc.Restorer
			switch after {
			case "swap":
				r, err = qdisc.Swap(link, spec(t, "bfifo"), nil)
			case "guard":
				r, err = qdisc.Guard(link, nil)
			case "recover":
				err = qdisc.Recover(&link, nil)
			}
			return errors.Join(err, r.Restore())
		})
		unchanged(t, ns, dev, before)
	}
}

// A guard over what was set to stay keeps that.
func TestGuardOverSet(t *testing.T) {
	ns, dev := starts[1].begin(t)
	before := dump(t, ns, dev)
	link := qdisc.Link{Name: dev}
	in(t, ns, func() error {
		if err := qdisc.Set(link, spec(t, "bfifo:2000"), nil); err != nil {
			return err
		}
		set := dump(t, ns, dev)
		r, err := qdisc.Guard(link, nil)
		if err != nil {
			return err
		}
		tc(t, ns, "tc qdisc replace dev "+dev+" root pfifo")
		if err := r.Restore(); err != nil {
			return err
		}
		unchanged(t, ns, dev, set)
		return qdisc.RestoreSet(link)
	})
	unchanged(t, ns, dev, before)
}
