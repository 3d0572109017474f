package archtest

import (
	"fmt"
	"strings"
	"testing"
)

// Each violation, planted, must be found: a silent check proves nothing.
func TestPlanted(t *testing.T) {
	const head = "// Package a is documented.\npackage a\n"
	for _, tt := range []struct{ name, file, text, want string }{
		{"nothing", "a/a.go", head + "// F is fine.\nfunc F(a, b, c, d, e int) {}\n", ""},
		{"package comment", "a/a.go", "package a\n", "has no package comment"},
		{"function comment", "a/a.go", head + "func F() {}\n", "F has no comment"},
		{"method comment", "a/a.go", head + "// T is.\ntype T int\nfunc (T) M() {}\n", "M has no comment"},
		{"method of a private type", "a/a.go", head + "type t int\nfunc (t) M() {}\n", ""},
		{"type comment", "a/a.go", head + "type T int\n", "T has no comment"},
		{"constant comment", "a/a.go", head + "const C = 1\n", "C has no comment"},
		{"long file", "a/a.go", head + strings.Repeat("\n", maxFileLines), "has 502 lines"},
		{"long function", "a/a.go", head + "func f() {\n" + strings.Repeat("\n", maxFuncLines) + "}\n", "has 82 lines"},
		{"parameters", "a/a.go", head + "func f(a, b, c, d, e, g int) {}\n", "has 6 parameters"},
		{"methods", "a/a.go", head + "type i interface{ A(); B(); C(); D(); E(); F(); G(); H() }\n", "has 8 methods"},
		{"init", "a/a.go", head + "func init() {}\n", "is an init function"},
		{"exported", "a/a.go", head + many(maxExported+1), "exports 51 names"},
		{"contract is exempt", "shop/contract/a.go", head + many(maxExported+1), ""},
		{"zero variable", "a/a.go", head + "var v int\n", "v is a variable of the package that changes"},
		{"assigned", "a/a.go", head + "var v = 1\nfunc f() { v = 2 }\n", "v is a variable"},
		{"counted", "a/a.go", head + "var v = 1\nfunc f() { v++ }\n", "v is a variable"},
		{"filled", "a/a.go", head + "var v = map[int]int{}\nfunc f() { v[1] = 2 }\n", "v is a variable"},
		{"shadowed", "a/a.go", head + "var v = 1\nfunc f() { v := 2; v = 3 }\n", ""},
		{"assertion", "a/a.go", head + "var _ error\n", ""},
		{"table", "a/a.go", head + "var v = []int{1}\n", ""},
		{"embedded", "a/a.go", head + "//go:embed x\nvar v string\n", ""},
		{"sleep", "a/a_test.go", head + "import \"time\"\nfunc f() { time.Sleep(1) }\n", "sleeps in a test"},
		{"fake sleep", "a/a_test.go", head + "import (\n\"time\"\n\"testing/synctest\"\n)\nfunc f() { time.Sleep(1) }\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := parse(t, tt.file, tt.text)
			got := strings.Join(check(s.dir(), []source{s}), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// many declares n documented names.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "// X%d is one.\nconst X%d = 1\n", i, i)
	}
	return b.String()
}
