package netmap

import (
	"cmp"
	"slices"
	"strings"
)

// specOptions are the options a spec may carry. The first key of an option
// with value set is its default key: it must be given, and @option=VALUE
// gives it.
var specOptions = map[string]struct {
	value bool
	keys  []string
}{
	"share":  {true, []string{"port"}},
	"conf":   {false, []string{"rings", "tx-rings", "rx-rings", "host-rings", "host-tx-rings", "host-rx-rings", "slots", "tx-slots", "rx-slots"}},
	"extmem": {true, []string{"file", "if-num", "if-size", "ring-num", "ring-size", "buf-num", "buf-size"}},
	"offset": {true, []string{"initial", "bits"}},
}

// specValues are the keys given to one option, and where their values are.
type specValues map[string]specValue

type specValue struct{ pos, end int }

// options reads the options to the end; pos is behind the first one's '@'.
func (p *specParser) options() error {
	for {
		end := len(p.s)
		if i := strings.IndexByte(p.s[p.pos:], '@'); i >= 0 {
			end = p.pos + i
		}
		if err := p.option(end); err != nil {
			return err
		}
		if end == len(p.s) {
			return nil
		}
		p.pos = end + 1
	}
}

// option reads one option, from pos to end.
func (p *specParser) option(end int) error {
	begin := p.pos
	text := p.s[begin:end]
	name, delim := text, byte(0)
	if i := strings.IndexAny(text, ":="); i >= 0 {
		name, delim = text[:i], text[i]
	}
	body := min(begin+len(name)+1, end)
	o, known := specOptions[name]
	vals := specValues{}
	switch {
	case text == "":
		return p.refuse(begin, "expected an option after '@'")
	case name != "" && isDigit(name[0]):
		return p.refuse(begin, "a memory id must come before the options")
	case !known:
		return p.refuse(begin, "there is no option %q; there are share, conf, extmem and offset", name)
	case delim == 0:
		return p.refuse(end, "option %s needs a value", name)
	case delim == '=' && !o.value:
		return p.refuse(body-1, "option %s takes ':' and keys, as in @conf:rings=2", name)
	case delim == '=' && body == end:
		return p.refuse(end, "option %s needs a value", name)
	case delim == '=':
		vals[o.keys[0]] = specValue{body, end}
	case body < end:
		if err := p.keys(name, o.keys, vals, body, end); err != nil {
			return err
		}
	}
	if _, ok := vals[o.keys[0]]; o.value && !ok {
		return p.refuse(end, "option %s needs the key %s", name, o.keys[0])
	}
	switch name {
	case "share":
		return p.share(begin, vals)
	case "conf":
		return p.conf(vals)
	case "extmem":
		return p.extMem(begin, vals)
	default:
		return p.offset(begin, vals)
	}
}

// keys reads key=value,key=value… of an option into vals.
func (p *specParser) keys(option string, known []string, vals specValues, pos, end int) error {
	for elem := range strings.SplitSeq(p.s[pos:end], ",") {
		text, _, assigned := strings.Cut(elem, "=")
		key := strings.ReplaceAll(text, "_", "-")
		_, twice := vals[key]
		switch {
		case !slices.Contains(known, key):
			return p.refuse(pos, "option %s has no key %q; it has %s", option, text, strings.Join(known, ", "))
		case twice:
			return p.refuse(pos, "key %s of option %s is given twice", key, option)
		case !assigned:
			return p.refuse(pos+len(text), "key %s of option %s needs '=' and a value", key, option)
		case len(text)+1 < len(elem):
			vals[key] = specValue{pos + len(text) + 1, pos + len(elem)}
		}
		pos += len(elem) + 1
	}
	return nil
}

func (p *specParser) share(begin int, vals specValues) error {
	if p.sp.Share != "" {
		return p.refuse(begin, "option share is given twice")
	}
	v := vals["port"]
	name, next, err := p.port(v.pos, v.end)
	if err != nil {
		return err
	}
	if next != v.end {
		return p.refuse(next, "option share takes a port name only, not %s (mode and flags go before the options)", p.at(next))
	}
	p.sp.Share = name
	return nil
}

// conf lays the keys over what there is, the less specific ones first.
func (p *specParser) conf(vals specValues) error {
	c := &p.sp.Conf
	return cmp.Or(
		setKey(p, vals, "rings", &c.TxRings, &c.RxRings),
		setKey(p, vals, "tx-rings", &c.TxRings),
		setKey(p, vals, "rx-rings", &c.RxRings),
		setKey(p, vals, "host-rings", &c.HostTxRings, &c.HostRxRings),
		setKey(p, vals, "host-tx-rings", &c.HostTxRings),
		setKey(p, vals, "host-rx-rings", &c.HostRxRings),
		setKey(p, vals, "slots", &c.TxSlots, &c.RxSlots),
		setKey(p, vals, "tx-slots", &c.TxSlots),
		setKey(p, vals, "rx-slots", &c.RxSlots),
	)
}

func (p *specParser) extMem(begin int, vals specValues) error {
	m := &p.sp.ExtMem
	if m.File != "" {
		return p.refuse(begin, "option extmem is given twice")
	}
	file := vals["file"]
	m.File = p.s[file.pos:file.end]
	return cmp.Or(
		setKey(p, vals, "if-num", &m.IfNum),
		setKey(p, vals, "if-size", &m.IfSize),
		setKey(p, vals, "ring-num", &m.RingNum),
		setKey(p, vals, "ring-size", &m.RingSize),
		setKey(p, vals, "buf-num", &m.BufNum),
		setKey(p, vals, "buf-size", &m.BufSize),
	)
}

func (p *specParser) offset(begin int, vals specValues) error {
	o := &p.sp.Offset
	if o.Set {
		return p.refuse(begin, "option offset is given twice")
	}
	o.Set = true
	if err := cmp.Or(
		setKey(p, vals, "initial", &o.Initial),
		setKey(p, vals, "bits", &o.Bits),
	); err != nil {
		return err
	}
	if o.Bits > 64 {
		return p.refuse(vals["bits"].pos, "the value of bits must be 0..64")
	}
	return nil
}

// setKey writes a key's number to each dst, if the key was given.
func setKey[T uint16 | uint32 | uint64](p *specParser, vals specValues, key string, dst ...*T) error {
	v, ok := vals[key]
	if !ok {
		return nil
	}
	p.pos = v.pos
	n, err := p.number("the value of "+key, 0, uint64(^T(0)))
	if err != nil {
		return err
	}
	if p.pos != v.end {
		return p.refuse(p.pos, "the value of %s must be a decimal number, not %q", key, p.s[v.pos:v.end])
	}
	for _, d := range dst {
		*d = T(n)
	}
	return nil
}
