package frame_test

import (
	"fmt"
	"log"
	"net/netip"

	"github.com/ringwalk/ringwalk/internal/frame"
)

func ExampleConfig() {
	t, err := frame.New(frame.Config{Dst: netip.MustParseAddrPort("12.0.0.100:80")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(t.Bytes()), "bytes, probe at", t.PayloadOffset())
	// Output: 60 bytes, probe at 42
}

// A frame too short for a probe is still a frame.
func ExampleTemplate() {
	t, err := frame.New(frame.Config{Len: 46})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", t.Bytes()[t.PayloadOffset():])
	fmt.Println("probes:", len(t.Bytes()) >= t.MinProbeLen())
	// Output:
	// "ring"
	// probes: false
}

// A transmit thread copies the template into each buffer once. After that a
// batch is one Batch and one Stamp per frame.
func ExampleStamper() {
	t, err := frame.New(frame.Config{})
	if err != nil {
		log.Fatal(err)
	}
	s, err := t.Stamper(1)
	if err != nil {
		log.Fatal(err)
	}
	var bufs [3][60]byte
	for i := range bufs {
		copy(bufs[i][:], t.Bytes())
	}

	var seq uint64
	for batch := range 2 {
		s.Batch(1_800_000_000_000_000_000 + uint64(batch)*1000)
		for i := range bufs {
			s.Stamp(bufs[i][:], seq)
			seq++
		}
	}
	s.End(bufs[2][:], seq)

	var p frame.Probe
	for i := range bufs {
		fmt.Println(frame.Read(frame.Ethernet, bufs[i][:], &p), p.Seq, p.End)
	}
	// Output:
	// true 3 false
	// true 4 false
	// true 6 true
}

// A receiver keeps one Probe and asks every frame for it.
func ExampleProbe() {
	payload := []byte("\xb5\x72\x00\x02\x00\x00\x00\x00\x00\x2a\x00\x00\x00\x00\x3b\x9a\xca\x00")
	var p frame.Probe
	fmt.Println(frame.Read(frame.Payload, payload, &p))
	fmt.Printf("%+v\n", p)
	fmt.Println(frame.Read(frame.Payload, []byte("ringwalk ringwalk "), &p))
	// Output:
	// true
	// {Stream:2 Seq:42 Time:1000000000 End:false}
	// false
}

// Frames whose source port counts, over and over, with lengths of a mix.
func ExampleWriter() {
	layers, err := frame.Describe("eth vlan id=5 ip ttl=64-63 udp sport=1000-1002")
	if err != nil {
		log.Fatal(err)
	}
	sizes, err := frame.ParseSizes("64:2,128")
	if err != nil {
		log.Fatal(err)
	}
	w, err := frame.NewWriter(frame.Config{Shape: frame.Shape{Layers: layers, Sizes: sizes}}, 0, 1)
	if err != nil {
		log.Fatal(err)
	}
	buf := append([]byte(nil), w.Image()...)
	for range 4 {
		n := w.Next(buf)
		fmt.Println(n, "bytes, TTL", buf[26], "source port", int(buf[38])<<8|int(buf[39]))
	}
	// Output:
	// 64 bytes, TTL 64 source port 1000
	// 128 bytes, TTL 64 source port 1001
	// 64 bytes, TTL 64 source port 1002
	// 64 bytes, TTL 63 source port 1000
}

func ExampleParseRange() {
	r, err := frame.ParseRange("10.0.0.9:80-10.0.0.1:90")
	fmt.Println(r.From, r.To, err)
	// Output: 10.0.0.1:80 10.0.0.9:90 <nil>
}

// A refusal says where.
func ExampleSyntaxError() {
	_, err := frame.Describe("eth ip ttl=300 udp")
	fmt.Println(err)
	// Output: cannot read "eth ip ttl=300 udp" at position 11: ttl is a number from 0 to 255, not "300"
}

func ExampleSizes() {
	s, err := frame.ParseSizes("imix")
	fmt.Printf("%.1f bytes on average, %v\n", s.Mean(), err)
	// Output: 357.8 bytes on average, <nil>
}
