package door_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A counter is a service whose POST /count/{id} changes something every time it runs.
type counter struct {
	http.Handler
	db   *store.DB
	fail error // what the change returns
}

type counted struct{ N int64 }

func (counted) Kind() string { return "counted" }

func behind(db *store.DB) *counter {
	c := &counter{db: db}
	c.Handler = door.Handler(door.Options{}, door.Route{Pattern: "POST /count/{id}", Handle: c.count})
	return c
}

func (c *counter) count(r *http.Request) (door.Answer, error) {
	// It has no key of its own: only the Idempotency-Key keeps twins apart.
	return door.Commit(r, c.db, nil, func(tx *store.Tx) (door.Answer, error) {
		var n int64
		if _, err := tx.Row([]any{&n}, `SELECT COUNT(*) FROM journal`); err != nil {
			return door.Answer{}, err
		}
		if err := tx.Append("count", counted{n}); err != nil {
			return door.Answer{}, err
		}
		return door.Answer{Status: 201, Location: fmt.Sprintf("/count/%d", n), Body: counted{n}}, c.fail
	})
}

// post counts, and returns all that a client sees of the answer.
func (c *counter) post(path, key, body string, more ...string) string {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	w := send(c, r)
	return fmt.Sprint(w.Code, " ", w.Header().Get("Location"), " ", w.Header().Get("Content-Type"), " ", w.Body)
}

func (c *counter) exec(t *testing.T, query string) {
	t.Helper()
	if _, err := c.db.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(query) }); err != nil {
		t.Fatal(err)
	}
}

const firstCount = `201 /count/0 application/json {"N":0}`

func TestSameKeyIsOneChange(t *testing.T) { databases.Each(t, "counter", nil, testSameKeyIsOneChange) }

func testSameKeyIsOneChange(t *testing.T, open func() *store.DB) {
	c := behind(open())
	for _, step := range []struct{ name, path, key, body, want string }{
		{"first", "/count/a", "k", "1", firstCount},
		{"again", "/count/a", "k", "1", firstCount},
		{"other key", "/count/a", "K", "1", `201 /count/1 application/json {"N":1}`},
		{"other path", "/count/b", "k", "1", `201 /count/2 application/json {"N":2}`},
		{"no key", "/count/a", "", "1", `201 /count/3 application/json {"N":3}`},
		{"no key again", "/count/a", "", "1", `201 /count/4 application/json {"N":4}`},
		{"first, later", "/count/a", "k", "1", firstCount},
		{"no body", "/count/c", "k", "", `201 /count/5 application/json {"N":5}`},
		{"no body again", "/count/c", "k", "", `201 /count/5 application/json {"N":5}`},
		{"odd path", "/count/%2F%7E", "k", "", `201 /count/6 application/json {"N":6}`},
		{"odd path again", "/count/%2F%7E", "k", "", `201 /count/6 application/json {"N":6}`},
	} {
		if got := c.post(step.path, step.key, step.body); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
	if got := c.post("/count/a", "k", "2"); !strings.HasPrefix(got, "422 ") || !strings.Contains(got, "idempotency-key-reused") {
		t.Errorf("other body: got %s, want 422", got)
	}
}

func TestKeyIsKeptADayAndOverReopening(t *testing.T) {
	databases.Each(t, "counter", nil, testKeyIsKeptADayAndOverReopening)
}

func testKeyIsKeptADayAndOverReopening(t *testing.T, open func() *store.DB) {
	c := behind(open())
	c.post("/count/a", "k", "")
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
	c = behind(open())
	c.exec(t, `UPDATE idempotency SET time = time - 86000000000`)
	if got := c.post("/count/a", "k", ""); got != firstCount {
		t.Errorf("within a day: got %s, want %s", got, firstCount)
	}
	c.exec(t, `UPDATE idempotency SET time = time - 500000000`)
	const second = `201 /count/1 application/json {"N":1}`
	for range 2 {
		if got := c.post("/count/a", "k", ""); got != second {
			t.Errorf("after a day: got %s, want %s", got, second)
		}
	}
}

func TestTwinsGetOneAnswer(t *testing.T) { databases.Each(t, "counter", nil, testTwinsGetOneAnswer) }

func testTwinsGetOneAnswer(t *testing.T, open func() *store.DB) {
	c := behind(open())
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if got := c.post("/count/a", "k", "1"); got != firstCount {
				t.Errorf("got %s, want %s", got, firstCount)
			}
		})
	}
	wg.Wait()
}

func TestFailureIsNotStored(t *testing.T) { databases.Each(t, "counter", nil, testFailureIsNotStored) }

