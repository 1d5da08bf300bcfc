package netmaptest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"golang.org/x/sys/unix"
)

// running opens a port in CSB mode and runs its loop until the test's end.
func running(t *testing.T, d *netmaptest.Device, spec string, c netmap.KloopConfig) *netmap.Port {
	t.Helper()
	p := openWith(t, spec, &netmap.Config{Device: d, Kloop: &c})
	done := make(chan error, 1)
	go func() { done <- p.RunKloop() }()
	t.Cleanup(func() {
		ok(t, p.Close())
		ok(t, <-done)
	})
	return p
}

func TestKloop(t *testing.T) {
	for _, c := range []netmap.KloopConfig{{}, {Sleep: time.Millisecond}, {Events: true}, {Events: true, Mode: netmap.KloopDirectTx | netmap.KloopDirectRx}} {
		for _, pair := range [][2]string{{"netmap:nm0/x", "netmap:nm1"}, {"netmap:x{1/x", "netmap:x}1"}, {"vale0:a/x", "vale0:b"}} {
			d := device(t)
			a, b := running(t, d, pair[0], c), open(t, d, pair[1])
			const n = 300
			var taken atomic.Uint32
			go func() {
				q := a.TX()[0]
				for i := uint32(0); i < n; {
					if q.Ring().Space() == 0 {
						if err := q.Wait(time.Second); err != nil {
							t.Error(err)
							return
						}
						continue
					}
					s := q.Ring().Slot(q.Ring().Head())
					s.Len = uint16(copy(q.Ring().Buffer(s), frame60))
					binary.BigEndian.PutUint32(q.Ring().Buffer(s)[20:], i)
					q.Ring().Advance(1)
					if i++; i%8 == 0 || i == n {
						if err := q.Sync(); err != nil {
							t.Error(err)
							return
						}
					}
					for begin := time.Now(); i%16 == 0 && i > taken.Load() && time.Since(begin) < 5*time.Second; {
						time.Sleep(100 * time.Microsecond) // a full ring loses what comes
					}
				}
			}()
			rx, back := b.RX()[0], b.TX()[0]
			var seen uint32
			for begin := time.Now(); seen < n && time.Since(begin) < 10*time.Second; {
				ok(t, rx.Wait(100*time.Millisecond))
				for _, frame := range take(t, rx) {
					if i := binary.BigEndian.Uint32(frame[20:]); i != seen {
						t.Fatalf("%s, %+v: frame %d came where %d was due", pair[0], c, i, seen)
					}
					seen++
					taken.Store(seen)
				}
			}
			if seen != n {
				t.Fatalf("%s, %+v: %d of %d frames came", pair[0], c, seen, n)
			}
			// The other way: the receiver waits in CSB mode.
			go func() {
				time.Sleep(5 * time.Millisecond)
				send(t, back, frame60)
			}()
			q := a.RX()[0]
			ok(t, q.Wait(5*time.Second))
			if all := take(t, q); len(all) != 1 || !bytes.Equal(all[0], frame60) {
				t.Errorf("%s, %+v: received %x", pair[0], c, all)
			}
		}
	}
}

func TestKloopMisuse(t *testing.T) {
	d := device(t)
	for what, c := range map[string]netmap.KloopConfig{
		"sleep": {Sleep: 2 * time.Second}, "mode": {Events: true, Mode: 4}, "Events": {Mode: netmap.KloopDirectTx},
	} {
		_, err := netmap.Open("netmap:nm0/x", &netmap.Config{Device: d, Kloop: &c})
		refused(t, what, err, unix.EINVAL, what)
	}
	_, err := netmap.Open("netmap:nm0", &netmap.Config{Device: d, Kloop: &netmap.KloopConfig{}})
	refused(t, "rings that are not exclusive", err, unix.EINVAL, "/x")

	plain := open(t, d, "netmap:nm1")
	refused(t, "a loop without CSB", plain.RunKloop(), netmap.ErrNotSupported, "Config.Kloop")
	ok(t, plain.StopKloop())

	p := openWith(t, "netmap:nm0/x", &netmap.Config{Device: d, Kloop: &netmap.KloopConfig{Events: true}})
	ok(t, p.StopKloop()) // none runs
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- p.RunKloop() }()
	}
	refused(t, "the second loop", <-done, unix.EBUSY, "already")
	ok(t, p.StopKloop())
	ok(t, <-done)
	// It can run again, and Close ends it.
	go func() { done <- p.RunKloop() }()
	q := p.RX()[0]
	ok(t, q.Wait(10*time.Millisecond))
	q.Ring().SetHead(1)
	if err := q.Sync(); !errors.Is(err, netmap.ErrRing) {
		t.Errorf("head outside of the ring: %v", err)
	}
	ok(t, p.Close())
	ok(t, <-done)
	refused(t, "a loop on a closed port", p.RunKloop(), netmap.ErrClosed, "closed")
	refused(t, "a stop on a closed port", p.StopKloop(), netmap.ErrClosed, "closed")
	if err := q.Sync(); !errors.Is(err, netmap.ErrClosed) {
		t.Errorf("a sync on a closed port: %v", err)
	}
	if err := q.Wait(time.Second); !errors.Is(err, netmap.ErrClosed) {
		t.Errorf("a wait on a closed port: %v", err)
	}
}
