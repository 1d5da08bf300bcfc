package page

import (
	"maps"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// axes sets the ranges and ticks of both axes; names are those of x, if it has
// any.
func (f *figure) axes(names map[float64]string) {
	switch {
	case f.categories:
		f.x = span{f.x.lo - 0.5, f.x.hi + 0.5}
		f.ticksX = categories(names)
	case f.LogX:
		f.x, f.ticksX = logarithmic(f.x)
	default:
		f.x, f.ticksX = linear(f.x, false, false)
	}
	if f.LogY {
		f.y, f.ticksY = logarithmic(f.y)
	} else {
		f.y, f.ticksY = linear(f.y, true, true)
	}
}

// categories are ticks with names, as many as there is room for.
func categories(names map[float64]string) (ticks []plot.Tick) {
	sty := textStyle(tickSize, muted)
	var widest vg.Length
	for _, x := range slices.Sorted(maps.Keys(names)) {
		t := plot.Tick{Value: x, Label: fit(names[x], sty, 80)}
		widest = max(widest, sty.Width(t.Label)+6)
		ticks = append(ticks, t)
	}
	const room = width - 60
	every := int(widest)*len(ticks)/room + 1
	for i := range ticks {
		if i%every != 0 {
			ticks[i].Label = ""
		}
	}
	return ticks
}

// fit is s in one line, cut where it is wider than most.
func fit(s string, sty draw.TextStyle, most vg.Length) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	const enough = 200 // nothing is as wide as so many
	for n := min(len(r), enough); ; n-- {
		t := string(r[:n])
		if n < len(r) {
			t += "…"
		}
		if n == 0 || sty.Width(t) <= most {
			return t
		}
	}
}

const (
	tickSize  = 10
	labelSize = 10.5
)

// plot is all but the legend.
func (f *figure) plot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = f.x.lo, f.x.hi, f.y.lo, f.y.hi
	for _, a := range []struct {
		*plot.Axis
		label string
		ticks []plot.Tick
		log   bool
		most  vg.Length
	}{{&p.X, f.X, f.ticksX, f.LogX && !f.categories, width - 60}, {&p.Y, f.Y, f.ticksY, f.LogY, height - 40}} {
		label, tick := textStyle(labelSize, ink), textStyle(tickSize, muted)
		label.XAlign, label.YAlign = a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign
		tick.XAlign, tick.YAlign = a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Label.TextStyle, a.Tick.Label = label, tick
		a.Label.Text = fit(a.label, label, a.most)
		a.Label.Padding = 4
		a.Tick.Marker = plot.ConstantTicks(a.ticks)
		a.Tick.Length = 4
		a.Tick.Color, a.Tick.Width = grid, 0.8
		a.Color, a.Width = grid, 0.8
		a.Padding = 0
		if a.log {
			a.Scale = plot.LogScale{}
		}
	}
	g := plotter.NewGrid()
	g.Horizontal = draw.LineStyle{Color: grid, Width: 0.6}
	g.Vertical = g.Horizontal
	if f.categories {
		g.Vertical.Color = nil
	}
	p.Add(g)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = f.x.lo, f.x.hi, f.y.lo, f.y.hi
	for _, c := range f.curves {
		for _, piece := range c.pieces {
			switch {
			case c.level:
				piece = plotter.XYs{{X: f.x.lo, Y: piece[0].Y}, {X: f.x.hi, Y: piece[0].Y}}
			case c.upright:
				piece = plotter.XYs{{X: piece[0].X, Y: f.y.lo}, {X: piece[0].X, Y: f.y.hi}}
			}
			if c.line.Width > 0 {
				p.Add(&plotter.Line{XYs: piece, LineStyle: c.line})
			}
			if c.mark.Shape != nil {
				p.Add(&plotter.Scatter{XYs: piece, GlyphStyle: c.mark})
			}
		}
	}
	return p
}

// An entry is one of the legend, which stands above the plot where it covers
// nothing.
type entry struct {
	*curve
	text string
	at   vg.Point // its left end, at half its height
}

// legend lays the named curves out in rows.
func (f *figure) legend() (list []entry, rows int) {
	const left, gap = 4, 14
	sty := textStyle(labelSize, ink)
	x, high := vg.Length(left), height
	for i := range f.curves {
		if c := &f.curves[i]; c.name != "" {
			list = append(list, entry{c, fit(c.name, sty, width-2*left-thumbnail-gap), vg.Point{}})
		}
	}
	for i, e := range list {
		wide := thumbnail + 4 + sty.Width(e.text) + gap
		if rows == 0 || x+wide > width {
			x = left
			rows++
		}
		list[i].at = vg.Point{X: x, Y: vg.Length(rows)}
		x += wide
	}
	for i := range list {
		list[i].at.Y = vg.Length(high+rows*row) - (list[i].at.Y-0.5)*row
	}
	return list, rows
}

func (e *entry) draw(c *draw.Canvas) {
	if e.line.Width > 0 {
		c.StrokeLine2(e.line, e.at.X, e.at.Y, e.at.X+thumbnail, e.at.Y)
	}
	if e.mark.Shape != nil {
		c.DrawGlyphNoClip(e.mark, e.at.Add(vg.Point{X: thumbnail / 2}))
	}
	sty := textStyle(labelSize, ink)
	sty.YAlign = draw.YCenter
	c.FillText(sty, e.at.Add(vg.Point{X: thumbnail + 4}), e.text)
}
