package engine_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap"
)

// tcpSegments is what the IPv4 TCP frames of one direction carry.
type tcpSegments struct {
	frames, super, partial int
	torn                   int    // frames that are not as long as their IP header says
	begin                  uint32 // sequence number of the stream's first byte
	seen                   []bool // its bytes
}

// bytes is how many different bytes of the stream came: some may be sent again.
func (s *tcpSegments) bytes() (n int) {
	for _, b := range s.seen {
		if b {
			n++
		}
	}
	return n
}

// look takes a frame in if it goes to port.
func (s *tcpSegments) look(f []byte, m *netmap.Meta, port uint16) {
	if len(f) < 54 || binary.BigEndian.Uint16(f[12:]) != unix.ETH_P_IP || f[23] != unix.IPPROTO_TCP {
		return
	}
	tcp := f[14+int(f[14]&15)*4:]
	if binary.BigEndian.Uint16(tcp[2:]) != port {
		return
	}
	s.frames++
	total := int(binary.BigEndian.Uint16(f[16:]))
	if total+14 > len(f) {
		s.torn++
		return
	}
	if m.SegmentSize > 0 {
		s.super++
	}
	if m.PartialChecksum {
		s.partial++
	}
	size := total - int(f[14]&15)*4 - int(tcp[12]>>4)*4
	seq := binary.BigEndian.Uint32(tcp[4:])
	if tcp[13]&2 != 0 { // SYN
		s.begin = seq + 1
	}
	for i := range size {
		if at := int(seq-s.begin) + i; at < len(s.seen) {
			s.seen[at] = true
		}
	}
}

// A TCP connection over veth: the sender leaves cutting up and checksums to a
// NIC that is not there, and the receiver sees frames that never were on a wire.
func TestPacketSuperFrames(t *testing.T) {
	const total = 4 << 20
	for _, c := range []struct {
		bufSize int
		look    bool
	}{{0, true}, {netmap.MaxBufSize, true}, {netmap.MaxBufSize, false}} {
		pair := testnet.Pair(t, &netlab.PairOptions{
			AddrsA: []netip.Prefix{netip.MustParsePrefix("10.77.0.1/24")},
			AddrsB: []netip.Prefix{netip.MustParsePrefix("10.77.0.2/24")},
		})
		port := openIn(t, pair.B.NS, "packet:"+pair.B.Name, &engine.Config{RX: 1, BufSize: c.bufSize, SuperFrames: c.look})
		rx := port.RX()[0]
		to, done := transferTCP(t, pair, total)
		seen := tcpSegments{seen: make([]bool, total)}
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
			if err := rx.Wait(50 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			r := rx.Ring()
			if r.Space() == 0 {
				select {
				case err := <-done:
					if err != nil {
						t.Fatal(err)
					}
					deadline = time.Now() // what is under way has come
				default:
				}
				continue
			}
			a, b := r.Runs()
			for _, run := range [][]netmap.Slot{a, b} {
				for i := range run {
					seen.look(r.Bytes(&run[i]), r.Meta(&run[i]), to)
				}
			}
			r.Advance(len(a) + len(b))
		}
		st := rx.Stats()
		t.Logf("buffers of %d: %d frames, %d super, %d partial, %d bytes; %+v", rx.Ring().BufSize(), seen.frames, seen.super, seen.partial, seen.bytes(), st)
		if st.SuperFrames > 0 != c.look || st.PartialChecksums < st.SuperFrames || seen.partial > int(st.PartialChecksums) || seen.partial == 0 || seen.torn > 0 || st.Undescribed > 0 {
			t.Errorf("%d super-frames, %d partial checksums, %d seen in frames, %d torn: %+v", st.SuperFrames, st.PartialChecksums, seen.partial, seen.torn, st)
		}
		if st.KernelDrops > 0 {
			continue // a busy machine; the rest would be about that
		}
		if c.bufSize == 0 {
			if st.Truncated == 0 || st.Truncated > st.SuperFrames {
				t.Errorf("super-frames of up to 64 KiB in buffers of %d: %+v", rx.Ring().BufSize(), st)
			}
			continue
		}
		if seen.bytes() != total || seen.super > 0 != c.look || st.Truncated != 0 || uint64(seen.super) > st.SuperFrames {
			t.Errorf("%d bytes in %d frames (%d super-frames), want %d: %+v", seen.bytes(), seen.frames, seen.super, total, st)
		}
	}
}

// transferTCP sends bytes by TCP from A to B, and says to which port and, once all
// have come, what went wrong.
func transferTCP(t *testing.T, pair *netlab.Pair, total int64) (port uint16, done chan error) {
	t.Helper()
	var l net.Listener
	err := pair.B.NS.Do(func() (err error) {
		l, err = net.Listen("tcp4", "10.77.0.2:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	done = make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = io.CopyN(io.Discard, c, total)
			c.Close()
		}
		done <- err
	}()
	var c net.Conn
	err = pair.A.NS.Do(func() (err error) {
		c, err = net.DialTimeout("tcp4", l.Addr().String(), 5*time.Second)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer c.Close()
		block := make([]byte, 1<<16)
		for left := total; left > 0; left -= int64(len(block)) {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}()
	return uint16(l.Addr().(*net.TCPAddr).Port), done
}
