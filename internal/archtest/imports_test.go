package archtest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tidewire/tidewire/"

// rules says what the packages below a folder may import of this module, beside
// their own folder. The first rule whose folder holds a package is its rule.
var rules = []struct {
	folder    string
	mayImport []string
}{
	{"toolkit/message", nil},
	{"toolkit/failure", nil},
	{"toolkit/run", nil},
	{"toolkit/store", []string{"toolkit/message"}},
	{"toolkit/span", []string{"toolkit/message", "toolkit/store"}},
	{"toolkit/queue", []string{"toolkit/message", "toolkit/store", "toolkit/failure", "toolkit/run", "toolkit/span"}},
	{"toolkit/stream", []string{"toolkit/message", "toolkit/store", "toolkit/failure", "toolkit/run", "toolkit/span"}},
	{"toolkit", []string{"toolkit"}},
	{"driver/*", []string{"toolkit"}},
	{"shop/contract", nil},
	{"shop/money", nil},
	{"shop/api", nil}, // made from .proto files
	{"shop/door/rpc", []string{"toolkit", "shop/door", "shop/api"}},
	{"shop/door", []string{"toolkit", "shop/money"}},
	{"shop/*", []string{"toolkit", "shop/contract", "shop/door", "shop/money", "shop/api"}},
	{"audit", nil}, // independent: no product package
	{"load", nil},  // speaks HTTP only
	{"simulator", []string{"toolkit", "driver/sqlite"}},
	{"internal/databases", []string{"toolkit", "driver"}},
	{"internal", nil},
	{"lab/style", []string{"shop", "toolkit", "simulator", "internal"}},
	{"lab", []string{"toolkit", "driver"}},
	{"bench", []string{"toolkit", "driver", "shop", "simulator", "load", "cmd"}},
	{"examples", []string{"toolkit", "driver", "shop/contract"}},
	{"cmd", []string{"toolkit", "driver", "shop", "audit", "load", "simulator"}},
}

// A test may also stand its package on a real database, and check what it did.
var testsMayImport = []string{"driver", "toolkit", "simulator", "audit", "internal/databases"}

// foreign says which other modules the packages below a folder may import.
var foreign = []struct {
	folder    string
	mayImport []string
}{
	{"toolkit", []string{"go.opentelemetry.io/otel", "github.com/google/uuid", "github.com/go-json-experiment/json"}},
}

// Nobody but a driver, and those that look with SQL of their own, imports these.
var clients = []string{"github.com/jackc/pgx", "modernc.org/sqlite", "zombiezen.com/go/sqlite", "github.com/pressly/goose"}

var mayImportClients = []string{"driver", "audit", "bench", "lab"}

func TestImports(t *testing.T) {
	for _, s := range tree(t) {
		for _, im := range s.imports() {
			if !allowed(s.dir(), im, s.test()) {
				t.Errorf("%s may not import %s", s.path, im)
			}
		}
	}
}

// allowed reports whether a package (or a test of it) may import a path.
func allowed(from, im string, test bool) bool {
	to, ours := strings.CutPrefix(im, module)
	if !ours {
		return allowedForeign(from, im, test)
	}
	for _, r := range rules {
		own, ok := within(r.folder, from)
		if !ok {
			continue
		}
		folders := append([]string{own}, r.mayImport...)
		if test {
			folders = append(folders, testsMayImport...)
		}
		return inside(folders, to)
	}
	return false
}

func allowedForeign(from, im string, test bool) bool {
	if host, _, _ := strings.Cut(im, "/"); !strings.Contains(host, ".") || test {
		return true // the standard library
	}
	if inside(clients, im) {
		return inside(mayImportClients, from)
	}
	for _, r := range foreign {
		if _, ok := within(r.folder, from); ok {
			return inside(r.mayImport, im) && !inside([]string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters"}, im)
		}
	}
	return true
}

func inside(folders []string, dir string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		_, ok := within(folder, dir)
		return ok
	})
}

// within reports whether dir is folder or below it, and which folder a trailing
// * stands for.
func within(folder, dir string) (own string, ok bool) {
	want, have := strings.Split(folder, "/"), strings.Split(dir, "/")
	if len(have) < len(want) {
		return "", false
	}
	have = have[:len(want)]
	if last := len(want) - 1; want[last] == "*" {
		want[last] = have[last]
	}
	return strings.Join(have, "/"), slices.Equal(want, have)
}

func TestAllowed(t *testing.T) {
	const ours = module
	for _, tt := range []struct {
		from, to string
		test     bool
		want     bool
	}{
		{from: "cmd/tidewire", to: ours + "shop/order", want: true},
		{from: "cmd/tidewire", to: ours + "audit", want: true},
		{from: "shop/order", to: ours + "toolkit/stream", want: true},
		{from: "shop/order", to: ours + "shop/contract", want: true},
		{from: "shop/order", to: ours + "shop/payment"},
		{from: "shop/order", to: ours + "driver/sqlite"},
		{from: "shop/order", to: ours + "driver/sqlite", test: true, want: true},
		{from: "shop/order", to: ours + "shop/payment", test: true},
		{from: "shop/order", to: "github.com/jackc/pgx/v5"},
		{from: "shop/order/internal", to: ours + "shop/order", want: true},
		{from: "shop/contract", to: ours + "toolkit/queue"},
		{from: "driver/postgres", to: ours + "toolkit/queue", want: true},
		{from: "driver/postgres", to: ours + "driver/sqlite"},
		{from: "driver/postgres", to: "github.com/jackc/pgx/v5/pgxpool", want: true},
		{from: "toolkit/stream", to: ours + "shop/order"},
		{from: "toolkit/message", to: ours + "toolkit/queue"},
		{from: "toolkit/stream", to: "go.opentelemetry.io/otel/metric", want: true},
		{from: "toolkit/stream", to: "go.opentelemetry.io/otel/sdk/metric"},
		{from: "toolkit/stream", to: "golang.org/x/sync/errgroup"},
		{from: "audit", to: ours + "toolkit/store"},
		{from: "audit", to: "modernc.org/sqlite", want: true},
		{from: "load", to: ours + "shop/contract"},
		{from: "somewhere/new", to: ours + "toolkit/queue"},
		{from: "somewhere/new", to: "encoding/json", want: true},
	} {
		if got := allowed(tt.from, tt.to, tt.test); got != tt.want {
			t.Errorf("allowed(%q, %q, test=%v) = %v, want %v", tt.from, tt.to, tt.test, got, tt.want)
		}
	}
}

const maxDepth = 9

func TestImportDepth(t *testing.T) {
	graph := map[string][]string{}
	for _, s := range tree(t) {
		if s.test() {
			continue
		}
		for _, im := range s.imports() {
			if to, ours := strings.CutPrefix(im, module); ours {
				graph[s.dir()] = append(graph[s.dir()], to)
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(graph)) {
		if chain := longest(graph, dir); len(chain) > maxDepth {
			t.Errorf("import chain of %d packages, at most %d: %s", len(chain), maxDepth, strings.Join(chain, " > "))
		}
	}
}

// longest is the longest import chain that begins at dir. The compiler has refused
// cycles already.
func longest(graph map[string][]string, dir string) []string {
	var best []string
	for _, to := range graph[dir] {
		if c := longest(graph, to); len(c) > len(best) {
			best = c
		}
	}
	return append([]string{dir}, best...)
}
