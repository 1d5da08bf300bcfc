package page

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// The picture's size, in units of its own: the page scales it.
const (
	width     = 480
	height    = 260
	row       = 16 // of the legend, which adds to the height
	thumbnail = 20
)

// Colours that stand for names of the page's style sheet until style puts
// those in. Black is not among them, for vgsvg leaves it out.
var (
	ink   = color.RGBA{R: 1, A: 255}
	muted = color.RGBA{R: 2, A: 255}
	grid  = color.RGBA{R: 3, A: 255}
	names = strings.NewReplacer("#010000", "var(--ink)", "#020000", "var(--muted)", "#030000", "var(--grid)",
		"#040000", "var(--c0)", "#050000", "var(--c1)", "#060000", "var(--c2)", "#070000", "var(--c3)", "#080000", "var(--c4)",
		// The style sheet says it once for all.
		"font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;", "")
)

// colours is how many there are for series, of the same number of shapes less
// one: neighbours differ in both, and 30 series in one of them.
const colours = 5

func colour(i int) color.Color { return color.RGBA{R: uint8(4 + i%colours), A: 255} }

// A polygon is the shape of a mark, for a radius of 1.
type polygon []vg.Point

var shapes = []draw.GlyphDrawer{
	draw.CircleGlyph{},
	polygon{{X: -0.85, Y: -0.85}, {X: 0.85, Y: -0.85}, {X: 0.85, Y: 0.85}, {X: -0.85, Y: 0.85}},
	polygon{{X: 0, Y: 1.2}, {X: 1.1, Y: -0.8}, {X: -1.1, Y: -0.8}},
	polygon{{X: 0, Y: 1.25}, {X: 1.25, Y: 0}, {X: 0, Y: -1.25}, {X: -1.25, Y: 0}},
	polygon{{X: 0, Y: -1.2}, {X: 1.1, Y: 0.8}, {X: -1.1, Y: 0.8}},
	polygon{{X: 0, Y: 0.4}, {X: 0.9, Y: 1.3}, {X: 1.3, Y: 0.9}, {X: 0.4, Y: 0}, {X: 1.3, Y: -0.9}, {X: 0.9, Y: -1.3},
		{X: 0, Y: -0.4}, {X: -0.9, Y: -1.3}, {X: -1.3, Y: -0.9}, {X: -0.4, Y: 0}, {X: -1.3, Y: 0.9}, {X: -0.9, Y: 1.3}},
}

// DrawGlyph is draw.GlyphDrawer's.
func (p polygon) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	corners := make([]vg.Point, len(p))
	for i := range p {
		corners[i] = at.Add(p[i].Scale(sty.Radius))
	}
	c.FillPolygon(sty.Color, corners)
}

func textStyle(size vg.Length, c color.Color) text.Style {
	return text.Style{
		Color: c, Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		Handler: plot.DefaultTextHandler,
	}
}

// picture draws p as SVG that stands in HTML; "" if p has nothing to draw. left
// is how many of its points cannot be drawn.
func picture(p *results.Plot) (svg template.HTML, left int, err error) {
	// A run of hours should not end without its report because a library of
	// drawing panics on figures that nobody has thought of.
	defer func() {
		if r := recover(); r != nil {
			svg, err = "", fmt.Errorf("not drawn: %v", r)
		}
	}()
	f := newFigure(p)
	if len(f.curves) == 0 {
		return "", f.left, nil
	}
	legend, rows := f.legend()
	high := vg.Length(height + rows*row)
	c := vgsvg.New(width, high)
	all := draw.New(c)
	f.plot().Draw(draw.Crop(all, 1, -4, 2, -vg.Length(rows*row)-8))
	for _, e := range legend {
		e.draw(&all)
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", f.left, err
	}
	return template.HTML(inline(b.String(), p.Title, int(high))), f.left, nil
}

var attribute = regexp.MustCompile(`style="[^"]*"`)

// inline makes of a document a part of a page: without the prolog, without a
// size, with colours by name. Text in it has no quotes that are not escaped.
func inline(doc, title string, high int) string {
	_, doc, _ = strings.Cut(doc, "<svg")
	_, doc, _ = strings.Cut(doc, ">")
	return fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, high, template.HTMLEscapeString(title)) +
		attribute.ReplaceAllStringFunc(doc, names.Replace)
}

// A figure is a plot made ready.
type figure struct {
	*results.Plot
	curves     []curve
	x, y       span
	ticksX     []plot.Tick
	ticksY     []plot.Tick
	categories bool
	left       int // points that are not drawn
}

// A curve is what can be drawn of a series.
type curve struct {
	name   string
	pieces []plotter.XYs // of a line, which has gaps where points are left out
	line   draw.LineStyle
	mark   draw.GlyphStyle
	// A level lies across the whole plot, an upright one stands over its whole
	// height.
	level, upright bool
}

// lies says how a reference lies that is no line between points: one point is a
// level, points above one another are upright.
func lies(style results.Style, pieces []plotter.XYs) (level, upright bool) {
	if style != results.Reference {
		return false, false
	}
	all := slices.Concat(pieces...)
	for _, at := range all {
		if at.X != all[0].X {
			return false, false
		}
	}
	return len(all) == 1, len(all) > 1
}

func newFigure(p *results.Plot) *figure {
	f := &figure{Plot: p, x: span{math.Inf(1), math.Inf(-1)}, y: span{math.Inf(1), math.Inf(-1)}}
	names := map[float64]string{}
	marked, dashed := 0, 0
	for _, s := range p.Series {
		f.categories = f.categories || len(s.Labels) > 0
	}
	for _, s := range p.Series {
		c := curve{name: s.Name, pieces: f.pieces(s)}
		if len(c.pieces) == 0 {
			continue
		}
		c.level, c.upright = lies(s.Style, c.pieces)
		for _, piece := range c.pieces {
			for _, at := range piece {
				if !c.level {
					f.x.add(at.X)
				}
				if !c.upright {
					f.y.add(at.Y)
				}
			}
		}
		for i := range min(len(s.X), len(s.Labels)) {
			if names[s.X[i]] == "" {
				names[s.X[i]] = s.Labels[i]
			}
		}
		if s.Style == results.Reference {
			dash := 5 - 1.5*vg.Length(dashed%3)
			c.line = draw.LineStyle{Color: muted, Width: 1, Dashes: []vg.Length{dash, 3}}
			dashed++
		} else {
			c.mark = draw.GlyphStyle{Color: colour(marked), Radius: 2.6, Shape: shapes[marked%len(shapes)]}
			if s.Style == results.Line {
				c.line = draw.LineStyle{Color: colour(marked), Width: 1.4}
			}
			marked++
		}
		f.curves = append(f.curves, c)
	}
	for _, s := range []*span{&f.x, &f.y} { // levels alone have no range
		if s.lo > s.hi {
			*s = span{1, 1}
		}
	}
	f.axes(names)
	return f
}

// pieces are the points of s that can be drawn, in one piece each between
// those that cannot.
func (f *figure) pieces(s results.Series) (pieces []plotter.XYs) {
	n := min(len(s.X), len(s.Y))
	f.left += max(len(s.X), len(s.Y)) - n
	var piece plotter.XYs
	for i := range n {
		x, okX := drawable(s.X[i], f.LogX && !f.categories)
		y, okY := drawable(s.Y[i], f.LogY)
		if okX && okY {
			piece = append(piece, plotter.XY{X: x, Y: y})
			continue
		}
		f.left++
		if piece != nil {
			pieces, piece = append(pieces, piece), nil
		}
	}
	if piece != nil {
		pieces = append(pieces, piece)
	}
	return pieces
}
