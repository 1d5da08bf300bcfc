package suite

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/hw-test/internal/trial"
)

// device finds one of the hub's.
func (h *hub) device(name string) hubDevice {
	return h.devices[slices.IndexFunc(h.devices, func(d hubDevice) bool { return d.name == name })]
}

// says has the bridge say something of itself on a port, again and again until
// the test ends, as one with spanning tree does.
func (h *hub) says(t *testing.T, name string, every time.Duration) {
	t.Helper()
	fd, to := -1, unix.SockaddrLinklayer{Halen: 6, Addr: [8]byte{255, 255, 255, 255, 255, 255}}
	err := h.device(name).ns.Do(func() (err error) {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		to.Ifindex = link.Attrs().Index
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 60)
	copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x07\x88\xb5")
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			if err := unix.Sendto(fd, frame, 0, &to); err != nil {
				t.Error(err)
			}
			select {
			case <-time.After(every):
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
		unix.Close(fd)
	})
}

// TestSwitchSpeaks has frames of the switch come before pktgens begin, which
// wait for each other then, with pauses longer than rcv waits after the last.
func TestSwitchSpeaks(t *testing.T) {
	h := newHub(t, 2, 2)
	for i, f := range h.flows {
		f.To.Noise = 10
		h.says(t, []string{"hop-b0", "hop-b1"}[i], 400*time.Millisecond)
	}
	j, _ := unlessBusy(t, h, lossName, "--sizes=64", "--max-rate=1000", "--duration=300ms", "--settle=200ms", "--rate-tolerance=20", "--stall=100ms")
	row := j.Rows[0]
	if row.Verdict != results.Passed || row.Loss[0].Lost != 0 {
		t.Fatalf("%s: %s", row.Verdict, row.Sentence)
	}
	strays := uint64(0)
	for _, rx := range row.Trials[0].Rcv { // for which the pktgens wait longest
		strays += rx.NotProbe
	}
	if strays < 4 {
		t.Errorf("only %d frames of the switch came", strays)
	}
}

// TestLinkLost sets the switch's side of a link down in the middle of a trial,
// which the sender's device then counts as frames that it dropped. Without the
// link no further trial begins; one waits for it.
func TestLinkLost(t *testing.T) {
	for own, far := range map[string]string{"tg-a0": "hop-a0", "tg-b0": "hop-b0"} {
		h := newHub(t, 1, 1)
		h.flows[0].From.Host, h.flows[0].To.Host = "root@gen.example", "root@sink.example"
		for _, p := range []*testbed.Port{h.flows[0].From, h.flows[0].To} {
			p.Clock.Within = time.Millisecond
		}
		cut := time.AfterFunc(700*time.Millisecond, func() { // programs are ready in some 100 ms
			if err := h.device(far).ns.SetUp(far, false); err != nil {
				t.Error(err)
			}
		})
		defer cut.Stop()
		r := trial.Runner{Env: h, Lengths: "60", Tolerance: 0.2, Stall: time.Second, Settle: 200 * time.Millisecond, Attempts: 1}
		tr, err := r.Run(t.Context(), 500, 1500*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		says := own + " of " + h.host(own) + " lost its link during the trial"
		if why := strings.Join(tr.Why, "; "); tr.Kind != search.Invalid || !strings.Contains(why, says) {
			t.Errorf("%s: %s: %s", own, tr.Kind, why)
		}

		missing := errors.New("no link, says a test")
		h.waitLinks = func() error { return missing }
		r.Done = func(*trial.Trial) { t.Error("a trial began without a link") }
		if _, err := r.Run(t.Context(), 500, 100*time.Millisecond); err != missing {
			t.Errorf("%s: %v", own, err)
		}
		r.Done, h.waitLinks = nil, func() error { return h.device(far).ns.SetUp(far, true) }
		if tr, err = r.Run(t.Context(), 500, 100*time.Millisecond); err != nil || len(tr.Why) > 0 && strings.Contains(tr.Why[0], "link") {
			t.Errorf("%s: %v, %v", own, tr, err)
		}
	}
}
