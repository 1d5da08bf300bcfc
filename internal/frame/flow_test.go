package frame_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// reversed is a frame of the other direction: families' frames have no options.
func reversed(b []byte, addr, size int) []byte {
	r := bytes.Clone(b)
	copy(r[0:6], b[6:12])
	copy(r[6:12], b[0:6])
	copy(r[addr:], b[addr+size:addr+2*size])
	copy(r[addr+size:], b[addr:addr+size])
	ports := addr + 2*size
	copy(r[ports:], b[ports+2:ports+4])
	copy(r[ports+2:], b[ports:ports+2])
	return r
}

func TestFlow(t *testing.T) {
	for _, f := range families {
		addr, size := 26, 4
		if f.name == "v6" {
			addr, size = 22, 16
		}
		seen := map[uint32]bool{}
		var halves [2]int
		for port := range uint16(1000) {
			c := f.config
			if c.Src == (netip.AddrPort{}) {
				c.Src, c.Dst = frame.DefaultSrc, frame.DefaultDst
			}
			c.Src = netip.AddrPortFrom(c.Src.Addr(), port)
			b := newTemplate(t, c).Bytes()
			h := frame.Flow(b)
			if back := frame.Flow(reversed(b, addr, size)); back != h {
				t.Fatalf("%s: flow %x one way and %x the other", f.name, h, back)
			}
			longer := append(bytes.Clone(b), 1, 2, 3)
			if frame.Flow(longer) != h {
				t.Fatalf("%s: the payload changes the flow", f.name)
			}
			seen[h] = true
			halves[h%2]++
		}
		if len(seen) < 999 || halves[0] < 400 || halves[1] < 400 {
			t.Errorf("%s: 1000 flows have %d numbers, %v of them odd and even", f.name, len(seen), halves)
		}
	}
	// All fragments go one way, whatever is where the ports would be.
	b := bytes.Clone(newTemplate(t, frame.Config{Len: 100}).Bytes())
	b[20] = 0x20
	first := frame.Flow(b)
	binary.BigEndian.PutUint16(b[20:], 100)
	binary.BigEndian.PutUint32(b[34:], 0x12345678)
	if frame.Flow(b) != first {
		t.Error("two fragments of one packet are two flows")
	}
	for n := range 60 {
		frame.Flow(b[:n])
	}
}
