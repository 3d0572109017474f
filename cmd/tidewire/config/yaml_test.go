package config

import (
	"fmt"
	"strings"
	"testing"
)

// What is wrong in a file is found by its line.
func TestLinesOfAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"a duration", "data: x\n\nretention: soon\n", 3, `retention: "soon" is no duration such as 30d or 12h`},
		{"a word", "log:\n  format: text\n  level: loud\n", 3, `log.level: "loud" is not one of debug, info, warn, error`},
		{"of a later version", "data: x\nauth.issuer: x\n", 2, "auth.issuer is not yet in this version"},
		{"a list", "data: x\nlog:\n  level:\n    - info\n", 4, "log.level must be one value"},
		{"a value where keys belong", "data: x\norder: choreographed\n", 2, `unknown key "order"`},
		{"keys where a value belongs", "listen:\n  host: x\n", 2, `unknown key "listen.host": did you mean "listen"?`},
		{"a second document", "data: x\n---\nlisten:\n  - a\n", 4, "listen must be one value"},
	} {
		file := write(t, "t.yaml", tt.text)
		_, err := Load(Source{File: file})
		if begin := fmt.Sprintf("%s:%d:", file, tt.line); err == nil || !strings.HasPrefix(err.Error(), begin) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want line %d and %q", tt.name, err, tt.line, tt.want)
		}
	}
	for name, text := range map[string]string{"empty": "", "only remarks": "# data: x\n", "null": "null\n", "a document that is empty": "---\n"} {
		if l, err := Load(Source{File: write(t, "t.yaml", text)}); err != nil || l.Data != "./tidewire-data" {
			t.Errorf("%s: got %v, want the defaults", name, err)
		}
	}
}

func TestWaysToWriteAValue(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ text, want string }{
		{"data: plain\n", "plain"},
		{"data: 'with: colon # and hash'\n", "with: colon # and hash"},
		{"data: \"tab\\there\"\n", "tab\there"},
		{"data: 4711\n", "4711"},
		{"data: true\n", "true"},
		{"data: |\n  a block\n", "a block"},
		{"data: x # a remark\n", "x"},
		{"{data: x}\n", "x"},
	} {
		l, err := Load(Source{File: write(t, "t.yaml", tt.text)})
		if err != nil || l.Data != tt.want {
			t.Errorf("%q: got %v, want %q", tt.text, err, tt.want)
		}
	}
	if _, err := Load(Source{File: write(t, "t.yaml", "data:\n")}); err == nil || !strings.Contains(err.Error(), "data: must name a directory") {
		t.Errorf("nothing: got %v", err)
	}
}
