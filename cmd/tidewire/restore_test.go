package main

import (
	"encoding/json"
	"net/http"
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
	var found string
	defer func() {
		if r.t.Failed() {
			r.t.Logf("the audit finds\n%s", found)
		}
	}()
	eventually(r.t, "all work is done", func() bool {
		exit, out, _ := tidewire(r.t, r.flags("audit", "--final")...)
		found = out
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
var missing = regexp.MustCompile(`the log (\w+) has .* \(read up to \d+; it (?:ends at|goes on to) \d+(?:, by other messages)?; \d+ of its messages are later than what was read\)$`)

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
	r.ready()
	r.orders(20)
	r.settled()
	if found := r.findings(); len(found) != 0 {
		t.Errorf("put back: got %+v", found)
	}
}

// A readyz is the answer of /readyz.
type readyz struct {
	Ready    bool
	NotReady []struct{ Name, Error string }
}

// readyz asks whether the platform is ready.
func (r *running) readyz() (status int, said readyz) {
	r.t.Helper()
	resp, err := http.Get(r.admin + "/readyz")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, said
}

// ready waits until it is: readers that were stopped go on, and then orders are taken.
func (r *running) ready() {
	r.t.Helper()
	eventually(r.t, "ready again", func() bool {
		status, said := r.readyz()
		return status == http.StatusOK && said.Ready
	})
}

// The orders of an older database of theirs are read by nobody: none is taken, from the
// first moment on, and everybody who asks is told why. What was said to it meanwhile is
// lost when the right one is put back, and the doctor says how much that is.
func TestOrdersOfAnOlderBackup(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	r.orders(20)
	r.settled()
	old, err := os.ReadFile(filepath.Join(r.backup(), "order.db"))
	if err != nil {
		t.Fatal(err)
	}
	r.orders(40)
	r.settled()
	r.read()
	r.term()
	newest := put(t, data, "order", old)

	r = up(t, data)
	const order = `{"userId":"1","productId":"1","quantity":1}`
	for range 3 {
		if status, o := r.do("POST", "/api/orders", order); status != http.StatusServiceUnavailable || o["type"] != "urn:tidewire:problem:standstill" {
			t.Errorf("an order that nobody would read: got %d %v, want 503 and why", status, o)
		}
	}
	status, said := r.readyz()
	if status != http.StatusServiceUnavailable || said.Ready {
		t.Errorf("readyz: got %d %+v, want 503", status, said)
	}
	for _, service := range []string{"payment", "inventory", "shipping"} {
		if !slices.ContainsFunc(said.NotReady, func(n struct{ Name, Error string }) bool {
			return n.Name == "readers of "+service && strings.Contains(n.Error, "partitions of the log order are not read: the log order has ")
		}) {
			t.Errorf("readyz: got %+v, want the readers of %s and why", said, service)
		}
	}
	eventually(t, "a line in the log, and a number in the metrics", func() bool {
		return strings.Contains(r.log.String(), `"a partition is not read any more"`) && r.metrics()[`tidewire_stream_stopped{log="order",subscription="payment"}`] > 0
	})
	eventually(t, "the doctor says what is to be done, and what that loses", func() bool {
		return slices.ContainsFunc(r.findings(), func(f operate.Finding) bool {
			return missing.MatchString(f.What) && strings.HasPrefix(f.Where, "subscription payment, log order, partition") &&
				strings.Contains(f.Do, "keep a copy of what is there now, put back the database of order") && strings.Contains(f.Do, "is lost without it")
		})
	})
	if status, o := r.do("POST", "/api/orders", order); status != http.StatusServiceUnavailable {
		t.Errorf("later: got %d %v, want 503", status, o)
	}
	if status, o := r.do("GET", "/api/orders", ""); status != http.StatusOK {
		t.Errorf("a look at what was accepted before: got %d %v", status, o)
	}
	r.term()

	put(t, data, "order", newest)
	r = up(t, data)
	r.ready()
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
