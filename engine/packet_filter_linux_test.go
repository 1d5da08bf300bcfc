package engine_test

import (
	"bytes"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/netmap"
)

// udpPort9 is what tcpdump -ddd -y EN10MB 'udp port 9' prints.
const udpPort9 = `20
40 0 0 12
21 0 6 34525
48 0 0 20
21 0 15 17
40 0 0 54
21 12 0 9
40 0 0 56
21 10 11 9
21 0 10 2048
48 0 0 23
21 0 8 17
40 0 0 20
69 6 0 8191
177 0 0 14
72 0 0 14
21 2 0 9
72 0 0 16
21 0 1 9
6 0 0 262144
6 0 0 0
`

// udpFrame is a UDP frame to a port; the checksum is nobody's concern here.
func udpFrame(port byte, size int) []byte {
	f := frame(size, "\x08\x00\x45\x00\x00\x2e\x00\x00\x40\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x01\x00\x01")
	copy(f[34:], []byte{0x12, 0x34, 0, port})
	return f
}

func parse(t *testing.T, text string) []bpf.RawInstruction {
	t.Helper()
	prog, err := engine.ParseFilter(text)
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

func TestPacketFilter(t *testing.T) {
	for name, text := range map[string]string{
		"as tcpdump prints it": udpPort9,
		"on one line":          strings.ReplaceAll(strings.TrimSpace(udpPort9), "\n", ","),
		"asks for 32 bytes":    strings.Replace(udpPort9, "6 0 0 262144", "6 0 0 32", 1),
	} {
		for _, queues := range []int{1, 3} {
			cfg := &engine.Config{RX: queues, Filter: parse(t, text)}
			from, to, pair := veth(t, nil, &engine.Config{TX: 1}, cfg)
			// What this end sends is no more received with a filter than without.
			own := openIn(t, pair.B.NS, "packet:"+pair.B.Name, &engine.Config{TX: 1})
			sendFrames(t, own.TX()[0], udpFrame(9, 60))
			var want [][]byte
			for i := range 40 {
				f := udpFrame(byte(8+i%4), 60+i)
				sendFrames(t, from.TX()[0], f, frame(60, experimental))
				if i%4 == 1 {
					want = append(want, f)
				}
			}
			var got [][]byte
			for deadline := time.Now().Add(10 * time.Second); len(got) < len(want) && time.Now().Before(deadline); {
				for _, rx := range to.RX() {
					if err := rx.Sync(); err != nil {
						t.Fatal(err)
					}
					if n := rx.Ring().Space(); n > 0 {
						f, _ := receive(t, rx, n)
						got = append(got, f...)
					}
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%s, %d queues: %d frames came, want %d", name, queues, len(got), len(want))
			}
			for i := range got {
				if !bytes.Equal(got[i], want[i]) {
					t.Errorf("%s: frame %d is\n%x, want\n%x", name, i, got[i], want[i])
				}
			}
			if st, _ := to.Stats(); st.Packets != 10 || st.KernelDrops != 0 || st.Truncated != 0 {
				t.Errorf("%s: %+v", name, st)
			}
		}
	}
}

// A program that computes how much of a frame it wants can cut it short, which
// is not silent; and A is 0 when it begins, whatever ran before it.
func TestPacketFilterCutsShort(t *testing.T) {
	cfg := &engine.Config{RX: 1, Filter: parse(t, "2,0 0 0 40,22 0 0 0")} // ld #40; ret a
	from, to, _ := veth(t, nil, &engine.Config{TX: 1}, cfg)
	sendFrames(t, from.TX()[0], frame(60, experimental), frame(40, experimental), frame(41, experimental))
	if got, _ := receive(t, to.RX()[0], 1); len(got[0]) != 40 {
		t.Errorf("a frame of %d bytes, want the one of 40", len(got[0]))
	}
	if st := to.RX()[0].Stats(); st.Packets != 1 || st.Truncated != 2 {
		t.Errorf("%+v", st)
	}
	cfg.Filter = parse(t, "1,22 0 0 0") // ret a: nothing
	from, to, _ = veth(t, nil, &engine.Config{TX: 1}, cfg)
	sendFrames(t, from.TX()[0], frame(60, experimental))
	if err := to.RX()[0].Sync(); err != nil || to.RX()[0].Ring().Space() != 0 {
		t.Errorf("%d frames passed a program that returns 0, %v", to.RX()[0].Ring().Space(), err)
	}
}

// The kernel's filter sees the frame without the tag that it keeps apart.
func TestPacketFilterSeesTheTagApart(t *testing.T) {
	// ldb [vlan_tag_present]; jeq #1; ldh [vlan_tag]; and #0xfff; jeq #5
	cfg := &engine.Config{RX: 1, Filter: parse(t, "7,48 0 0 4294963248,21 0 4 1,40 0 0 4294963244,84 0 0 4095,21 0 1 5,6 0 0 262144,6 0 0 0")}
	from, to, _ := veth(t, nil, &engine.Config{TX: 1}, cfg)
	five := frame(64, "\x81\x00\x20\x05"+experimental)
	sendFrames(t, from.TX()[0], frame(60, experimental), frame(64, "\x81\x00\x20\x06"+experimental), five)
	if got, _ := receive(t, to.RX()[0], 1); !bytes.Equal(got[0], five) {
		t.Errorf("got %x", got[0])
	}
}

func TestPacketFilterRefused(t *testing.T) {
	from, _, pair := veth(t, nil, &engine.Config{TX: 1}, &engine.Config{RX: 1})
	spec := from.Info().Spec
	long := make([]bpf.RawInstruction, 4092)
	for i := range long {
		long[i] = bpf.RawInstruction{Op: 0x06, K: math.MaxUint32}
	}
	if _, err := tryOpen(pair.A.NS, spec, &engine.Config{RX: 1, Filter: long}); err != nil && !errors.Is(err, unix.ENOMEM) {
		t.Errorf("the longest program: %v", err)
	}
	pcap := "pcap:" + filepath.Join(t.TempDir(), "x.pcap")
	pass := []bpf.RawInstruction{{Op: 0x06, K: 1}}
	for _, c := range []struct {
		spec string
		cfg  engine.Config
		want error
		text string
	}{
		{spec, engine.Config{Filter: append(long, long[0])}, nil, "filter of 4093 instructions: want 1 to 4092"},
		{spec, engine.Config{Filter: []bpf.RawInstruction{}}, nil, "filter of 0 instructions"},
		{spec, engine.Config{Filter: []bpf.RawInstruction{{Op: 0x60, K: 3}, {Op: 0x16}}}, unix.EINVAL, "scratch memory"},
		{pcap, engine.Config{TX: 1, Filter: pass}, netmap.ErrNotSupported, "a filter is for packet: ports only"},
		{"udp:@127.0.0.1:0", engine.Config{RX: 1, Filter: pass}, netmap.ErrNotSupported, "for packet: ports only"},
		{"udp:@127.0.0.1:0", engine.Config{RX: 1, AllMulticast: true}, netmap.ErrNotSupported, "membership in groups"},
		{spec, engine.Config{Multicast: []net.HardwareAddr{{2, 0, 0, 0, 0, 1}}}, nil, "02:00:00:00:00:01 is no multicast address"},
		{spec, engine.Config{Multicast: []net.HardwareAddr{{1, 0, 0}}}, nil, "is no multicast address"},
	} {
		_, err := tryOpen(pair.A.NS, c.spec, &c.cfg)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("Open(%q): %v; want %v and %q in it", c.spec, err, c.want, c.text)
		}
	}
	if _, err := os.Stat(strings.TrimPrefix(pcap, "pcap:")); err == nil {
		t.Error("a refused port has made its file")
	}
}

// All that can be asked for, and no allocation: tags, stamps, a filter, and
// frames that are dropped in between.
func TestPacketExtrasAllocateNothing(t *testing.T) {
	from, to, _ := veth(t, &netlab.PairOptions{MTU: 3000}, &engine.Config{TX: 1}, &engine.Config{
		RX: 1, BufSize: 2048, Timestamps: engine.SoftwareTimestamps, AllMulticast: true,
		Filter: parse(t, "4,48 0 0 12,21 1 0 8,6 0 0 262144,6 0 0 0"), // no IPv4
	})
	tx, rx := from.TX()[0], to.RX()[0]
	frames := [][]byte{
		frame(60, experimental), frame(64, "\x81\x00\x20\x05"+experimental), frame(2500, experimental), udpFrame(9, 60),
		frame(68, "\x88\xa8\x20\x05\x81\x00\x20\x05"+experimental),
	}
	allocs := testing.AllocsPerRun(200, func() {
		for i := range 15 {
			f := frames[i%5]
			r := tx.Ring()
			s := r.Slot(r.Head())
			s.Len, s.Flags = uint16(copy(r.Buffer(s), f)), 0
			r.Advance(1)
		}
		if err := tx.Sync(); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < 9; {
			if err := rx.Wait(time.Second); err != nil {
				t.Fatal(err)
			}
			n := rx.Ring().Space()
			rx.Ring().Advance(n)
			got += n
		}
		if err := rx.Sync(); err != nil {
			t.Fatal(err)
		}
	})
	if st := rx.Stats(); allocs != 0 || st.Truncated == 0 || st.Truncated*3 != st.Packets {
		t.Errorf("%v allocations per batch, %+v", allocs, st)
	}
}
