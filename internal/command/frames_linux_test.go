package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// sendToFile runs pktgen with a capture file as its port and returns what is in
// it, but for end records, which have the numbers of frames that there are not.
func sendToFile(t *testing.T, name string, n int, args ...string) (frames []gopacket.Packet, o outcome) {
	t.Helper()
	args = append([]string{"pktgen", "-i", "pcap:" + name, "-n", fmt.Sprint(n)}, args...)
	if o = play(args...); o.status != 0 {
		t.Fatalf("%v: status %d: %s", args, o.status, o.stderr)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapgo.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		b, _, err := r.ReadPacketData()
		if err != nil {
			t.Fatalf("%v: frame %d: %v", args, len(frames), err)
		}
		frames = append(frames, gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default))
	}
	return frames, o
}

// pkt-gen's own example, but for the interface, sends what pkt-gen sends:
// random sources to one destination.
func TestPktgensExample(t *testing.T) {
	const n = 2000
	frames, _ := sendToFile(t, filepath.Join(t.TempDir(), "f.pcap"), n, strings.Fields("-f tx -c 1 -p 1 -z -d 12.0.0.100:80")...)
	sources, ports := map[string]int{}, map[string]int{}
	for _, f := range frames {
		ip := f.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		udp := f.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if len(f.Data()) != 60 || ip.DstIP.String() != "12.0.0.100" || udp.DstPort != 80 || ip.TOS != 0x10 || ip.TTL != 64 {
			t.Fatalf("sent %v", f)
		}
		sources[ip.SrcIP.String()]++
		ports[udp.SrcPort.String()]++
	}
	if len(sources) < n-5 || len(ports) < n*9/10 {
		t.Errorf("%d addresses and %d ports", len(sources), len(ports))
	}
}

func TestFrameFlags(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f.pcap")
	given := filepath.Join(dir, "given.pcap")
	sendToFile(t, given, 1, "-l", "90", "--frame", "eth vlan id=7 ip udp", "--payload", "text:abc")
	if err := os.WriteFile(filepath.Join(dir, "payload"), []byte("from a file "), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want string // of each frame its length, flow and payload's beginning, as far as told
	}{
		{"-l 100 -l 100 --probe off", "100 10.0.0.1:1234>10.1.0.1:1234 ringwalk ringwalk"},
		{"-l 60-62 --probe off", "60 ;61 ;62 ;60 "},
		{"-l imix", "60 ;590 ;60 ;60 ;590 "},
		{"-s 10.0.0.1:5-10.0.0.2:6 --probe off", "60 10.0.0.1:5>;60 10.0.0.1:6>;60 10.0.0.2:5>;60 10.0.0.2:6>;60 10.0.0.1:5>"},
		{"--flows 3 -d 1.2.3.4", "60 10.0.0.1:1234>1.2.3.4:1234;60 10.0.0.2:;60 10.0.0.3:;60 10.0.0.1:"},
		{"-6", "80 fd00::1:1234>fd00:0:0:1::1:1234"},
		{"-s 1@[fd00:1::1]:9-[fd00:3::1]", "80 fd00:1::1:9>;80 fd00:2::1:9>;80 fd00:3::1:9>;80 fd00:1::1:9>"},
		{"--payload zeros --probe off -l 50", "50 10.0.0.1:1234>10.1.0.1:1234 \x00\x00\x00\x00\x00\x00\x00\x00"},
		{"--payload hex:4142 --probe off -l 50", "50 10.0.0.1:1234>10.1.0.1:1234 ABABABAB"},
		{"--payload file:" + dir + "/payload --probe off -l 60", "60 10.0.0.1:1234>10.1.0.1:1234 from a file from a"},
		{"--packet " + given, "90 10.0.0.1:1234>10.1.0.1:1234 \xb5\x72"},
		{"--packet " + given + " -l 80 -d 9.9.9.9:5", "80 10.0.0.1:1234>9.9.9.9:5 \xb5\x72"},
		{"-o 512 -d 1.1.1.1:1 -r", "60 "},
	} {
		frames, _ := sendToFile(t, file, 6, strings.Fields(c.args)...)
		for i, want := range strings.Split(c.want, ";") {
			f := frames[i]
			got := fmt.Sprintf("%d ", len(f.Data()))
			if f.NetworkLayer() != nil && f.TransportLayer() != nil {
				ip, ports := f.NetworkLayer().NetworkFlow(), f.TransportLayer().TransportFlow()
				got += fmt.Sprintf("%v:%v>%v:%v %s", ip.Src(), ports.Src(), ip.Dst(), ports.Dst(), f.TransportLayer().LayerPayload())
			}
			if !strings.HasPrefix(got, want) {
				t.Errorf("%s: frame %d is %q, want %q", c.args, i, got, want)
			}
		}
	}

	_, o := sendToFile(t, file, 1, "-X", "--packet", given, "--fields", "vlan id=9 udp dport=99")
	for _, want := range []string{"90 bytes", "VLANIdentifier=9", "DstPort=99", "bytes of payload"} {
		if !strings.Contains(o.stderr, want) {
			t.Errorf("-X says nothing of %q:\n%s", want, o.stderr)
		}
	}
}

func TestFrameUsage(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"-l 60-x", `-l, --length: cannot read "60-x" at position 3: a length is a number`},
		{"-l 60 -l 61", "the second length is the least"},
		{"-s 10.0.0.1-x", `-s, --src: cannot read "10.0.0.1-x" at position 9`},
		{"-4 -s fd00::1", "not of the family that -4 or -6 says"},
		{"-6 -d 10.0.0.1", "not of the family that -4 or -6 says"},
		{"-4 -6", "-4 and -6 exclude each other"},
		{"--frame eth", `--frame: cannot read "eth" at position 3: expected vlan`},
		{"--fields ttl=1", "--fields: cannot read"},
		{"--payload nonsense", "is none of zeros, random"},
		{"--payload hex:4", "is not bytes in hexadecimal"},
		{"-I", "only ports of VALE switches send from memory of the program (NS_INDIRECT), and pcap:/dev/null is none"},
		{"-o 32", "only ports of VALE switches send from memory of the program"},
		{"-H 12", "-H, --vnet-hdr: only ports of VALE switches can be given a virtio-net header, and pcap:/dev/null is none"},
		{"-F 3", "pcap:/dev/null sends a frame in one piece"},
		{"-M 100", "pcap:/dev/null sends a frame in one piece"},
		{"-F 0", "0 slots for a frame: want 1 to 63"},
		{"-o 128", "bit 128 means nothing"},
		{"-c x", `-c, --cores: count "x" is not a number`},
		{"--packet x --payload zeros", "leave out --frame"},
		{"-r --probe on", "rubbish has no place for one"},
		{"--packet /etc/passwd", "is no capture file"},
		{"--packet /nonexistent", "no such file"},
	} {
		args := append([]string{"pktgen", "-i", "pcap:/dev/null", "-n", "1"}, strings.Fields(c.args)...)
		o := play(args...)
		if o.status == cli.ExitOK || !strings.Contains(o.stderr, c.says) || strings.Contains(o.stderr, "%!") {
			t.Errorf("%s: status %d, says %q, want something on %q", c.args, o.status, o.stderr, c.says)
		}
	}
}
