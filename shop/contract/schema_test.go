package contract_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
)

var update = flag.Bool("update", false, "store the schemas of contracts that are new or have more to say")

// TestSchemas holds each contract against the schema that others were given. What would
// break a reader, or what is stored already, is named; what is merely new is stored with
//
//	go test ./shop/contract -update
func TestSchemas(t *testing.T) {
	reflector := &jsonschema.Reflector{Anonymous: true, AllowAdditionalProperties: true, ExpandedStruct: true}
	if err := reflector.AddGoComments("github.com/tidewire/tidewire/shop/contract", "./", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	for of, comment := range reflector.CommentMap {
		reflector.CommentMap[of] = strings.ReplaceAll(comment, "\n", " ")
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
			if was != nil {
				for _, change := range changes(parsed(t, was), parsed(t, is)) {
					t.Errorf("%s: %s. Publish it under a new name, or keep both", c.Data.Kind(), change)
				}
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

// Each contract has an example that says what its type can say and nothing else.
func TestExamples(t *testing.T) {
	for _, c := range contract.All() {
		kind := c.Data.Kind()
		text, ok := contract.Example(kind)
		if !ok {
			t.Errorf("%s has no example: make example/%s.json of a message, as tidewire stream tail --json prints it", kind, kind)
			continue
		}
		var e cloudevent.Event
		if err := json.Unmarshal(text, &e); err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		m, from, err := e.Message()
		if err != nil || m.Kind != kind || from.Source != cloudevent.Source(c.By) || (m.Key == "") != c.Asks || m.Trace == "" || m.Time.IsZero() {
			t.Errorf("%s: %+v from %+v, %v: not what %s says", kind, m, from, err, c.By)
		}
		data := reflect.New(reflect.TypeOf(c.Data))
		strict := json.NewDecoder(bytes.NewReader(m.Body))
		strict.DisallowUnknownFields()
		if err := strict.Decode(data.Interface()); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		again, err := json.Marshal(data.Interface())
		if got, want := parsed(t, again), parsed(t, m.Body); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: it says %v, and its type %v, %v", kind, want, got, err)
		}
	}
	stored, err := filepath.Glob("example/*.json")
	if err != nil || len(stored) != len(contract.All()) {
		t.Errorf("%d examples of %d contracts, %v", len(stored), len(contract.All()), err)
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