func testFailureIsNotStored(t *testing.T, open func() *store.DB) {
	c := behind(open())
	for _, c.fail = range []error{door.Conflict("not_now", ""), errors.New("broken"), store.ErrUnavailable} {
		if got := c.post("/count/a", "k", ""); strings.HasPrefix(got, "2") {
			t.Errorf("%v: got %s", c.fail, got)
		}
	}
	c.fail = nil
	if got := c.post("/count/a", "k", ""); got != firstCount {
		t.Errorf("got %s, want %s", got, firstCount)
	}
}

func TestBadKeys(t *testing.T) { databases.Each(t, "counter", nil, testBadKeys) }

func testBadKeys(t *testing.T, open func() *store.DB) {
	c := behind(open())
	for _, key := range []string{"a\tb", "é", "\x7f", strings.Repeat("a", 256)} {
		if got := c.post("/count/a", key, ""); !strings.HasPrefix(got, "400 ") {
			t.Errorf("%.10q: got %s, want 400", key, got)
		}
	}
	r := httptest.NewRequest("POST", "/count/a", nil)
	r.Header["Idempotency-Key"] = []string{""}
	if got := send(c, r); got.Code != 400 {
		t.Errorf("empty key: got %d, want 400", got.Code)
	}
	r.Header["Idempotency-Key"] = []string{"a", "b"}
	if got := send(c, r); got.Code != 400 {
		t.Errorf("two keys: got %d, want 400", got.Code)
	}
	if got := c.post("/count/a", strings.Repeat("~", 255), ""); got != firstCount {
		t.Errorf("longest key: got %s, want %s", got, firstCount)
	}
}

func TestCallersDoNotShareKeys(t *testing.T) {
	databases.Each(t, "counter", nil, testCallersDoNotShareKeys)
}

func testCallersDoNotShareKeys(t *testing.T, open func() *store.DB) {
	c := behind(open())
	var got []string
	for _, caller := range []string{"ann", "bob", "ann"} {
		r := httptest.NewRequest("POST", "/count/a", nil)
		r.Header.Set("Idempotency-Key", "k")
		got = append(got, send(c, r.WithContext(door.WithCaller(r.Context(), caller))).Body.String())
	}
	if got[0] == got[1] || got[0] != got[2] {
		t.Errorf("got %v, want the first and the last to be the same", got)
	}
}

func TestSettle(t *testing.T) { databases.Each(t, "counter", nil, testSettle) }

func testSettle(t *testing.T, open func() *store.DB) {
	c := behind(open())
	settle := func() string {
		r := httptest.NewRequest("POST", "/count/a", nil)
		r.Header.Set("Idempotency-Key", "k")
		a, err := door.Settle(r, c.db, door.Answer{Status: 200, Body: "late"})
		return fmt.Sprintf("%d %s %v", a.Status, a.Body, err)
	}
	if got, want := settle(), `200 "late" <nil>`; got != want {
		t.Errorf("nothing stored: got %s, want %s", got, want)
	}
	c.post("/count/a", "k", "", "Prefer", "wait=5")
	if got, want := settle(), `200 "late" <nil>`; got != want {
		t.Errorf("nobody has the first answer: got %s, want %s", got, want)
	}
	if got, want := c.post("/count/a", "k", "", "Prefer", "wait=5"), `200  application/json "late"`; got != want {
		t.Errorf("replay: got %s, want %s", got, want)
	}
	c.exec(t, `DELETE FROM idempotency`)
	c.post("/count/a", "k", "", "Prefer", "wait=5")
	const first = `201 /count/1 application/json {"N":1}`
	if got := c.post("/count/a", "k", ""); got != first {
		t.Errorf("twin while the first waits: got %s, want %s", got, first)
	}
	if got, want := settle(), `201 {"N":1} <nil>`; got != want {
		t.Errorf("a twin has the first answer: got %s, want %s", got, want)
	}
}

func TestTraceReachesTheJournal(t *testing.T) {
	databases.Each(t, "counter", nil, testTraceReachesTheJournal)
}

func testTraceReachesTheJournal(t *testing.T, open func() *store.DB) {
	c := behind(open())
	const id = "0af7651916cd43dd8448eb211c80319c"
	for _, c2 := range []struct{ sent, want string }{
		{"00-" + id + "-b7ad6b7169203331-01", id},
		{"nonsense", ""},
	} {
		c.post("/count/a", "", "", "Traceparent", c2.sent)
		var got string
		err := c.db.View(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Row([]any{&got}, `SELECT trace FROM journal ORDER BY seq DESC`)
			return err
		})
		if err != nil || len(got) != 55 || strings.Contains(got, id) != (c2.want == id) || c2.want == id && got != c2.sent {
			t.Errorf("%s: got %s, %v in the journal", c2.sent, got, err)
		}
	}
}
