package frame

import (
	"slices"
	"strings"
)

// A Description is a parsed text about headers and their fields. It does not
// change, so any goroutine may use it.
type Description struct {
	layers []layer
}

// A layer is one header of a description with what is said of its fields.
type layer struct {
	def    *headerDef
	fields []setting
}

// A setting gives a field its values.
type setting struct {
	header int // which of the frame's
	field  *fieldDef
	values values
}

const (
	maxHeaders = 16
	maxTunnels = 2 // VXLAN and GRE: as many as Read looks into
)

// Describe parses the description of a whole frame, from Ethernet to the
// header in front of the payload. The package's documentation has the grammar.
// The error is a [*SyntaxError].
func Describe(text string) (*Description, error) {
	p := parser{text}
	d, at, err := p.layers()
	if err != nil {
		return nil, err
	}
	tags, tunnels := 0, 0
	for i, l := range d.layers {
		allowed := "eth"
		if i > 0 {
			allowed = d.layers[i-1].def.next
		}
		if !slices.Contains(strings.Fields(allowed), l.def.name) {
			return nil, p.refuse(at[i], "expected %s, not %s", alternatives(allowed), l.def.name)
		}
		switch l.def.kind {
		case ethernet:
			tags = 0
		case vlan:
			tags++
		case vxlan, gre:
			tunnels++
		}
		if tags > maxTags || tunnels > maxTunnels {
			return nil, p.refuse(at[i], "at most %d tags in a row and %d tunnels in a frame", maxTags, maxTunnels)
		}
	}
	last := "eth"
	if n := len(d.layers); n > 0 {
		last = d.layers[n-1].def.next
	}
	if last != "" && last != "vxlan" {
		return nil, p.refuse(len(text), "expected %s, not the end", alternatives(last))
	}
	return d, nil
}

// DescribeChanges parses a description of some headers of a frame that is
// there already: a header stands for the next one of its name, and those left
// out stay as they are. The error is a [*SyntaxError].
func DescribeChanges(text string) (*Description, error) {
	p := parser{text}
	d, _, err := p.layers()
	return d, err
}

func alternatives(names string) string {
	if names == "" {
		return "the end"
	}
	return strings.Join(strings.Fields(names), " or ")
}

// layers reads words: a header's name, or a field of the header before it.
func (p *parser) layers() (d *Description, at []int, err error) {
	d = &Description{}
	for pos := 0; ; {
		for pos < len(p.text) && p.text[pos] == ' ' {
			pos++
		}
		if pos == len(p.text) {
			return d, at, nil
		}
		end := pos
		for end < len(p.text) && p.text[end] != ' ' {
			end++
		}
		word := p.text[pos:end]
		sign := strings.IndexAny(word, "=~")
		switch {
		case sign >= 0 && len(d.layers) == 0:
			return nil, nil, p.refuse(pos, "expected the name of a header before %q", word)
		case sign >= 0:
			if err := p.field(&d.layers[len(d.layers)-1], pos, pos+sign, end); err != nil {
				return nil, nil, err
			}
		case defOf(word) == nil:
			var names []string
			for i := range headerDefs {
				names = append(names, headerDefs[i].name)
			}
			return nil, nil, p.refuse(pos, "%q is no header: there are %s", word, strings.Join(names, ", "))
		case len(d.layers) == maxHeaders:
			return nil, nil, p.refuse(pos, "a frame has at most %d headers", maxHeaders)
		default:
			d.layers = append(d.layers, layer{def: defOf(word)})
			at = append(at, pos)
		}
		pos = end
	}
}

// field reads KEY=VALUES or KEY~VALUES.
func (p *parser) field(l *layer, pos, sign, end int) error {
	key := p.text[pos:sign]
	f := l.def.field(key)
	if f == nil {
		var keys []string
		for _, k := range l.def.fields {
			keys = append(keys, k.key)
		}
		return p.refuse(pos, "%s has no field %q: there are %s", l.def.name, key, strings.Join(keys, ", "))
	}
	if slices.ContainsFunc(l.fields, func(s setting) bool { return s.field == f }) {
		return p.refuse(pos, "%s is given twice", key)
	}
	v, err := p.values(f, sign+1, end, p.text[sign] == '~')
	if err != nil {
		return err
	}
	l.fields = append(l.fields, setting{field: f, values: v})
	return nil
}
