package contract_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
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
