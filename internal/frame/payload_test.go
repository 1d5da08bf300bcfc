package frame

import (
	"bytes"
	"net/netip"
	"testing"
)

// verified reports whether the UDP checksum of an untagged frame is there and
// right, by adding up all it covers.
func verified(b []byte) bool {
	addrs, udp := b[26:34], b[34:]
	if b[14]>>4 == 6 {
		addrs, udp = b[22:54], b[54:]
	}
	text := append([]byte(nil), udp...)
	if len(text)%2 != 0 {
		text = append(text, 0)
	}
	sum := sum16(addrs) + sum16(text) + protoUDP + uint64(len(udp))
	return udp[6]|udp[7] != 0 && fold(sum) == 0xffff
}

func TestEcho(t *testing.T) {
	v6 := Config{Src: netip.MustParseAddrPort("[fd00::1]:1"), Dst: netip.MustParseAddrPort("[fd00::2]:2")}
	for _, c := range []Config{{}, {Len: 54}, {Len: 101}, v6} {
		tpl, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		echo, err := tpl.Echo()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []uint32{0, 1, 0xffff, 0x10000, 0x12345678, 1<<32 - 1} {
			b := bytes.Clone(tpl.Bytes())
			const at = 1_770_000_000_999_999_999
			echo.Write(b, n, at+int64(n))
			if got, when, ok := echo.Read(b); got != n || when != at+int64(n) || !ok || !verified(b) {
				t.Errorf("%+v: ping %#x came back as %#x of %d, %t; checksum right: %t", c, n, got, when, ok, verified(b))
			}
			if len(b) > 54 && !bytes.Equal(b[len(b)-1:], tpl.Bytes()[len(b)-1:]) {
				t.Errorf("%+v: bytes behind the payload's head changed", c)
			}
		}
	}
	tpl, _ := New(Config{Len: 53})
	if _, err := tpl.Echo(); err == nil {
		t.Error("a frame of 53 bytes takes a ping")
	}
	pay, _ := New(Config{Link: Payload, Len: 12})
	echo, err := pay.Echo()
	if err != nil {
		t.Fatal(err)
	}
	b := bytes.Clone(pay.Bytes())
	echo.Write(b, 7, 5)
	if n, when, ok := echo.Read(b); n != 7 || when != 5 || !ok {
		t.Errorf("a payload's ping came back as %d of %d, %t", n, when, ok)
	}
}

// Numbers are pkt-gen's: 32 bits, big-endian, at the payload's beginning (see
// rxseq_body); with and without other fields that vary, and sizes.
func TestNumber(t *testing.T) {
	ranged, err := ParseRange("10.0.0.1:5-10.0.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{}, {Len: 101}, {Shape: Shape{SrcRange: ranged, RandomDst: true, Seed: 3}},
		{Src: netip.MustParseAddrPort("[fd00::1]:1"), Dst: netip.MustParseAddrPort("[fd00::2]:2")}} {
		w, err := NewWriter(c, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Number(); err != nil || w.Static() || w.Probing() {
			t.Fatalf("%v, static %t, probing %t", err, w.Static(), w.Probing())
		}
		b := bytes.Clone(w.Image())
		tuples := map[string]bool{}
		for n := range uint32(70_000) {
			b = b[:w.Next(b[:cap(b)])]
			if got, ok := ReadSeq(Ethernet, b); got != n || !ok || n%997 == 0 && !verified(b) {
				t.Fatalf("%+v: number %d came back as %d, %t; checksum right: %t", c, n, got, ok, verified(b))
			}
			tuples[string(b[26:30])+string(b[34:36])] = true
		}
		if c.Shape.RandomDst && len(tuples) != 6 {
			t.Errorf("%d source tuples of 6", len(tuples))
		}
	}
	w, _ := NewWriter(Config{}, 0, 1)
	_ = w.Number()
	w.seq = 0x01020304
	b := bytes.Clone(w.Image())
	if w.Next(b); !bytes.Equal(b[42:46], []byte{1, 2, 3, 4}) {
		t.Errorf("txseq: % x", b[42:46])
	}
	w, _ = NewWriter(Config{Len: 45}, 0, 1)
	if err := w.Number(); err == nil {
		t.Error("45 bytes have room for a number")
	}
}

func FuzzReadSeq(f *testing.F) {
	tpl, _ := New(Config{})
	f.Add(tpl.Bytes())
	f.Add(tpl.Bytes()[:45])
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		n, ok := ReadSeq(Ethernet, b)
		if !ok && n != 0 || !bytes.Equal(b, before) {
			t.Fatal("a refusal with a number, or a frame that was written to")
		}
		ReadSeq(Payload, b)
		e, _ := tpl.Echo()
		e.Read(b)
	})
}

func TestReverse(t *testing.T) {
	own := [6]byte{2, 0, 0, 0, 0, 9}
	tpl, _ := New(Config{DstMAC: []byte{2, 0, 0, 0, 0, 2}})
	b := bytes.Clone(tpl.Bytes())
	Reverse(b, &own)
	back, _ := New(Config{
		SrcMAC: []byte{2, 0, 0, 0, 0, 2}, DstMAC: DefaultSrcMAC, Src: DefaultDst, Dst: DefaultSrc,
	})
	if !bytes.Equal(b, back.Bytes()) {
		t.Errorf("got\n% x\nwant\n% x", b, back.Bytes())
	}
	// To a group: the answer is our own.
	tpl, _ = New(Config{})
	b = bytes.Clone(tpl.Bytes())
	Reverse(b, &own)
	if !bytes.Equal(b[:6], DefaultSrcMAC) || !bytes.Equal(b[6:12], own[:]) {
		t.Errorf("a broadcast is answered from % x to % x", b[6:12], b[:6])
	}
	// Ports differ, so that their exchange is seen; behind a tag, in IPv6, and
	// not in a later fragment.
	v6, _ := New(Config{Src: netip.MustParseAddrPort("[fd00::1]:1"), Dst: netip.MustParseAddrPort("[fd00::2]:2")})
	b = bytes.Clone(v6.Bytes())
	Reverse(b, nil)
	if b[55] != 2 || b[57] != 1 || b[37] != 2 || b[53] != 1 || !verified(b) {
		t.Errorf("IPv6: % x", b)
	}
	tpl, _ = New(Config{Src: netip.MustParseAddrPort("10.0.0.1:1"), Dst: netip.MustParseAddrPort("10.0.0.2:2")})
	tagged := append(append(bytes.Clone(tpl.Bytes()[:12]), 0x81, 0, 0, 5), tpl.Bytes()[12:]...)
	Reverse(tagged, nil)
	if tagged[39] != 2 || tagged[41] != 1 || tagged[33] != 2 || tagged[37] != 1 {
		t.Errorf("tagged: % x", tagged)
	}
	later := bytes.Clone(tpl.Bytes())
	later[21] = 1 // fragment offset 8
	Reverse(later, nil)
	if later[35] != 1 || later[37] != 2 || later[29] != 2 {
		t.Errorf("later fragment: % x", later)
	}
}

// Twice back is there again, whatever the bytes.
func FuzzReverse(f *testing.F) {
	tpl, _ := New(Config{})
	f.Add(tpl.Bytes())
	v6, _ := New(Config{Src: netip.MustParseAddrPort("[fd00::1]:1"), Dst: netip.MustParseAddrPort("[fd00::2]:2")})
	f.Add(v6.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		c := bytes.Clone(b)
		Reverse(c, nil)
		Reverse(c, nil)
		if !bytes.Equal(b, c) {
			t.Fatalf("% x became % x", b, c)
		}
	})
}
