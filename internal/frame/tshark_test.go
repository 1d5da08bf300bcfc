package frame_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// TestTshark has an independent dissector judge what Stamper makes of frames of
// every family and of varied sizes.
func TestTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("RINGWALK_NO_SKIP") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}

	r := rand.New(rand.NewPCG(5, 6))
	var frames [][]byte
	for len(frames) < 1000 {
		f := families[r.IntN(len(families))]
		c := f.config
		c.Len = f.headers + frame.ProbeLen + r.IntN(1514-f.headers-frame.ProbeLen+1)
		tm := newTemplate(t, c)
		s := newStamper(t, tm, uint16(number(r)))
		buf := clone(tm)
		for range 3 { // the last stays, over what the others left
			s.Batch(number(r))
			if r.IntN(10) == 0 {
				s.End(buf, number(r))
			} else {
				s.Stamp(buf, number(r))
			}
		}
		frames = append(frames, buf)
	}
	for i, got := range tshark(t, frames) {
		if want := good(frames[i]); got != want {
			t.Errorf("frame %d of %d bytes: tshark says %q, want %q", i, len(frames[i]), got, want)
		}
	}

	// The same must not be said of a frame that is wrong.
	bad := clone(newTemplate(t, frame.Config{}))
	bad[50]++
	if got := tshark(t, [][]byte{bad}); got[0] == good(bad) {
		t.Errorf("tshark says %q of a damaged frame", got)
	}
}

// good is what tshark says of a frame without fault: Ethernet length, IP
// checksum good (1; IPv6 has none), UDP length and checksum good (1).
func good(f []byte) string {
	if f[12] == 0x08 {
		return fmt.Sprintf("%d,1,%d,1", len(f), len(f)-34)
	}
	return fmt.Sprintf("%d,,%d,1", len(f), len(f)-54)
}

// tshark returns its fields of each frame.
func tshark(t *testing.T, frames [][]byte) []string {
	t.Helper()
	// A pcap file: magic, version 2.4, snapshot length, link type Ethernet; then
	// for each frame its time and length, captured and whole.
	le := binary.LittleEndian
	var file []byte
	for _, v := range []uint32{0xa1b2c3d4, 4<<16 | 2, 0, 0, 65535, 1} {
		file = le.AppendUint32(file, v)
	}
	for i, f := range frames {
		for _, v := range []int{i, 0, len(f), len(f)} {
			file = le.AppendUint32(file, uint32(v))
		}
		file = append(file, f...)
	}
	name := filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command("tshark", "-n", "-r", name, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
		"-T", "fields", "-E", "separator=,", "-e", "frame.len", "-e", "ip.checksum.status", "-e", "udp.length", "-e", "udp.checksum.status")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s", cmd, err, &stderr)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(frames) {
		t.Fatalf("tshark saw %d frames of %d", len(lines), len(frames))
	}
	return lines
}
