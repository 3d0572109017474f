package contract_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	"github.com/tidewire/tidewire/shop/contract"
)

var update = flag.Bool("update", false, "store the schemas of contracts that are new or have more to say")

// TestSchemas holds each contract against the schema that others were given. What would
// break a reader, or what is stored already, is named; what is merely new is stored with
//
//	go test ./shop/contract -update
func TestSchemas(t *testing.T) {
	reflector := &jsonschema.Reflector{Anonymous: true, AllowAdditionalProperties: true, ExpandedStruct: true}
	if err := reflector.AddGoComments("github.com/tidewire/tidewire/shop/contract", "./"); err != nil {
		t.Fatal(err)
	}
	for _, c := range contract.All() {
		t.Run(c.Data.Kind(), func(t *testing.T) {
			s := reflector.Reflect(c.Data)
			s.Title = c.Data.Kind()
			is, err := json.MarshalIndent(s, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("schema", c.Data.Kind()+".json")
			was, err := os.ReadFile(path)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			for _, change := range breaking(t, was, is) {
				t.Errorf("%s: %s. Publish it under a new name, or keep both", c.Data.Kind(), change)
			}
			switch is = append(is, '\n'); {
			case string(was) == string(is) || t.Failed():
			case *update:
				if err := os.WriteFile(path, is, 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s says something new: go test ./shop/contract -update", path)
			}
		})
	}
}

// TestEveryContractHasASchema finds the types that have a Kind, and the schemas that no
// contract has any more.
func TestEveryContractHasASchema(t *testing.T) {
	var named []string
	for _, c := range contract.All() {
		named = append(named, c.Data.Kind())
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Kind" {
				if kind := fmt.Sprint(f.Recv.List[0].Type); !slices.Contains(named, kind) {
					t.Errorf("%s has no place in the list of contracts", kind)
				}
			}
		}
	}
	stored, err := filepath.Glob("schema/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stored {
		if kind := strings.TrimSuffix(filepath.Base(path), ".json"); !slices.Contains(named, kind) {
			t.Errorf("%s: the contract is gone, and what was said is still stored", kind)
		}
	}
}

// A schema is as much of a JSON Schema as tells what a message looks like.
type schema struct {
	Ref        string            `json:"$ref"`
	Defs       map[string]schema `json:"$defs"`
	Type       string            `json:"type"`
	Format     string            `json:"format"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
}

// breaking names the changes from was to is that a reader of messages could not bear, or
// that messages which are stored do not have.
func breaking(t *testing.T, was, is []byte) []string {
	t.Helper()
	if was == nil {
		return nil
	}
	var before, after schema
	for text, s := range map[*schema][]byte{&before: was, &after: is} {
		if err := json.Unmarshal(s, text); err != nil {
			t.Fatal(err)
		}
	}
	return compare("", before.resolved(before.Defs), after.resolved(after.Defs), before.Defs, after.Defs)
}

func (s schema) resolved(defs map[string]schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		return defs[name]
	}
	return s
}

func compare(at string, was, is schema, before, after map[string]schema) (changes []string) {
	if was.Type != is.Type || was.Format != is.Format {
		return []string{fmt.Sprintf("%s was %s, and is %s", at, strings.TrimSpace(was.Type+" "+was.Format), strings.TrimSpace(is.Type+" "+is.Format))}
	}
	if was.Items != nil && is.Items != nil {
		changes = compare(at+"[]", was.Items.resolved(before), is.Items.resolved(after), before, after)
	}
	for _, name := range slices.Sorted(maps.Keys(was.Properties)) {
		field := strings.TrimPrefix(at+"."+name, ".")
		now, there := is.Properties[name]
		switch required, requires := slices.Contains(was.Required, name), slices.Contains(is.Required, name); {
		case !there:
			changes = append(changes, field+" is gone")
		case required && !requires:
			changes = append(changes, field+" may be absent now")
		case requires && !required:
			changes = append(changes, field+" must be there now, and is not in what is stored")
		default:
			changes = append(changes, compare(field, was.Properties[name].resolved(before), now.resolved(after), before, after)...)
		}
	}
	for _, name := range is.Required {
		if _, there := was.Properties[name]; !there {
			changes = append(changes, strings.TrimPrefix(at+"."+name, ".")+" is new and must be there: it is not in what is stored")
		}
	}
	return changes
}

// TestBreaking shows that each incompatible change is named, and that others are not.
func TestBreaking(t *testing.T) {
	const was = `{"$defs":{"Line":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}},"type":"object",
		"properties":{"id":{"type":"string"},"at":{"type":"string","format":"date-time"},"note":{"type":"string"},
		"lines":{"type":"array","items":{"$ref":"#/$defs/Line"}}},"required":["id","at","lines"]}`
	for _, tt := range []struct{ old, new, want string }{
		{"", "", "[]"},
		{`"note":{"type":"string"}`, `"note":{"type":"string","description":"new"},"more":{"type":"string"}`, "[]"},
		{`"id":{"type":"string"},`, ``, "[id is gone]"},
		{`"id":{"type":"string"}`, `"id":{"type":"integer"}`, "[id was string, and is integer]"},
		{`"format":"date-time"`, `"format":"date"`, "[at was string date-time, and is string date]"},
		{`"required":["id","at","lines"]`, `"required":["at","lines"]`, "[id may be absent now]"},
		{`"required":["id","at","lines"]`, `"required":["id","at","lines","note"]`, "[note must be there now, and is not in what is stored]"},
		{`"properties":{"id"`, `"properties":{"new":{"type":"string"},"id"`, "[]"},
		{`"n":{"type":"integer"}`, `"n":{"type":"string"}`, "[lines[].n was integer, and is string]"},
		{`"n":{"type":"integer"}},"required":["n"]`, `"n":{"type":"integer"},"m":{"type":"integer"}},"required":["n","m"]`, "[lines[].m is new and must be there: it is not in what is stored]"},
	} {
		is := strings.Replace(was, tt.old, tt.new, 1)
		if got := fmt.Sprint(breaking(t, []byte(was), []byte(is))); got != tt.want {
			t.Errorf("%s → %s: %s, want %s", tt.old, tt.new, got, tt.want)
		}
	}
}

// Who validates a message finds what it is to look like.
func TestSchema(t *testing.T) {
	for _, c := range contract.All() {
		text, ok := contract.Schema(c.Data.Kind())
		if stored, err := os.ReadFile(filepath.Join("schema", c.Data.Kind()+".json")); !ok || err != nil || string(text) != string(stored) {
			t.Errorf("%s: %v, %v; want what is stored", c.Data.Kind(), ok, err)
		}
	}
	for _, kind := range []string{"", "expire", "../contract", "ordercreated", "OrderCreated.json", "*"} {
		if text, ok := contract.Schema(kind); ok {
			t.Errorf("%q is no contract, and has a schema: %s", kind, text)
		}
	}
}
