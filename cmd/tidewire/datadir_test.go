package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestDataDirIsOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v, want mode 0700", info.Mode(), err)
	}
	if got := d.file("x.db"); got != filepath.Join(path, "x.db") {
		t.Errorf("got %s", got)
	}
	_, err = openDataDir(path)
	if want := "in use by process " + strconv.Itoa(os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a second time: got %v, want %s", err, want)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err = openDataDir(path)
	if err != nil {
		t.Fatalf("after it was closed: %v", err)
	}
	d.Close()
}

func TestLockOfADeadProcessIsTaken(t *testing.T) {
	path := t.TempDir()
	lock := filepath.Join(path, "LOCK")
	if err := os.WriteFile(lock, []byte("1234567890123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	text, err := os.ReadFile(lock)
	if want := strconv.Itoa(os.Getpid()) + "\n"; err != nil || string(text) != want {
		t.Errorf("got %q, %v, want %q", text, err, want)
	}
}

func TestDataDirThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below"), "/proc/tidewire"} {
		if _, err := openDataDir(path); err == nil || !strings.HasPrefix(err.Error(), "data directory: ") {
			t.Errorf("%s: got %v, want an error that begins with data directory", path, err)
		}
	}
	if _, err := free("/nowhere/at/all"); err == nil {
		t.Error("free: got nil, want an error")
	}
	if n, err := free(t.TempDir()); n == 0 || err != nil {
		t.Errorf("free: got %d, %v", n, err)
	}
}
