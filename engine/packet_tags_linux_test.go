package engine_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/netmap"
)

// sendFrames sends frames as they are.
func sendFrames(t testing.TB, tx engine.TxQueue, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		r := tx.Ring()
		if r.Space() == 0 {
			t.Fatal("no room to send")
		}
		s := r.Slot(r.Head())
		s.Len, s.Flags = uint16(copy(r.Buffer(s), f)), 0
		if int(s.Len) != len(f) {
			t.Fatalf("a frame of %d bytes fits no buffer of %d", len(f), len(r.Buffer(s)))
		}
		r.Advance(1)
		if left, err := tx.Drain(time.Second); left != 0 || err != nil {
			t.Fatalf("a frame of %d bytes: %d left, %v", len(f), left, err)
		}
	}
}

// receive takes n frames, as copies with what lies beside them, and fails if
// they do not come.
func receive(t testing.TB, rx engine.RxQueue, n int) (frames [][]byte, metas []netmap.Meta) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(frames) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d frames came; %+v", len(frames), n, rx.Stats())
		}
		if err := rx.Wait(100 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		r := rx.Ring()
		a, b := r.Runs()
		for _, run := range [][]netmap.Slot{a, b} {
			for i := range run {
				frames = append(frames, bytes.Clone(r.Bytes(&run[i])))
				metas = append(metas, *r.Meta(&run[i]))
			}
		}
		r.Advance(len(a) + len(b))
	}
	if len(frames) != n {
		t.Fatalf("%d frames came, want %d", len(frames), n)
	}
	return frames, metas
}

// frame is an Ethernet frame of n bytes in all, whose type field and what
// follows begin with head and go on with numbers.
func frame(n int, head string) []byte {
	f := append([]byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01"), head...)
	for i := len(f); i < n; i++ {
		f = append(f, byte(i*7))
	}
	return f[:n]
}

const experimental = "\x88\xb5" // IEEE's EtherType for experiments

// The kernel takes the outer tag out of every frame before a packet socket sees
// it, or the NIC has done so.
func TestPacketVLANTagsAreInTheFrame(t *testing.T) {
	const mtu = 1500
	for _, c := range []struct {
		name string
		head string
		size int // without tags
	}{
		{"untagged", experimental, 60},
		{"802.1Q", "\x81\x00\x00\x05" + experimental, 60},
		{"priority and DEI", "\x81\x00\xf0\x00" + experimental, 60},
		{"priority 0, VLAN 0", "\x81\x00\x00\x00" + experimental, 60},
		{"VLAN 4095", "\x81\x00\xff\xff" + experimental, 60},
		{"802.1ad", "\x88\xa8\x60\x07" + experimental, 60},
		{"QinQ", "\x88\xa8\x00\x07\x81\x00\x20\x05" + experimental, 60},
		{"802.1Q twice", "\x81\x00\x00\x07\x81\x00\x20\x05" + experimental, 60},
		{"three tags", "\x88\xa8\x00\x07\x81\x00\x20\x05\x81\x00\x20\x06" + experimental, 60},
		{"old QinQ", "\x91\x00\x00\x05" + experimental, 60},
		// The kernel drops a frame with less than 2 bytes after its tag
		// (skb_vlan_untag).
		{"2 bytes after the tag", "\x81\x00\x00\x05" + experimental, 16},
		{"MTU, untagged", experimental, mtu + 14},
		{"MTU, 802.1Q", "\x81\x00\x00\x05" + experimental, mtu + 14},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to, _ := veth(t, &netlab.PairOptions{MTU: mtu}, &engine.Config{TX: 1}, &engine.Config{RX: 1})
			want := frame(c.size+len(c.head)-2, c.head)
			plain := frame(60, experimental)
			sendFrames(t, from.TX()[0], plain, want, plain)
			got, metas := receive(t, to.RX()[0], 3)
			for i, f := range [][]byte{plain, want, plain} {
				if !bytes.Equal(got[i], f) {
					t.Errorf("frame %d is\n%x, want\n%x", i, got[i], f)
				}
				if m := metas[i]; m.Time != 0 || m.PartialChecksum || m.SegmentSize != 0 {
					t.Errorf("beside frame %d: %+v", i, m)
				}
			}
			if st := to.RX()[0].Stats(); st.Packets != 3 || st.Bytes != uint64(2*60+len(want)) || st.Truncated != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A tag goes where there is room for it; a frame that has none is dropped and
// counted, not cut.
func TestPacketVLANTagAtTheBuffersEnd(t *testing.T) {
	const mtu = 9000
	pair := &netlab.PairOptions{MTU: mtu}
	// The engine rounds a buffer up, so the edge is where the ring says it is.
	from, to, _ := veth(t, pair, &engine.Config{TX: 1}, &engine.Config{RX: 1, BufSize: 1000})
	edge := to.RX()[0].Ring().BufSize()
	tagged := func(n int) []byte { return frame(n, "\x81\x00\x00\x05"+experimental) }
	sent := [][]byte{
		tagged(edge), tagged(edge + 1), tagged(edge - 1), tagged(edge + 3), tagged(edge + 4), tagged(edge + 5),
		frame(edge, experimental), frame(edge+1, experimental), tagged(64),
	}
	sendFrames(t, from.TX()[0], sent...)
	got, _ := receive(t, to.RX()[0], 4)
	for i, want := range [][]byte{sent[0], sent[2], sent[6], sent[8]} {
		if !bytes.Equal(got[i], want) {
			t.Errorf("frame %d has %d bytes or others, want %d", i, len(got[i]), len(want))
		}
	}
	if st := to.RX()[0].Stats(); st.Packets != 4 || st.Truncated != 5 {
		t.Errorf("%+v", st)
	}

	// The default buffers hold the longest frame that can be sent here. (By a
	// VLAN device of a VLAN device it would have one tag more.)
	from, to, _ = veth(t, pair, &engine.Config{TX: 1}, &engine.Config{RX: 1})
	long := frame(mtu+14+4, "\x81\x00\x00\x07\x81\x00\x00\x05"+experimental)
	sendFrames(t, from.TX()[0], long)
	if got, _ := receive(t, to.RX()[0], 1); !bytes.Equal(got[0], long) {
		t.Errorf("MTU and tags: %d bytes, want %d", len(got[0]), len(long))
	}
}
