package engine_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// cpus returns the CPUs that this process may run on.
func cpus(t *testing.T) (all []int) {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all
}

// on runs f on a thread of its own that runs on one CPU only.
func on(t *testing.T, cpu int, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		var set unix.CPUSet
		set.Set(cpu)
		err := unix.SchedSetaffinity(0, &set)
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// spread sends n packets from a CPU and returns how many each queue got.
func spread(t *testing.T, rx []engine.RxQueue, tx engine.TxQueue, cpu, n int, frame bool) []int {
	t.Helper()
	got := make([]int, len(rx))
	for sent := 0; sent < n; sent += 50 {
		var err error
		on(t, cpu, func() {
			r := tx.Ring()
			for range 50 {
				s := r.Slot(r.Head())
				s.Len = 60
				if frame {
					copy(r.Bytes(s), benchFrame)
				}
				binary.BigEndian.PutUint64(r.Bytes(s)[42:], uint64(sent))
				r.Advance(1)
			}
			_, err = tx.Drain(5 * time.Second)
		})
		if err != nil {
			t.Fatal(err)
		}
		total := func() (k int) {
			for _, g := range got {
				k += g
			}
			return k
		}
		for end := time.Now().Add(5 * time.Second); total() < sent+50; {
			if time.Now().After(end) {
				t.Fatalf("%d of %d came", total(), sent+50)
			}
			for i, q := range rx {
				if err := q.Sync(); err != nil {
					t.Fatal(err)
				}
				got[i] += q.Ring().Space()
				q.Ring().Advance(q.Ring().Space())
			}
		}
	}
	return got
}

// TestSteer sends one flow from each CPU to two queues, over loopback to
// sockets of UDP and over a veth pair to packet sockets: either way the CPU that
// sends is the one that receives.
func TestSteer(t *testing.T) {
	pair := testnet.Pair(t, nil)
	lo := testnet.NS(t)
	all := cpus(t)
	const n = 1000
	for _, udp := range []bool{true, false} {
		for _, c := range []struct {
			steer engine.Steer
			cpus  []int
		}{
			{engine.SteerHash, nil}, {engine.SteerCPU, nil}, {engine.SteerCPU, []int{all[len(all)-1], all[0]}},
			{engine.SteerRandom, nil}, {engine.SteerRoundRobin, nil},
		} {
			if udp && c.steer == engine.SteerRoundRobin {
				continue
			}
			t.Run(fmt.Sprintf("udp=%v/%v/%v", udp, c.steer, c.cpus), func(t *testing.T) {
				cfg := &engine.Config{RX: 2, Steer: c.steer, SteerCPUs: c.cpus}
				var in, out *engine.Port
				if udp {
					in = openIn(t, lo, "udp:@127.0.0.1:4000", cfg)
					out = openIn(t, lo, "udp:127.0.0.1:4000", &engine.Config{TX: 1, NoGSO: true})
				} else {
					in = openIn(t, pair.B.NS, "packet:"+pair.B.Name, cfg)
					out = openIn(t, pair.A.NS, "packet:"+pair.A.Name, &engine.Config{TX: 1})
				}
				defer in.Close()
				defer out.Close()
				var last []int
				for _, cpu := range all {
					got := spread(t, in.RX(), out.TX()[0], cpu, n, !udp)
					switch c.steer {
					case engine.SteerHash:
						if got[0] != 0 && got[1] != 0 || last != nil && !slices.Equal(got, last) {
							t.Errorf("one flow from CPU %d goes to both queues: %d", cpu, got)
						}
					case engine.SteerCPU:
						want := cpu % 2
						if i := slices.Index(c.cpus, cpu); i >= 0 {
							want = i
						}
						if got[want] != n {
							t.Errorf("from CPU %d, want all in queue %d: %d", cpu, want, got)
						}
					case engine.SteerRandom:
						if min(got[0], got[1]) < n/3 {
							t.Errorf("by chance: %d", got)
						}
					case engine.SteerRoundRobin:
						if got[0] != n/2 {
							t.Errorf("in turn: %d", got)
						}
					}
					last = got
				}
			})
		}
	}
}

// TestSteerRefused has what Config cannot mean.
func TestSteerRefused(t *testing.T) {
	for _, c := range []engine.Config{
		{RX: 2, Steer: 9}, {RX: 2, SteerCPUs: []int{0, 1}}, {RX: 2, Steer: engine.SteerRandom, SteerCPUs: []int{0, 1}},
		{RX: 2, Steer: engine.SteerCPU, SteerCPUs: []int{0}}, {RX: 2, Steer: engine.SteerCPU, SteerCPUs: []int{3, 3}},
	} {
		if _, err := engine.Open("udp:@127.0.0.1:9", &c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	for _, name := range []string{"hash", "cpu", "random", "round-robin"} {
		if s, ok := engine.ParseSteer(name); !ok || s.String() != name {
			t.Errorf("%s reads as %v", name, s)
		}
	}
	if _, ok := engine.ParseSteer("none"); ok {
		t.Error("none is a way")
	}
}
