package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// stamped sends packets one by one until they are stamped, which begins some
// time after the port is opened, and then some more, whose times it checks
// against the clock.
func stamped(t *testing.T, tx engine.TxQueue, rx engine.RxQueue, packet []byte) {
	t.Helper()
	const slack = int64(time.Millisecond) // the clock may be slewed
	var last int64
	for got, deadline := 0, time.Now().Add(10*time.Second); got < 100; {
		if time.Now().After(deadline) {
			t.Fatalf("%d packets with a time after 10 s", got)
		}
		before := time.Now().UnixNano()
		sendFrames(t, tx, packet)
		_, metas := receive(t, rx, 1)
		after := time.Now().UnixNano()
		switch at := metas[0].Time; {
		case at == 0 && got == 0:
			time.Sleep(time.Millisecond)
			continue
		case at < before-slack || at > after+slack:
			t.Fatalf("packet %d is of %d, sent at %d or later, received by %d", got, at, before, after)
		case at < last-slack:
			t.Fatalf("packet %d is of %d, the one before of %d", got, at, last)
		default:
			last = at
		}
		got++
	}
}

func TestPacketTimestamps(t *testing.T) {
	from, to, _ := veth(t, nil, &engine.Config{TX: 1}, &engine.Config{RX: 1, Timestamps: engine.SoftwareTimestamps})
	if info := to.Info(); info.Timestamps != engine.SoftwareTimestamps || len(info.Notes) != 0 {
		t.Errorf("stamped by %v, notes %q", info.Timestamps, info.Notes)
	}
	stamped(t, from.TX()[0], to.RX()[0], frame(60, experimental))
	stamped(t, from.TX()[0], to.RX()[0], frame(60, "\x81\x00\x00\x05"+experimental))

	// A veth stamps nothing: the kernel does it, and that is said.
	from, to, _ = veth(t, nil, &engine.Config{TX: 1}, &engine.Config{RX: 1, Timestamps: engine.HardwareTimestamps})
	info := to.Info()
	if info.Timestamps != engine.SoftwareTimestamps || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "are software, not hardware") {
		t.Errorf("stamped by %v, notes %q", info.Timestamps, info.Notes)
	}
	stamped(t, from.TX()[0], to.RX()[0], frame(60, experimental))

	// Not asked, not stamped.
	from, to, _ = veth(t, nil, &engine.Config{TX: 1}, &engine.Config{RX: 1})
	sendFrames(t, from.TX()[0], frame(60, experimental))
	if _, metas := receive(t, to.RX()[0], 1); metas[0].Time != 0 || to.Info().Timestamps != engine.NoTimestamps {
		t.Errorf("time %d, stamped by %v", metas[0].Time, to.Info().Timestamps)
	}
}

func TestUDPTimestamps(t *testing.T) {
	ns := testnet.NS(t)
	to := openIn(t, ns, "udp:@127.0.0.1:9000", &engine.Config{RX: 1, Timestamps: engine.SoftwareTimestamps})
	from := openIn(t, ns, "udp:127.0.0.1:9000", &engine.Config{TX: 1})
	if info := to.Info(); info.Timestamps != engine.SoftwareTimestamps || len(info.Notes) != 0 {
		t.Errorf("stamped by %v, notes %q", info.Timestamps, info.Notes)
	}
	stamped(t, from.TX()[0], to.RX()[0], []byte("payload"))
	stamped(t, from.TX()[0], to.RX()[0], nil)
}

func TestTimestampsNames(t *testing.T) {
	for want, name := range map[engine.Timestamps]string{
		engine.NoTimestamps: "off", engine.SoftwareTimestamps: "software", engine.HardwareTimestamps: "hardware",
	} {
		if got, ok := engine.ParseTimestamps(name); !ok || got != want || want.String() != name {
			t.Errorf("%q is %v (%v), and %v is called %q", name, got, ok, uint8(want), want)
		}
	}
	if _, ok := engine.ParseTimestamps("ptp"); ok || engine.Timestamps(9).String() != "unknown" {
		t.Error("ptp, or number 9, is a name")
	}
	if _, err := engine.Open("udp:@127.0.0.1:0", &engine.Config{Timestamps: 9}); err == nil || !strings.Contains(err.Error(), "9 is no kind of Timestamps") {
		t.Error(err)
	}
}
