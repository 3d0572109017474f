package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lay makes a data directory: of each file what is in it.
func lay(t *testing.T, files map[string]string) (path string) {
	t.Helper()
	path = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// stored is every file of a data directory, with what is in it.
func stored(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

func TestDatabasesThatMustBeThere(t *testing.T) {
	for _, tt := range []struct {
		name    string
		files   map[string]string
		there   string
		refused string
	}{
		{name: "fresh"},
		{name: "of before the list", files: map[string]string{"a.db": "x", "b.db": "x"}, there: "a b"},
		{name: "of before the list and of a service", files: map[string]string{"a.db": "x"}, there: "a"},
		{name: "of before the list, one empty", files: map[string]string{"a.db": "x", "b.db": ""}, refused: "b.db is empty"},
		{name: "all there", files: map[string]string{"DATABASES": "a\nb\n", "a.db": "x", "b.db": "x"}, there: "a b"},
		{name: "one missing", files: map[string]string{"DATABASES": "a\nb\n", "b.db": "x"}, refused: "a.db is missing"},
		{name: "one empty", files: map[string]string{"DATABASES": "a\nb\n", "a.db": "x", "b.db": ""}, refused: "b.db is empty"},
		{name: "a service is new", files: map[string]string{"DATABASES": "a\n", "a.db": "x"}, there: "a"},
		{name: "died while it made the first", files: map[string]string{"DATABASES": "", "a.db": "x", "b.db": ""}, there: "a"},
		{name: "died while it made a new one", files: map[string]string{"DATABASES": "a\n", "a.db": "x", "b.db": ""}, there: "a"},
		{name: "of a later version", files: map[string]string{"DATABASES": "a\nb\nc\n", "a.db": "x", "b.db": "x", "c.db": "x"}, there: "a b c"},
		{name: "none left", files: map[string]string{"DATABASES": "a\nb\n"}, refused: "a.db is missing and b.db is missing"},
		{name: "of before the list, died at once", files: map[string]string{"a.db": "", "b.db": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := lay(t, tt.files)
			there, err := databases(path, []string{"a", "b"})
			if tt.refused == "" && (err != nil || strings.Join(there, " ") != tt.there) {
				t.Errorf("got %q, %v, want %q", there, err, tt.there)
			}
			if tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused) || !strings.Contains(err.Error(), "Restore it from a backup")) {
				t.Errorf("got %q, %v, want it refused: %s", there, err, tt.refused)
			}
			if got := stored(t, path); !maps.Equal(got, tt.files) {
				t.Errorf("it changed the directory: %v", got)
			}
		})
	}
	if _, err := databases("/proc/self/cmdline", nil); err == nil || !strings.HasPrefix(err.Error(), "data directory: ") {
		t.Errorf("no directory: got %v", err)
	}
}

func TestListIsReplaced(t *testing.T) {
	d := &dataDir{path: t.TempDir()}
	for _, names := range [][]string{nil, {"a", "b"}, {"a", "b"}, {"a"}} {
		if err := d.list(names); err != nil {
			t.Fatal(err)
		}
		text := ""
		if len(names) > 0 {
			text = strings.Join(names, "\n") + "\n"
		}
		if got, want := stored(t, d.path), map[string]string{databaseList: text}; !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	d.path = filepath.Join(d.path, "none")
	if err := d.list(nil); err == nil || !strings.HasPrefix(err.Error(), "data directory: ") {
		t.Errorf("got %v", err)
	}
}

// A database that is lost among others is not made anew, and what is left is not touched.
func TestLostDatabaseIsRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	r.kill()
	text, err := os.ReadFile(filepath.Join(data, databaseList))
	if err != nil || !slices.Equal(strings.Fields(string(text)), serviceNames()) {
		t.Fatalf("listed are %q, %v", text, err)
	}
	r = up(t, data, "user") // whoever was killed left nothing that is refused
	if exit, _ := r.term(); exit != exitDone {
		t.Fatalf("exit %d", exit)
	}
	file := filepath.Join(data, "order.db")
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(why string) {
		t.Helper()
		before := stored(t, data)
		exit, out, stderr := tidewire(t, "up", "--data", data, "--listen", "127.0.0.1:0", "--set", "admin=127.0.0.1:0", "--set", "grpc.listen=127.0.0.1:0")
		if exit != exitWrong || out != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, why) {
			t.Errorf("exit %d, %q, %q; want 2 and %q", exit, out, stderr, why)
		}
		if !maps.Equal(stored(t, data), before) {
			t.Error("it changed the directory")
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("order.db is empty. Restore it")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refused("order.db is missing")
	if err := os.WriteFile(file, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	r = up(t, data)
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	r.term()
	for _, name := range []string{databaseList, "shipping.db"} { // as an older version left it, without a service
		if err := os.Remove(filepath.Join(data, name)); err != nil {
			t.Fatal(err)
		}
	}
	up(t, data)
}

// A start that is refused for its database leaves nothing behind.
func TestRefusedDatabaseLeavesNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	exit, _, stderr := tidewire(t, "up", "--data", data, "--listen", "127.0.0.1:0", "--set", "admin=127.0.0.1:0", "--set", "grpc.listen=127.0.0.1:0", "--set", "database=postgres://x:hush@127.0.0.1:1/shop")
	if exit != exitWrong || !strings.Contains(stderr, "127.0.0.1:1") {
		t.Errorf("exit %d, %q", exit, stderr)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data directory: %v, want none", err)
	}
}
