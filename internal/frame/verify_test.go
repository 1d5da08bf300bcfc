package frame_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

var (
	src6 = netip.MustParseAddrPort("[2001:db8::1]:1234")
	dst6 = netip.MustParseAddrPort("[2001:db8:1::1]:4321")
)

// families are a configuration for each kind of headers, and how long they are.
var families = []struct {
	name    string
	config  frame.Config
	headers int
}{
	{"v4", frame.Config{}, 42},
	{"v6", frame.Config{Src: src6, Dst: dst6}, 62},
}

func newTemplate(t testing.TB, c frame.Config) *frame.Template {
	t.Helper()
	tm, err := frame.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

func newStamper(t testing.TB, tm *frame.Template, stream uint16) frame.Stamper {
	t.Helper()
	s, err := tm.Stamper(stream)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func clone(tm *frame.Template) []byte { return append([]byte(nil), tm.Bytes()...) }

// verify checks the lengths and checksums of an Ethernet frame that has UDP
// right behind its IP header, the slow and obvious way.
func verify(b []byte) error {
	word := func(i int) int { return int(b[i])<<8 | int(b[i+1]) }
	sum := func(start int, b []byte) int {
		for i, v := range b {
			if i%2 == 0 {
				start += int(v) << 8
			} else {
				start += int(v)
			}
			if start > 0xffff {
				start -= 0xffff
			}
		}
		return start
	}

	var udp, addrs int
	switch word(12) {
	case 0x0800:
		if b[14] != 0x45 {
			return fmt.Errorf("version and header length are %#x", b[14])
		}
		if n := word(16); n != len(b)-14 {
			return fmt.Errorf("IP total length %d in a frame of %d", n, len(b))
		}
		if s := sum(0, b[14:34]); s != 0xffff {
			return fmt.Errorf("IP header adds up to %#x", s)
		}
		udp, addrs = 34, 26
	case 0x86dd:
		if n := word(18); n != len(b)-54 {
			return fmt.Errorf("IPv6 payload length %d in a frame of %d", n, len(b))
		}
		udp, addrs = 54, 22
	default:
		return fmt.Errorf("ethertype %#x", word(12))
	}
	n := word(udp + 4)
	if n != len(b)-udp {
		return fmt.Errorf("UDP length %d in a frame of %d", n, len(b))
	}
	if word(udp+6) == 0 {
		return fmt.Errorf("UDP checksum is 0")
	}
	pseudo := sum(sum(0, b[addrs:udp]), []byte{0, 17, byte(n >> 8), byte(n)})
	if s := sum(pseudo, b[udp:]); s != 0xffff {
		return fmt.Errorf("UDP adds up to %#x", s)
	}
	return nil
}
