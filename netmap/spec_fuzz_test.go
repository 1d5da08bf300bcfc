package netmap

import (
	"errors"
	"testing"
)

// FuzzParseSpec holds that nothing panics, that a Spec keeps its bounds and
// survives String, and that a refusal points into the spec.
func FuzzParseSpec(f *testing.F) {
	for _, c := range accepted {
		f.Add(c.spec)
	}
	for _, c := range refused {
		f.Add(c.spec)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sp, err := ParseSpec(s)
		if err != nil {
			e, ok := errors.AsType[*SpecError](err)
			if !ok || e.Spec != s || e.Pos < 0 || e.Pos > len(s) || e.Reason == "" || sp != (Spec{}) {
				t.Fatalf("ParseSpec(%q) = %+v, %#v", s, sp, err)
			}
			return
		}
		oneRing := sp.Mode == ModeOneNIC || sp.Mode == ModeOneSW
		if sp.Name == "" || len(sp.Name) > MaxName || len(sp.Share) > MaxName ||
			sp.RingID > maxRing || sp.RingID != 0 && !oneRing || sp.Offset.Bits > 64 {
			t.Fatalf("ParseSpec(%q) = %+v", s, sp)
		}
		text := sp.String()
		again, err := ParseSpec(text)
		if err != nil || again != sp || again.String() != text {
			t.Fatalf("%q: String gives %q, which is\n  %+v, %v; want\n  %+v", s, text, again, err, sp)
		}
	})
}
