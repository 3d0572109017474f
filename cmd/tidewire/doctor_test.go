package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/shop/operate"
)

func whats(found []operate.Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.Where + ": " + f.What + "\n")
	}
	return b.String()
}

func TestAtRest(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	c := config.Config{Data: none, Admin: "127.0.0.1:1"}
	if found := atRest(t.Context(), c, errNotRunning); len(found) != 1 {
		t.Errorf("nothing there yet: got %s", whats(found))
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("looking has made the data directory")
	}

	c.Data = t.TempDir()
	for name, text := range map[string]string{"good.db": "SQLite format 3\x00 and so on", "empty.db": "", "bad.db": "something else entirely"} {
		if err := os.WriteFile(filepath.Join(c.Data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.Database = "postgres://tidewire:hush@127.0.0.1:1/shop"
	got := whats(atRest(t.Context(), c, errNotRunning))
	for _, want := range []string{"bad.db is damaged", "database: "} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant %q", got, want)
		}
	}
	if strings.Contains(got, "good.db") || strings.Contains(got, "empty.db") || strings.Contains(got, "hush") {
		t.Errorf("got\n%s", got)
	}

	held, err := openDataDir(c.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if got := whats(atRest(t.Context(), c, errNotRunning)); !strings.Contains(got, "in use by process") {
		t.Errorf("held by a platform whose door is elsewhere: got\n%s", got)
	}
}

func TestDiskThatCannotBeAsked(t *testing.T) {
	if _, err := nearlyFull("/nowhere/at/all"); err == nil {
		t.Error("got nil, want an error")
	}
}

func TestWhatACommandEndsWith(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{{nil, exitDone}, {errFound, exitFound}, {errors.New("x"), exitFound}, {wrong(errors.New("x")), exitWrong}} {
		var out strings.Builder
		if got := (&console{err: &out}).end(tt.err); got != tt.want {
			t.Errorf("%v: got %d, want %d", tt.err, got, tt.want)
		}
		if said := out.String() != ""; said != (tt.want == exitWrong || tt.err != nil && tt.err != errFound) {
			t.Errorf("%v: said %q", tt.err, out.String())
		}
	}
	if err := errors.New("x"); !errors.Is(wrong(err), err) {
		t.Error("wrong hides its cause")
	}
}
