package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// copyDir copies a backup into a new data directory, as an operator would.
func copyDir(t *testing.T, from string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "restored")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// backup makes one of r, and returns where it is.
func (r *running) backup() string {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "backup")
	exit, out, stderr := tidewire(r.t, r.flags("backup", dir)...)
	if exit != exitDone || !strings.Contains(out, "changes were held for") {
		r.t.Fatalf("backup: exit %d, %s%s", exit, out, stderr)
	}
	return dir
}

// Under load, whatever moment a backup is of: no reader is ahead of what it reads, all
// that was on its way goes on, and the promises hold.
func TestBackupUnderLoad(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	done := make(chan int, 1)
	go func() {
		exit, _, _ := tidewire(t, r.flags("load", "--orders", "1500", "--clients", "16", "--mix", "0.2")...)
		done <- exit
	}()
	eventually(t, "orders come in", func() bool {
		_, o := r.do("GET", "/api/orders?final=true&limit=50", "")
		items, _ := o["items"].([]any)
		return len(items) == 50
	})
	var dirs []string
	for range 2 {
		dir := filepath.Join(t.TempDir(), "backup")
		exit, out, stderr := tidewire(t, r.flags("backup", dir, "--json")...)
		var b operate.Backup
		if err := json.Unmarshal([]byte(out), &b); err != nil || exit != exitDone || b.Dir != dir || b.All == 0 || b.Done != b.All {
			t.Fatalf("exit %d, %s%s, %v", exit, out, stderr, err)
		}
		t.Logf("%d KiB, held for %v ms", b.All>>10, b.HeldMs)
		if b.HeldMs <= 0 || b.HeldMs > 1000 {
			t.Errorf("held for %v ms", b.HeldMs)
		}
		dirs = append(dirs, dir)
	}
	if exit := <-done; exit != exitDone {
		t.Errorf("load: exit %d", exit)
	}
	for _, dir := range dirs {
		restored := copyDir(t, dir)
		if exit, out, stderr := tidewire(t, "audit", "--rest", "--data", restored); exit != exitDone {
			t.Errorf("audit of a copy: exit %d\n%s%s", exit, out, stderr)
		}
		again := up(t, restored)
		eventually(t, "all that was on its way has ended", func() bool {
			exit, _, _ := tidewire(t, again.flags("audit", "--final")...)
			return exit == exitDone
		})
		again.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
		again.term()
	}
}

// A platform that does not run is copied by the command itself, also one that was killed.
func TestBackupAtRest(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	o := r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	flags := r.flags()
	r.kill()
	dir := filepath.Join(t.TempDir(), "backup")
	exit, out, stderr := tidewire(t, append([]string{"backup", dir}, flags...)...)
	if exit != exitDone || !strings.Contains(stderr, "no platform runs at") || !strings.Contains(stderr, "is copied at rest") {
		t.Fatalf("exit %d, %s%s", exit, out, stderr)
	}
	again := up(t, copyDir(t, dir))
	if _, got := again.do("GET", fmt.Sprint("/api/orders/", o["id"]), ""); got["status"] != "completed" {
		t.Errorf("got %v", got)
	}
	if exit, out, _ := tidewire(t, again.flags("audit", "--final")...); exit != exitDone {
		t.Errorf("audit: exit %d\n%s", exit, out)
	}
}

func TestBackupRefuses(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	full := lay(t, map[string]string{"a": "x"})
	free := filepath.Join(t.TempDir(), "free")
	none := []string{"--set", "admin=127.0.0.1:1"}
	for _, tt := range []struct {
		name string
		args []string
		exit int
		want string
	}{
		{"not empty", r.flags("backup", full), exitWrong, "is not empty"},
		{"no directory named", r.flags("backup"), exitWrong, "expected \"<dir>\""},
		{"another data directory", append(r.flags("backup", free), "--data", t.TempDir()), exitFound, "has its data in " + r.data},
		{"in use, its door not found", append(r.flags("backup", free), none...), exitFound, "in use by process"},
		{"nothing there", append([]string{"backup", free, "--data", filepath.Join(t.TempDir(), "none")}, none...), exitWrong, "nothing to copy"},
		{"nothing in it", append([]string{"backup", free, "--data", t.TempDir()}, none...), exitWrong, "has no databases"},
		{"PostgreSQL", []string{"backup", free, "--set", "database=postgres://shop:hush@db/shop"}, exitWrong,
			"pg_dump --format=custom --file='" + free + ".dump' 'postgres://shop@db/shop'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			exit, out, stderr := tidewire(t, tt.args...)
			if exit != tt.exit || !strings.Contains(stderr, tt.want) || out != "" || strings.Contains(stderr, "hush") {
				t.Errorf("got %d, %q, %q; want %d, %q", exit, out, stderr, tt.exit, tt.want)
			}
			if _, err := os.Stat(free); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("it made the directory: %v", err)
			}
		})
	}
}

// Whenever a copying ends before its end, nothing starts on what it leaves.
func TestHalfABackupIsNone(t *testing.T) {
	p := wired(t)
	data := filepath.Join(t.TempDir(), "data")
	broken := errors.New("broken")
	for n := range len(serviceNames()) + 1 {
		dir := filepath.Join(t.TempDir(), "backup")
		left := map[string][]string{} // what a kill at that point would leave
		c := copying{sources: withProvider(nil, data)}
		for _, name := range serviceNames() {
			c.held = append(c.held, p.databases[name])
			c.sources = append(c.sources, source{name, p.databases[name].Snapshot})
		}
		copies := 0
		c.tell = func(done, all int64) {
			if done == all {
				copies++
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Error(err)
			}
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
			}
			left[fmt.Sprint(len(names))] = names
			if _, err := databases(dir, serviceNames()); err == nil || !strings.Contains(err.Error(), "has lost what was in it") {
				t.Errorf("with %v: got %v, want it refused", names, err)
			}
		}
		if n < len(serviceNames()) { // fails at the n-th source
			c.sources[n].begin = func(context.Context) (store.Snapshot, error) { return nil, broken }
		}
		_, err := c.into(t.Context(), dir)
		if n < len(serviceNames()) {
			if !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			if err := vacant(dir); err != nil {
				t.Errorf("after a failure: %v", err)
			}
			continue
		}
		if err != nil || copies != 1 {
			t.Fatalf("got %v, told of the end %d times", err, copies)
		}
		there, err := databases(dir, serviceNames())
		if err != nil || !slices.Equal(there, serviceNames()) {
			t.Errorf("got %v, %v", there, err)
		}
		for _, names := range left {
			for _, name := range names {
				if strings.HasSuffix(name, ".db") {
					t.Errorf("%s was there before all were copied", name)
				}
			}
		}
	}
}
