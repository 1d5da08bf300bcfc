package mmsg

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"golang.org/x/sys/unix"
)

// message is a control message as the kernel writes it, padded to 8 bytes.
func message(level, kind int, data []byte) []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(16+len(data)))
	b = binary.NativeEndian.AppendUint32(b, uint32(level))
	b = binary.NativeEndian.AppendUint32(b, uint32(kind))
	b = append(b, data...)
	return append(b, make([]byte, -len(b)&7)...)
}

func auxdata(status, size, snap uint32, tci, tpid uint16) []byte {
	var b []byte
	for _, v := range []uint32{status, size, snap} {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	for _, v := range []uint16{0, 14, tci, tpid} {
		b = binary.NativeEndian.AppendUint16(b, v)
	}
	return message(unix.SOL_PACKET, unix.PACKET_AUXDATA, b)
}

func stamps(ts ...int64) []byte {
	var b []byte
	for _, v := range ts {
		b = binary.NativeEndian.AppendUint64(b, uint64(v))
	}
	return message(unix.SOL_SOCKET, unix.SO_TIMESTAMPING, b)
}

const (
	valid = unix.TP_STATUS_USER | unix.TP_STATUS_VLAN_VALID
	typed = valid | unix.TP_STATUS_VLAN_TPID_VALID
)

func parseControl(b []byte) control {
	c := control{kernel: 1, nic: 2, tagged: true, tpid: 3, tci: 4, cut: true, partial: true, segment: 5} // of the message before
	c.parse(b)
	return c
}

func TestParseControl(t *testing.T) {
	time := stamps(1700000000, 5, 0, 0, 1600000000, 999999999)
	aux := auxdata(typed, 60, 60, 0x2005, 0x88a8)
	cut := func(b []byte, n int) []byte { return b[:len(b)-n] }
	length := func(b []byte, n uint64) []byte {
		b = bytes.Clone(b)
		binary.NativeEndian.PutUint64(b, n)
		return b
	}
	both := control{kernel: 1700000000*1e9 + 5, nic: 1600000000*1e9 + 999999999, tagged: true, tpid: 0x88a8, tci: 0x2005}
	onlyTime, onlyTag := both, both
	onlyTime.tagged, onlyTime.tpid, onlyTime.tci = false, 0, 0
	onlyTag.kernel, onlyTag.nic = 0, 0
	for name, c := range map[string]struct {
		b    []byte
		want control
	}{
		"merged":                    {append(message(17, 104, []byte{0xe8, 3, 0, 0}), time...), control{kernel: onlyTime.kernel, nic: onlyTime.nic, segment: 1000}},
		"merged by -1":              {message(17, 104, []byte{255, 255, 255, 255}), control{}},
		"none":                      {nil, control{}},
		"both":                      {append(bytes.Clone(time), aux...), both},
		"other order":               {append(bytes.Clone(aux), time...), both},
		"strangers in between":      {bytes.Join([][]byte{message(1, 40, make([]byte, 4)), time, message(17, 104, []byte{1, 2, 3}), aux}, nil), both},
		"no padding at the end":     {cut(aux, 4), onlyTag},
		"no tag, no checksum":       {auxdata(unix.TP_STATUS_USER|unix.TP_STATUS_CSUMNOTREADY, 60, 60, 5, 0x8100), control{partial: true}},
		"tag, no checksum":          {auxdata(typed|unix.TP_STATUS_CSUMNOTREADY, 60, 60, 5, 0x8100), control{tagged: true, tpid: 0x8100, tci: 5, partial: true}},
		"no checksum, then one":     {append(auxdata(unix.TP_STATUS_CSUMNOTREADY, 60, 60, 0, 0), auxdata(unix.TP_STATUS_USER, 60, 60, 0, 0)...), control{}},
		"tag, then none":            {append(auxdata(typed, 60, 60, 5, 0x8100), auxdata(unix.TP_STATUS_USER, 60, 60, 0, 0)...), control{}},
		"tag of an old kernel":      {auxdata(valid, 60, 60, 5, 0), control{tagged: true, tpid: 0x8100, tci: 5}},
		"tag 0":                     {auxdata(typed, 60, 60, 0, 0x8100), control{tagged: true, tpid: 0x8100}},
		"cut by a filter":           {auxdata(unix.TP_STATUS_USER, 61, 60, 0, 0), control{cut: true}},
		"longer than it was":        {auxdata(unix.TP_STATUS_USER, 60, math.MaxUint32, 0, 0), control{}},
		"not stamped":               {stamps(0, 0, 0, 0, 0, 0), control{}},
		"stamped before 1970":       {stamps(-1, 0, 0, 0, -1, 5), control{}},
		"ns of more than a second":  {stamps(1, 1e9, 0, 0, 1, -1), control{}},
		"stamped after int64's end": {stamps(9223372036, 0, 0, 0, math.MaxInt64, 0), control{}},
		"the last second":           {stamps(9223372035, 999999999, 0, 0, 0, 1), control{kernel: 9223372035999999999, nic: 1}},
		"header cut":                {aux[:15], control{}},
		"data cut":                  {cut(aux, 5), control{}},
		"cut after the first":       {append(bytes.Clone(time), cut(aux, 5)...), onlyTime},
		"auxdata too short":         {append(message(unix.SOL_PACKET, unix.PACKET_AUXDATA, make([]byte, 19)), time...), onlyTime},
		"stamps too short":          {append(message(unix.SOL_SOCKET, unix.SO_TIMESTAMPING, make([]byte, 47)), aux...), onlyTag},
		"length 0":                  {append(length(time, 0), aux...), control{}},
		"length 15":                 {append(length(time, 15), aux...), control{}},
		"length of all there is":    {length(append(bytes.Clone(time), aux...), uint64(len(time)+len(aux))), onlyTime},
		"length beyond the end":     {length(aux, uint64(len(aux)+1)), control{}},
		"length -1":                 {length(aux, math.MaxUint64), control{}},
		"length whose padding wraps": {
			append(bytes.Clone(time), length(aux, math.MaxUint64-6)...), onlyTime},
	} {
		if got := parseControl(c.b); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestPlain(t *testing.T) {
	for what, b := range map[string][]byte{
		"tagged": auxdata(valid, 60, 60, 0, 0), "cut": auxdata(unix.TP_STATUS_USER, 61, 60, 0, 0), "none": nil,
		"unsummed":  auxdata(unix.TP_STATUS_USER|unix.TP_STATUS_CSUMNOTREADY, 60, 60, 0, 0),
		"stamped":   append(stamps(1, 2, 0, 0, 0, 0), auxdata(unix.TP_STATUS_USER, 60, 60, 0, 0)...),
		"other":     message(unix.SOL_PACKET, unix.PACKET_AUXDATA+1, make([]byte, 20)),
		"too short": message(unix.SOL_PACKET, unix.PACKET_AUXDATA, make([]byte, 19)),
	} {
		if plain(b) {
			t.Errorf("%s: plain", what)
		}
	}
	if !plain(auxdata(unix.TP_STATUS_USER|unix.TP_STATUS_CSUM_VALID, 60, 60, 0, 0)) {
		t.Error("auxdata of a whole frame without a tag is not plain")
	}
}

func FuzzParseControl(f *testing.F) {
	f.Add(append(stamps(1, 2, 0, 0, 3, 4), auxdata(typed, 60, 60, 5, 0x8100)...))
	f.Add(auxdata(valid, 61, 60, 5, 0)[:30])
	f.Add([]byte{})
	f.Add(auxdata(unix.TP_STATUS_USER, 60, 60, 5, 0x8100))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		if c := parseControl(b); plain(b) && c != (control{}) {
			t.Errorf("plain, and yet %+v", c)
		}
		c := parseControl(b)
		if !bytes.Equal(b, before) {
			t.Error("it writes")
		}
		if c.kernel < 0 || c.nic < 0 || !c.tagged && (c.tpid != 0 || c.tci != 0) {
			t.Errorf("%+v", c)
		}
		// A message before does not change what those after it say, unless they
		// say it again.
		if got := parseControl(append(message(99, 99, make([]byte, 5)), b...)); got != c {
			t.Errorf("%+v after a message of somebody else's, %+v without", got, c)
		}
	})
}

func TestInsertTag(t *testing.T) {
	const room = 40
	for n := range room + 1 {
		b := make([]byte, room)
		for i := range n {
			b[i] = byte(i + 1)
		}
		frame := bytes.Clone(b[:n])
		got := insertTag(b, n, 0x88a8, 0xf005)
		switch {
		case n < 12:
			if got != n || !bytes.Equal(b[:n], frame) {
				t.Errorf("%d bytes have no Ethernet header: %d, %x", n, got, b[:n])
			}
		case n+4 > room:
			if got != -1 || !bytes.Equal(b[:n], frame) {
				t.Errorf("%d bytes have no room for a tag: %d, %x", n, got, b[:n])
			}
		default:
			want := append(append(bytes.Clone(frame[:12]), 0x88, 0xa8, 0xf0, 0x05), frame[12:]...)
			if got != n+4 || !bytes.Equal(b[:got], want) {
				t.Errorf("%d bytes: %d, %x", n, got, b)
			}
		}
	}
}
