package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A setting is one line of a file.
type setting struct {
	key, value string
	line       int
}

// parseYAML reads settings, nested or dotted. Its errors begin with a line number. It
// goes by the syntax tree, not by decoding: a decoded value has forgotten its line, and
// how 0x10 or yes was written.
func parseYAML(text []byte) ([]setting, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var bad yaml.Error
		if errors.As(err, &bad) && bad.GetToken() != nil {
			return nil, fmt.Errorf("%d: not YAML: %s", bad.GetToken().Position.Line, bad.GetMessage())
		}
		return nil, fmt.Errorf("1: not YAML: %w", err)
	}
	var settings []setting
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		settings, err = flatten(settings, "", doc.Body)
		if err != nil {
			return nil, err
		}
	}
	return settings, nil
}

// flatten appends what node says about keys below key. A key without a value counts as
// the empty text, so that it is refused where that makes no sense.
func flatten(to []setting, key string, node ast.Node) ([]setting, error) {
	line := node.GetToken().Position.Line
	switch n := node.(type) {
	case *ast.MappingNode:
		var err error
		for _, pair := range n.Values {
			if to, err = flatten(to, key, pair); err != nil {
				return nil, err
			}
		}
		return to, nil
	case *ast.MappingValueNode:
		name := n.Key.GetToken().Value
		if _, empty := n.Value.(*ast.NullNode); empty {
			return append(to, setting{dotted(key, name), "", n.Key.GetToken().Position.Line}), nil
		}
		return flatten(to, dotted(key, name), n.Value)
	case *ast.LiteralNode:
		return append(to, setting{key, strings.TrimSpace(n.Value.Value), line}), nil
	case ast.ScalarNode:
		if key != "" {
			return append(to, setting{key, n.GetToken().Value, line}), nil
		}
	}
	if key == "" {
		return nil, fmt.Errorf("%d: must be lines of key: value", line)
	}
	return nil, fmt.Errorf("%d: %s must be one value", line, key)
}

// dotted joins the names of nested keys.
func dotted(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
