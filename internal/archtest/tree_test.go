package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A source is one parsed Go file of the module.
type source struct {
	path string // slash-separated, relative to the module
	fset *token.FileSet
	file *ast.File
	text string
}

func (s source) dir() string { return path.Dir(s.path) }

// test reports whether s is a test, or of a suite that is imported by tests only.
func (s source) test() bool {
	return strings.HasSuffix(s.path, "_test.go") || strings.HasSuffix(s.dir(), "test") || slices.Contains(s.imports(), "testing")
}

func (s source) imports() []string {
	var paths []string
	for _, im := range s.file.Imports {
		if p, err := strconv.Unquote(im.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }

func parse(t *testing.T, name, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return source{path: name, fset: fset, file: f, text: text}
}

// tree parses every file of the module that is written by hand.
func tree(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if s := parse(t, filepath.ToSlash(rel), string(text)); !ast.IsGenerated(s.file) {
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// packages groups files by their folder.
func packages(all []source) map[string][]source {
	by := map[string][]source{}
	for _, s := range all {
		by[s.dir()] = append(by[s.dir()], s)
	}
	return by
}
