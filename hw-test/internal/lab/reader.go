package lab

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A reader takes YAML nodes apart and collects what is wrong with them, so that
// a person sees all of it at once.
type reader struct {
	file string
	errs []error
}

// mostErrors is how many are collected; more help nobody.
const mostErrors = 20

func at(n *yaml.Node) position { return position{n.Line, n.Column} }

// fail notes what is wrong at a place. The format may wrap with %w.
func (r *reader) fail(p position, format string, args ...any) {
	if len(r.errs) < mostErrors {
		err := fmt.Errorf(format, args...)
		r.errs = append(r.errs, &Error{r.file, p.line, p.column, err.Error(), errors.Unwrap(err)})
	}
}

// A field is a key that a mapping may have.
type field struct {
	name string
	read func(value *yaml.Node)
}

// fields reads a mapping that has these keys and no others.
func (r *reader) fields(n *yaml.Node, what string, fields ...field) {
	r.entries(n, what, func(key string, keyNode, value *yaml.Node) {
		var names []string
		for _, f := range fields {
			if f.name == key {
				f.read(value)
				return
			}
			names = append(names, f.name)
		}
		if secret.MatchString(key) {
			r.fail(at(keyNode), "unknown key %.40q; %s", key, noSecrets)
			return
		}
		r.fail(at(keyNode), "unknown key %.40q; %s has %s", key, what, list(names))
	})
}

// entries reads a mapping of any keys, each once.
func (r *reader) entries(n *yaml.Node, what string, each func(key string, keyNode, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(at(n), "%s is %s, and has to be a mapping, a list of \"key: value\"", what, kind(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode:
			r.fail(at(k), "a key of %s is %s, and has to be a word", what, kind(k))
		case seen[k.Value] > 0:
			r.fail(at(k), "key %.40q is there twice; the first one is in line %d", k.Value, seen[k.Value])
		default:
			seen[k.Value] = k.Line
			each(k.Value, k, v)
		}
	}
}

// text reads one value that is not empty.
func (r *reader) text(n *yaml.Node, what string) string {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.fail(at(n), "%s is %s, and has to be one value", what, kind(n))
		return ""
	case n.Value == "" || isNull(n):
		r.fail(at(n), "%s is empty", what)
		return ""
	}
	return n.Value
}

// sequence reads a list.
func (r *reader) sequence(n *yaml.Node, what string, each func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		r.fail(at(n), "%s is %s, and has to be a list", what, kind(n))
		return
	}
	for _, c := range n.Content {
		each(c)
	}
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.Value == "" || isNull(n) {
		return "empty"
	}
	return fmt.Sprintf("the value %.40q", n.Value)
}

// list writes words as "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
