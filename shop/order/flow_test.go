package order

import (
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

	"github.com/tidewire/tidewire/shop/contract"
)

const flowPage = "flow.md"

// The page that readers see is what the code says.
func TestFlowPage(t *testing.T) {
	want := flowText()
	got, err := os.ReadFile(flowPage)
	if err != nil || string(got) != want {
		if os.Getenv("UPDATE") != "" {
			err = os.WriteFile(flowPage, []byte(want), 0o644)
		}
		t.Errorf("%s is not what flow.go says (%v); run this test with UPDATE=1 and look at it", flowPage, err)
	}
}

// What the project's pages show of the flow stands between two marks, and is what the code
// says.
func TestPagesShowTheFlow(t *testing.T) {
	for _, c := range []struct{ page, part, want string }{
		{"../../README.md", "saga", "```mermaid\n" + Diagram(contract.Orchestrated) + "```"},
		{"../../ARCHITECTURE.md", "consumers", strings.TrimSuffix(Consumers(), "\n")},
	} {
		text, err := os.ReadFile(c.page)
		if err != nil {
			t.Fatal(err)
		}
		mark, end := "<!-- "+c.part+": made from shop/order/saga.go and flow.go -->\n", "\n<!-- end -->"
		before, rest, found := strings.Cut(string(text), mark)
		got, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Errorf("%s has no %s", c.page, mark)
			continue
		}
		if got != c.want {
			if os.Getenv("UPDATE") != "" {
				err = os.WriteFile(c.page, []byte(before+mark+c.want+end+after), 0o644)
			}
			t.Errorf("%s: %s is not what the code says (%v); run this test with UPDATE=1 and look at it", c.page, c.part, err)
		}
	}
}

// flowText is the whole of it.
func flowText() string {
	var b strings.Builder
	b.WriteString("# How an order flows\n\nMade from [saga.go](saga.go) and [flow.go](flow.go) by their test.\n")
	for _, style := range []struct{ name, says string }{
		{contract.Orchestrated, "The order service asks one service after the other, and undoes what was done if one refuses. This is the default."},
		{contract.Choreographed, "Nobody conducts: each service follows what the one before has said."},
		{contract.Parallel, "Payment and inventory take the order at once; the order joins their answers. One refusal undoes the other."},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```mermaid\n%s```\n", style.name, style.says, Diagram(style.name))
	}
	b.WriteString("\n## Who follows what\n\n" + Consumers() + "\n## All of it\n\nAn empty style is all of them.\n\n" + Table())
	return b.String()
}

// Every event that there is has its place in the flow, and is said before it is followed.
func TestFlowNamesEveryEvent(t *testing.T) {
	named, said := map[string]bool{}, map[string]bool{}
	for _, s := range Flow() {
		if s.Says != nil {
			said[s.Says.Kind()] = true
		}
		if s.Else != nil {
			said[s.Else.Kind()] = true
		}
		for _, after := range s.After {
			if _, outside := after.(Cause); !outside {
				named[after.Kind()] = true
			}
		}
	}
	for k := range named {
		if !said[k] {
			t.Errorf("%s is followed and never said", k)
		}
	}
	if got, want := slices.Sorted(maps.Keys(said)), contracts(t); !slices.Equal(got, want) {
		t.Errorf("the flow says %v\nthe contracts are %v", got, want)
	}
}

// contracts returns the types of the contract package that have a method Kind.
func contracts(t *testing.T) (names []string) {
	files, err := filepath.Glob("../contract/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if filepath.Base(name) == "question.go" { // no stream bears what is in there
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if f, ok := n.(*ast.FuncDecl); ok && f.Name.Name == "Kind" && f.Recv != nil {
				names = append(names, f.Recv.List[0].Type.(*ast.Ident).Name)
			}
			return true
		})
	}
	slices.Sort(names)
	return names
}

func TestOrderFollowsWhatTheFlowSays(t *testing.T) {
	var got []string
	for _, h := range (&Service{}).Streams() {
		got = append(got, h.Kind)
	}
	want := Follows("order")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("order follows %v\nthe flow says  %v", got, want)
	}
}
