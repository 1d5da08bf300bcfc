package page

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// mustDraw draws p, of which left points cannot be.
func mustDraw(t *testing.T, p *results.Plot, left int) string {
	t.Helper()
	svg, n, err := picture(p)
	if err != nil || n != left {
		t.Errorf("%d points left out of %v, %v; want %d", n, p.Series, err, left)
	}
	if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
		t.Errorf("%v is drawn at no place", p.Series)
	}
	return string(svg)
}

func TestPictureOfAnything(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	ten := func(f func(i int) float64) (v []float64) {
		for i := range 10 {
			v = append(v, f(i))
		}
		return v
	}
	for name, c := range map[string]struct {
		x, y   []float64
		labels []string
		log    bool
		left   int
		empty  bool
	}{
		"none":               {empty: true},
		"one":                {x: []float64{5}, y: []float64{7}},
		"one at zero":        {x: []float64{0}, y: []float64{0}},
		"one below zero":     {x: []float64{-5}, y: []float64{-7}},
		"one, log":           {x: []float64{5}, y: []float64{7}, log: true},
		"one decade, log":    {x: []float64{1, 10}, y: []float64{10, 100}, log: true},
		"all equal":          {x: []float64{3, 3, 3}, y: []float64{812743, 812743, 812743}},
		"all zero":           {x: []float64{1, 2, 3}, y: []float64{0, 0, 0}},
		"nearly equal":       {x: []float64{1, 1 + 1e-15}, y: []float64{1e9, 1e9 + 1e-6}},
		"apart by little":    {x: []float64{1e9, 1e9 + 100}, y: []float64{1e9, 1e9 + 100}},
		"below zero":         {x: []float64{-3, -2, 7}, y: []float64{-1e6, -5, 1e6}},
		"only below zero":    {x: []float64{-30, -20}, y: []float64{-10, -9}},
		"zero, log":          {x: []float64{0, 1, 2, -1, 5}, y: []float64{1, 0, 2, 3, 5}, log: true, left: 3},
		"only zero, log":     {x: []float64{0}, y: []float64{0}, log: true, left: 1, empty: true},
		"not a number":       {x: []float64{1, nan, 3, 4}, y: []float64{1, 2, nan, 4}, left: 2},
		"only not a number":  {x: []float64{nan}, y: []float64{nan}, left: 1, empty: true},
		"infinite":           {x: []float64{1, inf, 3, 4}, y: []float64{1, 2, -inf, 4}, left: 2},
		"infinite, log":      {x: []float64{1, inf, 3, 4}, y: []float64{1, 2, -inf, 4}, log: true, left: 2},
		"too large":          {x: []float64{1, math.MaxFloat64, -math.MaxFloat64}, y: []float64{1, 2, 3}, left: 2},
		"as large as can be": {x: []float64{-1e30, 1e30}, y: []float64{-1e30, 1e30}},
		"all decades":        {x: []float64{1e-30, 1e30}, y: []float64{1e-30, 1e30}, log: true},
		"tiny":               {x: []float64{1e-320, 1e-29}, y: []float64{5e-324, 2e-29}},
		"more X than Y":      {x: []float64{1, 2, 3}, y: []float64{1}, left: 2},
		"more Y than X":      {x: []float64{1}, y: []float64{1, 2, 3}, left: 2},
		"labels":             {x: []float64{0, 1, 2}, y: []float64{1, 2, 3}, labels: []string{"64", "imix", ""}},
		"few labels, log":    {x: []float64{0, 1, 2}, y: []float64{1, 2, 3}, labels: []string{"64"}, log: true},
		"labels of nothing":  {x: []float64{nan}, y: []float64{1}, labels: []string{"64"}, left: 1, empty: true},
		"labels far apart":   {x: []float64{-1e30, 1e30}, y: []float64{1, 2}, labels: []string{"64", "128"}},
		"ten":                {x: ten(func(i int) float64 { return float64(i) }), y: ten(func(i int) float64 { return float64(i * i) })},
	} {
		for _, style := range []results.Style{results.Points, results.Line, results.Reference, ""} {
			t.Run(name+" "+string(style), func(t *testing.T) {
				svg := mustDraw(t, &results.Plot{
					Title: name, X: "x", Y: "y", LogX: c.log, LogY: c.log,
					Series: []results.Series{{Name: "a series", Style: style, X: c.x, Y: c.y, Labels: c.labels}},
				}, c.left)
				if (svg == "") != c.empty {
					t.Errorf("drawn: %v, want %v", svg != "", !c.empty)
				}
				if !c.empty && (!strings.Contains(svg, ">a series</text>") || !strings.HasSuffix(strings.TrimSpace(svg), "</svg>")) {
					t.Errorf("the picture has no legend or no end:\n%s", svg)
				}
			})
		}
	}
}

// TestManySeries: two that share a colour differ in shape, and the legend grows
// in rows above the plot.
func TestManySeries(t *testing.T) {
	if len(shapes) != colours+1 {
		t.Errorf("%d shapes and %d colours: series %d looks like the first", len(shapes), colours, len(shapes)*colours)
	}
	p := &results.Plot{}
	for i := range 29 {
		p.Series = append(p.Series, results.Series{Name: "series of a name", X: []float64{1}, Y: []float64{float64(i)}})
	}
	p.Series[3].Name = strings.Repeat("wide ", 100)
	p.Series[4].Name = ""
	list, rows := newFigure(p).legend()
	if len(list) != 28 || rows < 7 || rows > 16 {
		t.Errorf("%d entries in %d rows", len(list), rows)
	}
	for _, e := range list {
		if right := e.at.X + thumbnail + textStyle(labelSize, ink).Width(e.text); e.at.Y < height || e.at.X < 0 || right > width {
			t.Errorf("%q is at %v to %v", e.text, e.at, right)
		}
	}
	mustDraw(t, p, 0)
}

