package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

func names() (all []string) {
	for _, c := range Checks() {
		all = append(all, c.Name)
	}
	return all
}

func TestLists(t *testing.T) {
	all := names()
	if n := len(slices.Compact(slices.Sorted(slices.Values(all)))); n != len(all) {
		t.Errorf("%d checks have %d names", len(all), n)
	}
	var used []string
	for i, it := range Acceptance {
		if it.Number != i+1 || it.What == "" || it.Checks == nil && it.Elsewhere == "" {
			t.Errorf("item %d is %+v", i+1, it)
		}
		used = append(used, it.Checks...)
	}
	for _, x := range NotApplicable {
		if x.Reason == "" || len(x.Kinds) == 0 {
			t.Errorf("an exception without reason or kind: %+v", x)
		}
		used = append(used, x.Checks...)
	}
	for _, name := range used {
		if !slices.Contains(all, name) {
			t.Errorf("%q is listed, there is no such check", name)
		}
	}
	for _, c := range Checks() {
		if c.Doc == "" || c.run == nil {
			t.Errorf("%s has no sentence or does nothing", c.Name)
		}
	}
}

// noDevice opens nothing.
type noDevice struct{}

func (noDevice) Open() (netmap.File, error) { return nil, netmap.ErrNoModule }

func TestRunVerdicts(t *testing.T) {
	boom := errors.New("boom")
	checks := []Check{
		{"passes", "", 0, func(*env) error { return nil }},
		{"fails", "", 0, func(*env) error { return boom }},
		{"panics", "", 0, func(*env) error { panic("at the disco") }},
		{"cleanup-fails", "", 0, func(e *env) error { e.later(func() error { return boom }); return nil }},
		{"learn", "", Switches, func(*env) error { t.Error("ran without what it needs"); return nil }},
		{"unlisted", "", Switches, func(*env) error { t.Error("ran without what it needs"); return nil }},
		{"overruns", "", 0, func(e *env) error { <-e.ctx.Done(); return context.Cause(e.ctx) }},
	}
	var out bytes.Buffer
	target := &Target{Name: "t", Kind: Pipe, Device: noDevice{}}
	rep, err := Run(t.Context(), &out, []*Target{target}, &Options{Checks: checks, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	want := []Verdict{Pass, Fail, Fail, Fail, NA, Fail, Fail}
	for i, r := range rep.Results {
		if r.Verdict != want[i] {
			t.Errorf("%s: %s (%s), want %s", r.Check, r.Verdict, r.Text, want[i])
		}
	}
	for _, s := range []string{"boom", "at the disco", "a learning switch"} {
		if !strings.Contains(out.String(), s) {
			t.Errorf("%q is not in the output:\n%s", s, out.String())
		}
	}
	if rep.OK() {
		t.Error("a report with failures is OK")
	}
	var text, js bytes.Buffer
	if err := errors.Join(rep.WriteText(&text), rep.WriteJSON(&js)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "1 passed, 5 failed, 0 not run, 1 do not apply, of 7") {
		t.Errorf("the table is\n%s", text.String())
	}
	var back Report
	if err := json.Unmarshal(js.Bytes(), &back); err != nil || len(back.Results) != len(checks) {
		t.Errorf("the JSON gives back %d results, %v", len(back.Results), err)
	}
}

func TestRunStops(t *testing.T) {
	if _, err := Run(t.Context(), io.Discard, nil, nil); err == nil {
		t.Error("a run without targets is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	target := &Target{Name: "t", Kind: Pipe, Device: noDevice{}}
	rep, err := Run(ctx, io.Discard, []*Target{target}, nil)
	if !errors.Is(err, context.Canceled) || rep.OK() {
		t.Errorf("a cancelled run gave %v, OK %t", err, rep.OK())
	}
	// Of a target that cannot be held nothing is known.
	done := 0
	rep, err = Run(t.Context(), io.Discard, []*Target{{Name: "t", Kind: Pipe, Device: noDevice{}, A: "netmap:x", Hold: true}}, &Options{
		Checks: []Check{{"passes", "", 0, func(*env) error { return nil }}}, Done: func(Result) { done++ },
	})
	if err != nil || len(rep.Results) != 1 || rep.Count(NotRun) != 1 || rep.OK() || done != 1 {
		t.Errorf("on a device that does not open: %+v, %d told, %v", rep.Results, done, err)
	}
}

func TestFrames(t *testing.T) {
	a, b := make([]byte, 200), make([]byte, 200)
	fill(a, broadcast, macA, 7)
	fill(b, broadcast, macA, 7)
	if err := same(a, b); err != nil {
		t.Error(err)
	}
	if i, ok := ours(a); !ok || i != 7 {
		t.Errorf("number %d, %t", i, ok)
	}
	if same(a[:199], b) == nil {
		t.Error("a short frame is the same")
	}
	// Exchanged fragments of 64 bytes must show.
	copy(b[64:128], a[128:192])
	copy(b[128:192], a[64:128])
	if same(a, b) == nil {
		t.Error("fragments in the wrong order do not show")
	}
	if _, ok := ours(make([]byte, 60)); ok {
		t.Error("zeros are a frame")
	}
}
