package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// The size budget: beyond it, the design is asking for another noun.
const (
	maxFileLines = 500
	maxFuncLines = 80
	maxExported  = 50
	maxParams    = 5
	maxMethods   = 7
)

func TestBudget(t *testing.T) {
	for dir, files := range packages(tree(t)) {
		for _, complaint := range check(dir, files) {
			t.Error(complaint)
		}
	}
}

// check returns what a package does against the budget.
func check(dir string, files []source) []string {
	var c complaints
	documented, exported, library := false, 0, false
	for _, s := range files {
		if lines := s.fset.File(s.file.Pos()).LineCount(); lines > maxFileLines {
			c.add(s.path, "has %d lines, at most %d", lines, maxFileLines)
		}
		if s.test() {
			c.sleeps(s)
			continue
		}
		library = library || s.file.Name.Name != "main"
		documented = documented || s.file.Doc != nil
		exported += c.file(s)
		c.variables(s, files)
	}
	if !documented && slices.ContainsFunc(files, func(s source) bool { return !s.test() }) {
		c.add(dir, "has no package comment")
	}
	if library && exported > maxExported && dir != "shop/contract" {
		c.add(dir, "exports %d names, at most %d", exported, maxExported)
	}
	return c
}

type complaints []string

func (c *complaints) add(where, format string, args ...any) {
	*c = append(*c, where+" "+fmt.Sprintf(format, args...))
}

// file checks the declarations of s, and returns how many names it exports.
func (c *complaints) file(s source) (exported int) {
	main := s.file.Name.Name == "main"
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			c.function(s, d)
			if d.Recv == nil && d.Name.IsExported() {
				exported++
			}
		case *ast.GenDecl:
			for _, name := range c.declared(s, d, main) {
				if name.IsExported() {
					exported++
				}
			}
		}
	}
	return exported
}

func (c *complaints) function(s source, d *ast.FuncDecl) {
	where := fmt.Sprintf("%s:%d %s", s.path, s.line(d.Pos()), d.Name.Name)
	if lines := s.line(d.End()) - s.line(d.Pos()) + 1; lines > maxFuncLines {
		c.add(where, "has %d lines, at most %d", lines, maxFuncLines)
	}
	if n := d.Type.Params.NumFields(); n > maxParams {
		c.add(where, "has %d parameters, at most %d", n, maxParams)
	}
	if d.Name.Name == "init" && d.Recv == nil {
		c.add(where, "is an init function")
	}
	if d.Name.IsExported() && d.Doc == nil && s.file.Name.Name != "main" && receiverExported(d) {
		c.add(where, "has no comment")
	}
}

func (c *complaints) declared(s source, d *ast.GenDecl, main bool) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range d.Specs {
		doc := d.Doc
		var here []*ast.Ident
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			here = []*ast.Ident{spec.Name}
			doc = first(doc, spec.Doc, spec.Comment)
			if it, ok := spec.Type.(*ast.InterfaceType); ok && it.Methods.NumFields() > maxMethods {
				c.add(s.path, "%s has %d methods, at most %d", spec.Name.Name, it.Methods.NumFields(), maxMethods)
			}
		case *ast.ValueSpec:
			here = spec.Names
			doc = first(doc, spec.Doc, spec.Comment)
		}
		for _, n := range here {
			if n.IsExported() && doc == nil && !main {
				c.add(fmt.Sprintf("%s:%d", s.path, s.line(n.Pos())), "%s has no comment", n.Name)
			}
		}
		names = append(names, here...)
	}
	return names
}

// variables finds package variables of s that any file of its package changes, or
// that are of use only when changed.
func (c *complaints) variables(s source, files []source) {
	for _, d := range s.file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			embedded := strings.Contains(comment(g.Doc)+comment(v.Doc), "//go:embed")
			for _, n := range v.Names {
				if n.Name == "_" {
					continue
				}
				if len(v.Values) == 0 && !embedded || assigned(n, files) {
					c.add(fmt.Sprintf("%s:%d", s.path, s.line(n.Pos())), "%s is a variable of the package that changes", n.Name)
				}
			}
		}
	}
}

// assigned reports whether a file assigns to the package variable n.
func assigned(n *ast.Ident, files []source) bool {
	found := false
	is := func(e ast.Expr) bool {
		if index, ok := e.(*ast.IndexExpr); ok {
			e = index.X
		}
		id, ok := e.(*ast.Ident)
		return ok && id.Name == n.Name && (id.Obj == nil || id.Obj == n.Obj)
	}
	for _, s := range files {
		ast.Inspect(s.file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.AssignStmt:
				found = found || node.Tok != token.DEFINE && slices.ContainsFunc(node.Lhs, is)
			case *ast.IncDecStmt:
				found = found || is(node.X)
			}
			return !found
		})
	}
	return found
}

// sleeps finds tests that wait for the real clock.
func (c *complaints) sleeps(s source) {
	if slices.Contains(s.imports(), "testing/synctest") {
		return // its clock is not real
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
				c.add(fmt.Sprintf("%s:%d", s.path, s.line(n.Pos())), "sleeps in a test")
			}
		}
		return true
	})
}

func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

func first(docs ...*ast.CommentGroup) *ast.CommentGroup {
	for _, d := range docs {
		if d != nil {
			return d
		}
	}
	return nil
}

func comment(g *ast.CommentGroup) string {
	var text strings.Builder
	if g != nil {
		for _, line := range g.List {
			text.WriteString(line.Text + "\n")
		}
	}
	return text.String()
}