// TestReference: one point is a level, several of one X stand upright; neither
// widens the axis that it crosses.
func TestReference(t *testing.T) {
	f := newFigure(&results.Plot{Series: []results.Series{
		{X: []float64{10, 20}, Y: []float64{3, 4}},
		{Style: results.Reference, X: []float64{1e9}, Y: []float64{8}},
		{Style: results.Reference, X: []float64{25, 25}, Y: []float64{0, 1e9}},
	}})
	if f.x != (span{10, 25}) || f.y != (span{0, 8}) {
		t.Errorf("axes %v, %v", f.x, f.y)
	}
}

func TestInline(t *testing.T) {
	svg := mustDraw(t, &results.Plot{Title: `a "title"`, Y: `style="fill:#010000"`, Series: []results.Series{
		{Name: "<b>", Style: results.Line, X: []float64{1, 2}, Y: []float64{1, 2}}, {Name: "ref", Style: results.Reference, X: []float64{1}, Y: []float64{2}},
	}}, 0)
	for _, want := range []string{
		`<svg viewBox="0 0 480 276" role="img" aria-label="a &#34;title&#34;">`, "stroke:var(--c0)", "fill:var(--c0)", "fill:var(--ink)", "stroke:var(--grid)", "stroke:var(--muted)",
		">&lt;b&gt;</text>", "style=&#34;fill:#010000&#34;",
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture lacks %s", want)
		}
	}
	for _, no := range []string{"<?xml", "<!", "xmlns", "http", " id=", "Liberation", `:#0`, "<b>"} {
		if at := strings.Index(strings.ReplaceAll(svg, "fill:#010000&#34;", ""), no); at >= 0 {
			t.Errorf("the picture has %q", no)
		}
	}
}

func TestAxes(t *testing.T) {
	labels := func(ticks []plot.Tick) string {
		var l []string
		for _, tick := range ticks {
			if tick.Label != "" {
				l = append(l, tick.Label)
			}
		}
		return strings.Join(l, ", ")
	}
	for _, c := range []struct {
		log, zero  bool
		lo, hi     float64
		from, to   float64
		wantLabels string
	}{
		{false, true, 300000, 812743, 0, 1e6, "0, 200 K, 400 K, 600 K, 800 K, 1 M"},
		{false, true, 0, 14.88e6, 0, 16e6, "0, 2 M, 4 M, 6 M, 8 M, 10 M, 12 M, 14 M, 16 M"},
		{false, true, 0, 1.4e6, 0, 1.4e6, "0, 200 K, 400 K, 600 K, 800 K, 1 M, 1.2 M, 1.4 M"},
		{false, true, 0, 0, 0, 1, "0, 0.2, 0.4, 0.6, 0.8, 1"},
		{false, true, 5, 5, 0, 5, "0, 1, 2, 3, 4, 5"},
		{false, true, 0, 0.004, 0, 0.004, "0, 0.001, 0.002, 0.003, 0.004"},
		{false, true, 0, 4e-7, 0, 4e-7, "0, 1e-07, 2e-07, 3e-07, 4e-07"},
		{false, true, -5, 2500, -500, 2500, "-500, 0, 500, 1000, 1500, 2000, 2500"},
		{false, false, 1000, 1000.4, 1000, 1000.4, "1000, 1000.1, 1000.2, 1000.3, 1000.4"},
		{false, false, 1e6, 1000400, 1e6, 1000400, "1 M, 1.0001 M, 1.0002 M, 1.0003 M, 1.0004 M"},
		{false, false, 10, 95, 0, 95, "0, 20, 40, 60, 80"},
		{true, false, 6.2, 2600, 5, 5000, "10, 100, 1000"},
		{true, false, 6.2, 95, 5, 100, "5, 10, 20, 50, 100"},
		{true, false, 10, 10, 5, 20, "5, 10, 20"},
		{true, false, 1e-6, 1e12, 1e-6, 1e12, "1e-06, 0.01, 100, 1 M, 10 G"},
	} {
		s, ticks := linear(span{c.lo, c.hi}, c.zero, c.zero)
		if c.log {
			s, ticks = logarithmic(span{c.lo, c.hi})
		}
		if math.Abs(s.lo-c.from) > 1e-12*math.Abs(c.from) || math.Abs(s.hi-c.to) > 1e-12*c.to || labels(ticks) != c.wantLabels {
			t.Errorf("log %v, %v to %v: from %v to %v with %q, want %v to %v with %q", c.log, c.lo, c.hi, s.lo, s.hi, labels(ticks), c.from, c.to, c.wantLabels)
		}
	}
}

// TestCategories: names that would run into one another are thinned out.
func TestCategories(t *testing.T) {
	names := map[float64]string{}
	for i := range 300 {
		names[float64(i)] = "category"
	}
	ticks := categories(names)
	shown := 0
	for _, tick := range ticks {
		if tick.Label != "" {
			shown++
		}
	}
	if len(ticks) != 300 || shown < 5 || shown > 10 {
		t.Errorf("%d of %d names are shown", shown, len(ticks))
	}
}
