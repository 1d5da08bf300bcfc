//go:build linux

package mmsg

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// control is a control message with so many bytes said to be in it.
func control(level, kind int32, length uint64, data ...byte) []byte {
	b := binary.NativeEndian.AppendUint64(nil, length)
	b = binary.NativeEndian.AppendUint32(b, uint32(level))
	b = binary.NativeEndian.AppendUint32(b, uint32(kind))
	return append(b, data...)
}

var controls = []struct {
	b    []byte
	want int
}{
	{nil, 0},
	{control(unix.SOL_UDP, unix.UDP_GRO, 20, 0xd2, 4, 0, 0), 1234},
	{control(unix.SOL_UDP, unix.UDP_GRO, 20, 0xd2, 4, 0, 0, 9, 9, 9, 9), 1234},
	{control(unix.SOL_UDP, unix.UDP_GRO, 20, 0xff, 0xff, 0xff, 0xff), 0},
	{control(unix.SOL_UDP, unix.UDP_GRO, 18, 1, 0), 0},
	{control(unix.SOL_UDP, unix.UDP_GRO, 24, 1, 0), 0},
	{control(unix.SOL_UDP, unix.UDP_GRO, 1<<63+20, 1, 0, 0, 0), 0},
	{control(unix.SOL_UDP, unix.UDP_GRO, 3, 1, 0, 0, 0), 0},
	{control(unix.SOL_UDP, unix.UDP_SEGMENT, 20, 1, 0, 0, 0), 0},
	{append(control(unix.SOL_SOCKET, unix.SO_TIMESTAMP, 24, make([]byte, 8)...), control(unix.SOL_UDP, unix.UDP_GRO, 20, 7, 0, 0, 0)...), 7},
	{control(unix.SOL_UDP, unix.UDP_GRO, 20)[:12], 0},
}

func TestMergedSize(t *testing.T) {
	for _, c := range controls {
		if got := mergedSize(c.b); got != c.want {
			t.Errorf("%x: %d, want %d", c.b, got, c.want)
		}
	}
}

// FuzzMergedSize holds that no control message makes the reader panic, loop or
// return a length that is none, and that what it reads is there.
func FuzzMergedSize(f *testing.F) {
	for _, c := range controls {
		f.Add(c.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n := mergedSize(b)
		if n < 0 || n > 1<<31-1 {
			t.Fatal(n)
		}
		if n > 0 && !bytes.Contains(b, binary.NativeEndian.AppendUint32(nil, uint32(n))) {
			t.Fatalf("%d is not in %x", n, b)
		}
	})
}
