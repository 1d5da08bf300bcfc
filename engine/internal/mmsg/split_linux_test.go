package mmsg

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// cmsg is a control message with so many bytes said to be in it.
func cmsg(level, kind int32, length uint64, data ...byte) []byte {
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
	{cmsg(unix.SOL_UDP, unix.UDP_GRO, 20, 0xd2, 4, 0, 0), 1234},
	{cmsg(unix.SOL_UDP, unix.UDP_GRO, 20, 0xd2, 4, 0, 0, 9, 9, 9, 9), 1234},
	{cmsg(unix.SOL_UDP, unix.UDP_GRO, 20, 0xff, 0xff, 0xff, 0xff), 0},
	{cmsg(unix.SOL_UDP, unix.UDP_GRO, 18, 1, 0), 0},
	{cmsg(unix.SOL_UDP, unix.UDP_GRO, 24, 1, 0), 0},
	{cmsg(unix.SOL_UDP, unix.UDP_GRO, 1<<63+20, 1, 0, 0, 0), 0},
	{cmsg(unix.SOL_UDP, unix.UDP_GRO, 3, 1, 0, 0, 0), 0},
	{cmsg(unix.SOL_UDP, unix.UDP_SEGMENT, 20, 1, 0, 0, 0), 0},
	{append(cmsg(unix.SOL_SOCKET, unix.SO_TIMESTAMP, 24, make([]byte, 8)...), cmsg(unix.SOL_UDP, unix.UDP_GRO, 20, 7, 0, 0, 0)...), 7},
	{cmsg(unix.SOL_UDP, unix.UDP_GRO, 20)[:12], 0},
}

func TestMergedSize(t *testing.T) {
	for _, c := range controls {
		if got := parseControl(c.b).segment; got != c.want {
			t.Errorf("%x: %d, want %d", c.b, got, c.want)
		}
	}
}
