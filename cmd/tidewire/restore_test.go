package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/operate"
)

// orders places n orders and waits for their end.
func (r *running) orders(n int) {
	r.t.Helper()
	var ids []any
	for range n {
		ids = append(ids, r.order(`{"userId":"1","productId":"1","quantity":1}`)["id"])
	}
	for _, id := range ids {
		if o := r.final(id); o["status"] != "completed" {
			r.t.Errorf("got %v", o)
		}
	}
}

// findings are what doctor finds.
func (r *running) findings() (found []operate.Finding) {
	r.t.Helper()
	_, out, stderr := tidewire(r.t, r.flags("doctor", "--json")...)
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		r.t.Fatalf("%q, %s: %v", out, stderr, err)
	}
	return found
}

// settled waits until nothing is left to do, and all promises hold.
func (r *running) settled() {
	r.t.Helper()
	eventually(r.t, "all work is done", func() bool {
		exit, _, _ := tidewire(r.t, r.flags("audit", "--final")...)
		return exit == exitDone
	})
}

// read waits until every reader has stored that it has read everything: one that is behind
// is not ahead of a journal that is put back, and would go on in that one.
func (r *running) read() {
	r.t.Helper()
	eventually(r.t, "everything is read", func() bool {
		_, out, _ := tidewire(r.t, r.flags("stream", "list", "--json")...)
		var streams []operate.Stream
		if err := json.Unmarshal([]byte(out), &streams); err != nil {
			r.t.Fatal(err)
		}
		return !slices.ContainsFunc(streams, func(s operate.Stream) bool { return s.Behind != 0 })
	})
}

// put replaces the database of a service at rest, and returns what was there.
func put(t *testing.T, data, service string, with []byte) (was []byte) {
	t.Helper()
	file := filepath.Join(data, service+".db")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Fatalf("%s was not closed", file)
	}
	if err := os.WriteFile(file, with, 0o600); err != nil {
		t.Fatal(err)
	}
	return was
}

// missing is how a finding says what a restored log lacks.
var missing = regexp.MustCompile(`the log (\w+) has .* \(read up to \d+; it (?:ends at|goes on to) \d+(?:, by other messages)?\)$`)

// A database that others have read beyond stops them, and each place is named; nothing is
// skipped. Once it is put back they go on.
func TestOneDatabaseOfAnOlderBackup(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	r.orders(20)
	r.settled()
	old, err := os.ReadFile(filepath.Join(r.backup(), "payment.db"))
	if err != nil {
		t.Fatal(err)
	}
	r.orders(20)
	r.settled()
	r.read()
	r.term()
	newest := put(t, data, "payment", old)
	r = up(t, data)
	var places []string
	eventually(t, "doctor names what is missing", func() bool {
		places = nil
		for _, f := range r.findings() {
			m := missing.FindStringSubmatch(f.What)
			if m == nil {
				continue
			}
			if m[1] != "payment" || !strings.Contains(f.Do, "put back the database of payment") {
				t.Errorf("got %+v", f)
			}
			places = append(places, f.Where)
		}
		text := strings.Join(places, "\n")
		return strings.Contains(text, "subscription inventory, log payment, partition") && strings.Contains(text, "subscription order, log payment, partition")
	})
	t.Logf("%d places", len(places))
	r.term()
	put(t, data, "payment", newest)
	r = up(t, data)
	r.orders(20)
	r.settled()
	if found := r.findings(); len(found) != 0 {
		t.Errorf("put back: got %+v", found)
	}
}

// A service that others do not follow can be restored alone: it reads again what it has
// not read, from the journals.
func TestConsumersCatchUp(t *testing.T) {
	p := wired(t)
	var consumers []string
	for _, m := range p.members {
		if len(m.logs()) > 0 && len(p.readersOf(m.name())) == 0 {
			consumers = append(consumers, m.name())
		}
	}
	if len(consumers) == 0 {
		t.Fatal("every service is followed by another")
	}
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	r.orders(10)
	r.settled()
	r.read()
	dir := r.backup()
	r.orders(10)
	r.settled()
	r.read()
	r.term()
	for _, name := range consumers {
		old, err := os.ReadFile(filepath.Join(dir, name+".db"))
		if err != nil {
			t.Fatal(err)
		}
		put(t, data, name, old)
	}
	r = up(t, data)
	r.orders(1)
	r.read()
	r.settled()
	if found := r.findings(); len(found) != 0 {
		t.Errorf("got %+v", found)
	}
}
