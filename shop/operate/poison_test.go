package operate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A placed is a fact that may be poison: it fails for the cause that it names.
type placed struct {
	N      int    `json:"n"`
	Key    string `json:"key,omitempty"`
	Poison string `json:"poison"`
}

func (placed) Kind() string { return "Placed" }

// A ward is a service that reads itself, and can be killed and begun again.
type ward struct {
	*testing.T
	open   func() (*store.DB, stream.Log)
	db     *store.DB
	desk   *operate.Desk
	mended atomic.Bool
	stop   func()
}

func (k *ward) handler() stream.Handler {
	return stream.On("ward", func(_ context.Context, tx *store.Tx, m message.Of[placed]) error {
		if m.Data.Poison != "" && !k.mended.Load() {
			return failure.Permanent(fmt.Errorf("order %d of %q: %s", m.Data.N, m.Key, m.Data.Poison))
		}
		n, err := tx.Next()
		if err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO effect (seq, n) VALUES ($1, $2)`, n, m.Data.N)
	})
}

// begin opens the database and starts the reader.
func (k *ward) begin() {
	k.Helper()
	db, log := k.open()
	h := k.handler()
	k.db, k.desk = db, &operate.Desk{Services: []*store.DB{db}, Takers: map[string][]operate.Taker{"ward": {{Place: "ward", Kind: "Placed", Check: h.Check}}}}
	r := &stream.Reader{DB: db, Log: log, Name: "ward", Process: &run.Process{Instance: uuid.NewString()}, Handlers: []stream.Handler{h}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			k.Error(err)
		}
	})
	k.stop = sync.OnceFunc(func() { cancel(); wg.Wait(); db.Close() })
	k.Cleanup(func() { k.stop() })
}

func (k *ward) ask(method, path, body string, into any) (status int) {
	k.Helper()
	m, err := operate.NewMetrics()
	if err != nil {
		k.Fatal(err)
	}
	r := httptest.NewRequest(method, "http://127.0.0.1:3001/admin/v1/dead"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	k.desk.Handler(m).ServeHTTP(w, r)
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil || w.Code != 200 {
			k.Fatalf("%s %s: %d %s, %v", path, body, w.Code, w.Body, err)
		}
	}
	return w.Code
}

func (k *ward) count(query string) (n int) {
	k.Helper()
	err := k.db.View(k.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, query)
		return err
	})
	if err != nil {
		k.Fatal(err)
	}
	return n
}

// wards runs a test on a database of each kind.
func wards(t *testing.T, test func(*ward)) {
	const table = `CREATE TABLE effect (seq BIGINT, n BIGINT)`
	made := func(k *ward) {
		k.begin()
		if _, err := k.db.Update(k.Context(), nil, func(tx *store.Tx) error { return tx.Exec(table) }); err != nil {
			k.Fatal(err)
		}
		test(k)
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "ward.db")
		made(&ward{T: t, open: func() (*store.DB, stream.Log) {
			d, err := sqlite.Open(context.Background(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			db := store.Open("ward", d)
			return db, sqlite.NewLog(db, d)
		}})
	})
	t.Run("postgres", func(t *testing.T) {
		url := os.Getenv("TIDEWIRE_TEST_POSTGRES")
		if url == "" {
			t.Skip("TIDEWIRE_TEST_POSTGRES is not set: PostgreSQL was not tested")
		}
		schema := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
		open := func() (*store.DB, stream.Log) {
			d, err := postgres.Open(context.Background(), url, schema, nil)
			if err != nil {
				t.Fatal(err)
			}
			db := store.Open("ward", d)
			return db, postgres.NewLog(db, d)
		}
		t.Cleanup(func() {
			db, _ := open()
			_, err := db.Update(context.Background(), nil, func(tx *store.Tx) error { return tx.Exec(`DROP SCHEMA ` + schema + ` CASCADE`) })
			if err := errors.Join(err, db.Close()); err != nil {
				t.Error(err)
			}
		})
		made(&ward{T: t, open: open})
	})
}

// say says good facts and poisoned ones of five causes, each of a key of its own, with a
// good one behind it.
func (k *ward) say(good, poisoned int) {
	k.Helper()
	causes := []string{"the shelf is broken", "no such thing", "the price is 17.5", "the sky fell at 12:30:01", `column "total_sum" is missing`}
	_, err := k.db.Update(k.Context(), nil, func(tx *store.Tx) error {
		for n := range good {
			if err := tx.Append(fmt.Sprint("good", n), placed{N: n}); err != nil {
				return err
			}
		}
		for n := range poisoned {
			key := fmt.Sprint("bad", n)
			if err := errors.Join(tx.Append(key, placed{N: 1000 + n, Key: key, Poison: causes[n%len(causes)]}), tx.Append(key, placed{N: 2000 + n})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		k.Fatal(err)
	}
	eventually(k.T, "all good ones, and all letters", func() bool {
		return k.count(`SELECT COUNT(*) FROM effect`) == good && k.count(`SELECT COUNT(*) FROM parked WHERE state = 'dead'`) == poisoned &&
			k.count(`SELECT COUNT(*) FROM parked WHERE state = 'waiting'`) == poisoned
	})
}

// Fifty poisoned facts of five causes among two hundred: five groups; one is edited, the rest
// redriven in parts, with a stop of everything between them; each effect is there once.
func TestPoison(t *testing.T) {
	wards(t, func(k *ward) {
		const good, poisoned = 200, 50
		k.say(good, poisoned)
		var groups operate.Groups
		k.ask("GET", "/groups", "", &groups)
		if len(groups.Items) != 5 {
			k.Fatalf("got %+v, want 5 groups", groups.Items)
		}
		for _, g := range groups.Items {
			if g.Count != 10 || g.Service != "ward" || g.Place != "ward (ward)" || g.Kind != "Placed" || g.Oldest.IsZero() || g.Newest.Before(g.Oldest) {
				k.Errorf("got %+v, want ten", g)
			}
		}
		if n := k.count(`SELECT COUNT(*) FROM journal WHERE kind = 'DeadLettered'`); n != poisoned {
			k.Errorf("%d were said to be dead, want %d", n, poisoned)
		}
		k.mended.Store(true)
		k.edits()
		var done operate.Done
		part := fmt.Sprintf(`{"filter":{},"limit":7,"diedBefore":%q,"who":"eve","why":"mended"}`, groups.At.Format(time.RFC3339Nano))
		n, stops := 0, 0
		for done.More = true; done.More; n += len(done.Letters) {
			if stops++; stops%3 == 0 { // in the middle of the drain
				k.stop()
				k.begin()
			}
			k.ask("POST", "/redrive", part, &done)
		}
		if n != poisoned-1 {
			k.Errorf("%d were redriven, want %d", n, poisoned-1)
		}
		eventually(k.T, "all are home", func() bool { return k.count(`SELECT COUNT(*) FROM effect`) >= good+2*poisoned })
		eventually(k.T, "nothing is parked", func() bool { return k.count(`SELECT COUNT(*) FROM parked`) == 0 })
		if all, different := k.count(`SELECT COUNT(*) FROM effect`), k.count(`SELECT COUNT(DISTINCT n) FROM effect`); all != different || all != good+2*poisoned {
			k.Errorf("%d effects of %d facts, want one of each of %d", all, different, good+2*poisoned)
		}
		if n := k.count(`SELECT COUNT(*) FROM journal WHERE kind = 'DeadLetterDecided'`); n != poisoned+1 {
			k.Errorf("%d decisions are kept, want %d", n, poisoned+1)
		}
	})
}

// edits edits one letter, redriven in the same commit, in ways that are refused before one that is not.
func (k *ward) edits() {
	k.Helper()
	var page struct{ Items []operate.Letter }
	k.ask("GET", "?key=bad0", "", &page)
	if len(page.Items) != 1 {
		k.Fatalf("got %+v, want the letter of bad0", page.Items)
	}
	id := page.Items[0].ID
	for body, status := range map[string]int{
		`{"body":{"n":"x","key":"bad0"},"who":"eve","why":""}`:            422, // of the wrong type
		`{"body":{"n":1,"key":"bad0","m":2},"who":"eve","why":""}`:        422, // nobody reads m
		`{"body":{"n":1,"key":"bad0"},"who":"","why":""}`:                 422,
		`{"body":{"n":1,"key":"bad1"},"who":"eve","why":""}`:              422, // about another one
		`{"body":{"n":1,"poison":""},"who":"eve","why":""}`:               422, // about none
		`{"body":{"n":1,"key":"bad0"},"key":"bad1","who":"eve","why":""}`: 400, // protected
		`{"body":{"n":1,"key":"bad0"},"version":7,"who":"eve","why":""}`:  400,
		`{"who":"eve","why":""}`:                                          422,
	} {
		if got := k.ask("POST", "/"+id+"/edit", body, nil); got != status {
			k.Errorf("%s: got %d, want %d", body, got, status)
		}
	}
	var done operate.DeadLetterDecided
	k.ask("POST", "/"+id+"/edit", `{"body":{"n":1000,"key":"bad0","poison":""},"redrive":true,"who":"eve","why":"by hand"}`, &done)
	if done.Letter != id || done.Became == "" || done.Became == id || done.Act != "edit" || !strings.Contains(string(done.Body), "the shelf is broken") || done.Who != "eve" {
		k.Errorf("got %+v", done)
	}
	if got := k.ask("GET", "/"+id, "", nil); got != 404 {
		k.Errorf("the old one: got %d, want 404", got)
	}
}

// What was redriven three times and died again each time is left, unless it is forced; and
// no run redrives one twice.
func TestWhatDiesAgainIsLeft(t *testing.T) {
	wards(t, func(k *ward) {
		k.say(0, 2)
		redrive := func(body string) (n int) {
			k.Helper()
			var done operate.Done
			k.ask("POST", "/redrive", body, &done)
			return len(done.Letters)
		}
		dead := func() bool { return k.count(`SELECT COUNT(*) FROM parked WHERE state = 'dead'`) == 2 }
		const all = `{"filter":{"kind":"Placed"},"who":"eve","why":"hope"}`
		for time := range 3 {
			var groups operate.Groups
			k.ask("GET", "/groups", "", &groups)
			run := fmt.Sprintf(`{"filter":{},"diedBefore":%q,"who":"eve","why":"hope"}`, groups.At.Format("2006-01-02T15:04:05.999999Z07:00"))
			if n := redrive(run); n != 2 {
				k.Fatalf("time %d: %d were redriven, want 2", time, n)
			}
			eventually(k.T, "both are dead again", dead)
			if n := redrive(run); n != 0 {
				k.Errorf("the same run redrives %d again", n)
			}
		}
		var groups operate.Groups
		k.ask("GET", "/groups", "", &groups)
		for _, g := range groups.Items {
			if g.Redrives != 3 || g.Looping != 1 {
				k.Errorf("got %+v, want one that was redriven three times", g)
			}
		}
		if n := redrive(all); n != 0 {
			k.Errorf("%d were redriven for the fourth time", n)
		}
		var page struct{ Items []operate.Letter }
		k.ask("GET", "", "", &page)
		if got := k.ask("POST", "/"+page.Items[0].ID+"/redrive", `{"who":"eve","why":"x"}`, nil); got != 409 {
			k.Errorf("one for the fourth time: got %d, want 409", got)
		}
		var l operate.Letter
		k.ask("GET", "/"+page.Items[0].ID, "", &l)
		if l.Redrives != 3 || len(l.Waiting) != 1 || l.Behind != 1 || l.Envelope == nil || l.Envelope.Subject != l.Key || len(l.Causes) != 4 {
			k.Errorf("got %+v", l)
		}
		k.mended.Store(true)
		if n := redrive(`{"filter":{},"force":true,"who":"eve","why":"mended"}`); n != 2 {
			k.Errorf("%d were forced, want 2", n)
		}
		eventually(k.T, "all are home", func() bool { return k.count(`SELECT COUNT(*) FROM effect`) == 4 })
	})
}
