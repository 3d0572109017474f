package contract_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A schema is a JSON Schema as text has it.
type schema = map[string]any

func parsed(t *testing.T, text []byte) (s schema) {
	t.Helper()
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// A pair is what was said of one place in a message, and what is.
type pair struct{ was, is schema }

// A comparison goes through two schemas at once.
type comparison struct {
	whole pair               // where references point to
	seen  map[[2]string]bool // references that were followed, as a type may hold itself
	found []string
}

// changes names what makes messages of the one schema something else under the other, by its
// path: a reader that knows the old one meets what it was not told, or one that knows the new
// one meets in what is stored what it cannot be. What is merely new, and may be absent, is none.
func changes(was, is schema) []string {
	c := &comparison{whole: pair{was, is}, seen: map[[2]string]bool{}}
	c.compare("", c.whole)
	return c.found
}

func (c *comparison) name(at, change string, args ...any) {
	if at == "" {
		at = "its data"
	}
	c.found = append(c.found, at+" "+fmt.Sprintf(change, args...))
}

// silent are the keywords that no message is different for.
var silent = []string{"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default", "deprecated"}

// structure are those that are compared by what they mean.
var structure = []string{"$ref", "type", "format", "properties", "required", "items", "additionalProperties"}

func (c *comparison) compare(at string, p pair) {
	refs := [2]string{fmt.Sprint(p.was["$ref"]), fmt.Sprint(p.is["$ref"])}
	if p.was["$ref"] != nil && p.is["$ref"] != nil {
		if c.seen[refs] {
			return
		}
		c.seen[refs] = true
		defer delete(c.seen, refs)
	}
	p = pair{resolved(p.was, c.whole.was), resolved(p.is, c.whole.is)}
	if was, is := form(p.was), form(p.is); was != is {
		c.name(at, "was %s, and is %s", was, is)
		return
	}
	c.limits(at, p)
	for _, inner := range []struct{ keyword, path string }{{"items", "[]"}, {"additionalProperties", "{}"}} {
		was, before := p.was[inner.keyword].(schema)
		is, after := p.is[inner.keyword].(schema)
		switch {
		case before && after:
			c.compare(at+inner.path, pair{was, is})
		case !same(open(p.was[inner.keyword]), open(p.is[inner.keyword])):
			c.name(at, "had %s %s, and has %s", inner.keyword, text(p.was[inner.keyword]), text(p.is[inner.keyword]))
		}
	}
	c.fields(at, p)
}

// fields compares the members of an object.
func (c *comparison) fields(at string, p pair) {
	before, after := members(p.was), members(p.is)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		field := strings.TrimPrefix(at+"."+name, ".")
		now, there := after[name]
		switch required, requires := needs(p.was, name), needs(p.is, name); {
		case !there:
			c.name(field, "is gone")
		case required && !requires:
			c.name(field, "may be absent now")
		case requires && !required:
			c.name(field, "must be there now, and is not in what is stored")
		default:
			c.compare(field, pair{before[name].(schema), now.(schema)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, there := before[name]; !there && needs(p.is, name) {
			c.name(strings.TrimPrefix(at+"."+name, "."), "is new and must be there: it is not in what is stored")
		}
	}
}

// limits compares every other keyword: wider is news to who reads, narrower is not what is stored.
func (c *comparison) limits(at string, p pair) {
	keywords := map[string]bool{}
	for _, s := range []schema{p.was, p.is} {
		for k := range s {
			keywords[k] = !slices.Contains(silent, k) && !slices.Contains(structure, k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(keywords)) {
		if keywords[k] && !same(p.was[k], p.is[k]) {
			c.name(at, "had %s %s, and has %s", k, text(p.was[k]), text(p.is[k]))
		}
	}
}

// resolved follows a reference within a document.
func resolved(s, whole schema) schema {
	ref, _ := s["$ref"].(string)
	name, ok := strings.CutPrefix(ref, "#/$defs/")
	if !ok {
		return s
	}
	defs, _ := whole["$defs"].(schema)
	found, _ := defs[name].(schema)
	return found
}

// form is what a value looks like; a type of several is those in order.
func form(s schema) string {
	kind := text(s["type"])
	if several, ok := s["type"].([]any); ok {
		kind = text(sorted(several))
	}
	format, _ := s["format"].(string)
	return strings.TrimSpace(strings.Trim(kind, `"`) + " " + format)
}

// open is what a keyword says that may be left out: further members are allowed.
func open(v any) any {
	if v == true {
		return nil
	}
	return v
}

func members(s schema) schema {
	m, _ := s["properties"].(schema)
	return m
}

func needs(s schema, name string) bool {
	required, _ := s["required"].([]any)
	return slices.Contains(required, any(name))
}

// same reports whether two values of a keyword mean the same; the order of a list does not.
func same(a, b any) bool {
	if x, ok := a.([]any); ok {
		a = sorted(x)
	}
	if y, ok := b.([]any); ok {
		b = sorted(y)
	}
	return reflect.DeepEqual(a, b)
}

func sorted(list []any) []any {
	return slices.SortedFunc(slices.Values(list), func(a, b any) int { return strings.Compare(text(a), text(b)) })
}

func text(v any) string {
	if v == nil {
		return "none"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
