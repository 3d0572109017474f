package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Parameters are bound by their numbers, whatever their order and however many there
// are, and what is quoted is text.
func TestParametersAreBoundByNumber(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	letters := func(n int) (args []any) {
		for i := range n {
			args = append(args, string(rune('a'+i)))
		}
		return args
	}
	var backwards []string
	for i := 26; i > 0; i-- {
		backwards = append(backwards, fmt.Sprintf("$%d", i))
	}
	for _, tt := range []struct {
		query string
		args  int
		want  string
	}{
		{`SELECT $1`, 1, "a"},
		{`SELECT $2 || $1`, 2, "ba"},
		{`SELECT $1 || $1 || $2 || $1`, 2, "aaba"},
		{`SELECT $10 || $1 || $11 || $2 || $3 || $4 || $5 || $6 || $7 || $8 || $9`, 11, "jakbcdefghi"},
		{`SELECT ` + strings.Join(backwards, " || "), 26, "zyxwvutsrqponmlkjihgfedcba"},
		{`SELECT '$2' || $1`, 1, "$2a"},
		{`SELECT 'it''s $2, ''$3''' || $1`, 1, "it's $2, '$3'a"},
		{`SELECT '' || $2 || '''' || $1 || ''`, 2, "b'a"},
		{`SELECT 'grün €$1' || $2 || $1`, 2, "grün €$1ba"},
		{`SELECT '$' || $1 || '$'`, 1, "$a$"},
		{"SELECT\n\t$2\n\t|| $1", 2, "ba"},
	} {
		for range 2 { // the second time it is prepared already
			var got string
			if err := db.View(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Row([]any{&got}, tt.query, letters(tt.args)...)
				return err
			}); err != nil || got != tt.want {
				t.Errorf("%s is %q, %v; want %q", tt.query, got, err, tt.want)
			}
		}
	}
}

// What cannot be bound or read is an error that names the statement, and the connection
// is as good as before.
func TestWhatDoesNotFitIsAnError(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	var s string
	var f float64
	for _, tt := range []struct {
		dest  []any
		query string
		args  []any
		want  string
	}{
		{[]any{&s}, "SELECT $1", nil, "SELECT $1: 0 parameters, want 1"},
		{[]any{&s}, "SELECT $1", []any{"a", "b"}, "2 parameters, want 1"},
		{[]any{&s}, "SELECT $2", []any{"a"}, "1 parameters, want 2"},
		{[]any{&s}, "SELECT $1", []any{1.5}, "parameter 1: cannot store a float64"},
		{[]any{&s}, "SELECT $1, $2", []any{"a", "b"}, "2 columns into 1"},
		{[]any{&f}, "SELECT 1", nil, "cannot scan column 0 into a *float64"},
		{[]any{&s}, "\n\tSELECT x\n\tFROM nowhere", nil, "SELECT x …: "},
		{[]any{&s}, "SELEKT 1", nil, "SELEKT 1: "},
	} {
		if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			if _, err := tx.Row(tt.dest, tt.query, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q with %d parameters: %v, want %q", tt.query, len(tt.args), err, tt.want)
			}
			found, err := tx.Row([]any{&s}, "SELECT $1", "still here")
			if !found || s != "still here" {
				t.Errorf("after %q a statement reads %q", tt.query, s)
			}
			return err
		}); err != nil {
			t.Errorf("after %q: %v", tt.query, err)
		}
	}
}
