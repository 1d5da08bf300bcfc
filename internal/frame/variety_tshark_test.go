package frame_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// TestTsharkOnEverything has an independent dissector judge frames of every
// description with lengths that vary, with probes and without: no frame may be
// malformed or of an unknown kind, and every checksum there is has to be good,
// which is 1; a UDP checksum that is left out would be 3.
func TestTsharkOnEverything(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("RINGWALK_NO_SKIP") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var frames [][]byte
	var want []string
	for i, text := range descriptions {
		for _, sizes := range []string{"", "~180-1514", "imix"} {
			for _, probe := range []bool{false, true} {
				c := shaped(text, t)
				c.Seed = uint64(i)
				switch sizes {
				case "":
					c.Len = 180
				case "imix":
					c.Sizes = parseSizes(t, "190:7,590:4,1514:1")
				default:
					c.Sizes = parseSizes(t, sizes)
				}
				w := newWriter(t, c, 0, 1)
				if probe && w.Probe(1) != nil {
					continue // ARP
				}
				buf := bytes.Clone(w.Image())
				for range 40 {
					w.Batch(1_800_000_000_000_000_000)
					frames = append(frames, bytes.Clone(buf[:w.Next(buf)]))
					want = append(want, expected(text, len(frames[len(frames)-1])))
				}
			}
		}
	}
	for i, got := range dissect(t, frames) {
		if got != want[i] {
			t.Fatalf("frame %d: tshark says %q, want %q\n%x", i, got, want[i], frames[i])
		}
	}
	bad := bytes.Clone(frames[0])
	bad[25]++ // of the IP checksum
	if dissect(t, [][]byte{bad})[0] == want[0] {
		t.Error("tshark likes a damaged frame")
	}
}

// expected is what dissect says of a sound frame.
func expected(text string, n int) string {
	var protocols []string
	count := map[string]int{}
	words := strings.Fields(text)
	for _, w := range words {
		switch w {
		case "eth", "vlan":
			protocols = append(protocols, w, "ethertype")
		case "qinq":
			protocols = append(protocols, "ieee8021ad", "ethertype")
		case "ip6":
			protocols = append(protocols, "ipv6")
		case "icmp6":
			protocols = append(protocols, "icmpv6")
		case "ip", "udp", "tcp", "icmp", "arp", "vxlan", "gre":
			protocols = append(protocols, w)
		}
		count[w]++
	}
	good := func(n int) string { return strings.TrimSuffix(strings.Repeat("1,", n), ",") }
	return fmt.Sprintf("%d|%s|%s|%s|%s|%s|%s|", n, strings.Join(protocols, ":"),
		good(count["ip"]), good(count["udp"]), good(count["tcp"]), good(count["icmp"]), good(count["icmp6"]))
}

// dissect returns of each frame its length, protocols, the states of the
// checksums of IP, UDP, TCP, ICMP and ICMPv6, and what is wrong.
func dissect(t *testing.T, frames [][]byte) []string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "frames.pcap")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pcap := pcapgo.NewWriter(file)
	if err := pcap.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := pcap.WritePacket(gopacket.CaptureInfo{CaptureLength: len(f), Length: len(f)}, f); err != nil {
			t.Fatal(err)
		}
	}

	args := []string{"-n", "-r", name, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"}
	for _, p := range []string{"ip", "udp", "tcp"} {
		args = append(args, "-o", p+".check_checksum:TRUE")
	}
	args = append(args, "-o", "tcp.analyze_sequence_numbers:FALSE")
	for _, f := range []string{"frame.len", "frame.protocols", "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status",
		"icmp.checksum.status", "icmpv6.checksum.status", "_ws.malformed"} {
		args = append(args, "-e", f)
	}
	cmd := exec.Command("tshark", args...)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+onlyThese(t))
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
	for i, l := range lines {
		if j := strings.Index(l, ":data"); j >= 0 {
			l = l[:j] + l[j+len(":data"):]
		}
		lines[i] = l
	}
	return lines
}

// onlyThese makes a configuration of tshark's that knows no protocols but those
// a description can have: ports are random, and what else is registered for
// them is not in question.
func onlyThese(t *testing.T) (config string) {
	t.Helper()
	out, err := exec.Command("tshark", "-G", "protocols").Output()
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Fields("_ws.malformed frame eth ethertype vlan ieee8021ad arp ip ipv6 udp tcp icmp icmpv6 vxlan gre data")
	var off strings.Builder
	for line := range strings.Lines(string(out)) {
		names := strings.Split(strings.TrimSpace(line), "\t")
		if p := names[len(names)-1]; !slices.Contains(known, p) {
			fmt.Fprintln(&off, p)
		}
	}
	config = t.TempDir()
	dir := filepath.Join(config, "wireshark")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "disabled_protos"), []byte(off.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}
