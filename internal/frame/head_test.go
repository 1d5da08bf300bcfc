package frame_test

import (
	"bytes"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// Frames behind a head are those without one behind zeros, whatever they are.
func TestHead(t *testing.T) {
	for _, text := range append(descriptions, "") {
		for _, sizes := range []string{"", "~180-1514", "240-180"} {
			for _, head := range []int{10, 12} {
				for _, marks := range []string{"none", "probe", "number"} {
					c := frame.Config{Shape: frame.Shape{Seed: 5, Sizes: parseSizes(t, "200")}}
					if text == "" {
						c.Link = frame.Payload
					} else {
						c.Layers = describe(t, text)
					}
					if sizes != "" {
						c.Sizes = parseSizes(t, sizes)
					}
					plain := newWriter(t, c, 1, 3)
					c.Head = head
					headed := newWriter(t, c, 1, 3)
					for _, w := range []*frame.Writer{plain, headed} {
						switch marks {
						case "probe":
							_ = w.Probe(3) // the same refusal for both
						case "number":
							_ = w.Number()
						}
					}
					if headed.Head() != head || headed.Shortest() != plain.Shortest()+head || headed.Static() != plain.Static() {
						t.Fatalf("%s: head %d, shortest %d", text, headed.Head(), headed.Shortest())
					}
					a, b := bytes.Clone(plain.Image()), bytes.Clone(headed.Image())
					for i := range 40 {
						plain.Batch(uint64(i))
						headed.Batch(uint64(i))
						n, m := plain.Next(a), headed.Next(b)
						if i == 39 {
							n, m = plain.End(a, 39), headed.End(b, 39)
						}
						if m != head+n || !bytes.Equal(b[:head], make([]byte, head)) || !bytes.Equal(b[head:m], a[:n]) {
							t.Fatalf("%s, sizes %q, %s, frame %d behind %d bytes:\n%x, want\n%x", text, sizes, marks, i, head, b[:m], a[:n])
						}
					}
				}
			}
		}
	}
	for _, c := range []frame.Config{{Head: 11}, {Head: -2}, {Head: 12, Len: 65530}} {
		if _, err := frame.NewWriter(c, 0, 1); err == nil {
			t.Errorf("a head of %d bytes before %d was made", c.Head, c.Len)
		}
	}
}

// Fields that are joined have each of their bits both ways, and each field of
// its own values.
func TestJoinedFieldsVaryApart(t *testing.T) {
	w := newWriter(t, shaped("eth ip src~ dst~ udp sport~ dport~", t), 0, 1)
	b := bytes.Clone(w.Image())
	var all, none [12]byte // of both addresses and both ports
	same := 0
	for range 1000 {
		w.Next(b)
		for i, v := range b[26:38] {
			all[i] |= v
			none[i] |= ^v
		}
		if bytes.Equal(b[26:28], b[30:32]) || bytes.Equal(b[34:36], b[36:38]) {
			same++
		}
	}
	full := bytes.Repeat([]byte{0xff}, 12)
	if !bytes.Equal(all[:], full) || !bytes.Equal(none[:], full) || same > 5 {
		t.Errorf("bits that were 1: %x, 0: %x; %d frames with the same twice", all, none, same)
	}
}
