package user_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/user"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A shop is the user service behind its door.
type shop struct {
	http.Handler
	*user.Service
}

func behind(db *store.DB) shop {
	s := &user.Service{DB: db}
	return shop{door.Handler(door.Options{}, s.Routes()...), s}
}

func (s shop) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// registered counts the events that say that there is a new user.
func (s shop) registered(t testing.TB) (n int) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, `SELECT COUNT(*) FROM journal WHERE kind = 'UserRegistered'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRegister(t *testing.T) { databases.Each(t, "user", user.Migrations(), testRegister) }

func testRegister(t *testing.T, open func() *store.DB) {
	s := behind(open())
	made := s.do("POST", "/api/users", `{"name": "John Doe", "email": "john@example.com"}`)
	if made.Code != 201 || !strings.Contains(made.Body.String(), `"role":"customer"`) {
		t.Fatalf("create: got %d %s, want 201 and a customer", made.Code, made.Body)
	}
	got := s.do("GET", made.Header().Get("Location"), "")
	if got.Code != 200 || got.Body.String() != made.Body.String() {
		t.Errorf("read: got %d %s, want 200 %s", got.Code, got.Body, made.Body)
	}
	if n := s.registered(t); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestSameCreateAgain(t *testing.T) {
	databases.Each(t, "user", user.Migrations(), testSameCreateAgain)
}

func testSameCreateAgain(t *testing.T, open func() *store.DB) {
	s := behind(open())
	const john = `{"id":"john","name":"John","email":"john@example.com"}`
	first := s.do("POST", "/api/users", john)
	again := s.do("POST", "/api/users", john)
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() {
		t.Errorf("got %d %s, then %d %s; want 201 and the same", first.Code, first.Body, again.Code, again.Body)
	}
	for _, other := range []string{`{"id":"john","name":"Jon","email":"john@example.com"}`, `{"id":"john","name":"John","email":"jon@example.com"}`} {
		if got := s.do("POST", "/api/users", other); got.Code != 409 || !strings.Contains(got.Body.String(), "id_taken") {
			t.Errorf("%s: got %d %s, want 409 id_taken", other, got.Code, got.Body)
		}
	}
	if n := s.registered(t); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

// The create is what was created, not what became of it.
func TestSameCreateOfWhoWasChanged(t *testing.T) {
	databases.Each(t, "user", user.Migrations(), testSameCreateOfWhoWasChanged)
}

func testSameCreateOfWhoWasChanged(t *testing.T, open func() *store.DB) {
	s := behind(open())
	for name, to := range map[string]struct{ change, now string }{
		"name":    {`{"name":"Jon"}`, `{"id":%q,"name":"Jon","email":"john@example.com"}`},
		"address": {`{"email":"jon@example.com"}`, `{"id":%q,"name":"John","email":"jon@example.com"}`},
	} {
		t.Run(name, func(t *testing.T) {
			const john = `{"id":%q,"name":"John","email":"john@example.com"}`
			first := s.do("POST", "/api/users", fmt.Sprintf(john, name))
			if got := s.do("PATCH", "/api/users/"+name, to.change); first.Code != 201 || got.Code != 200 {
				t.Fatal(first.Body, got.Body)
			}
			changed := s.do("GET", "/api/users/"+name, "").Body.String()
			again := s.do("POST", "/api/users", fmt.Sprintf(john, name))
			if again.Code != 201 || again.Body.String() != first.Body.String() || again.Header().Get("Location") != first.Header().Get("Location") {
				t.Errorf("got %d %s, want 201 %s", again.Code, again.Body, first.Body)
			}
			// Whoever changes him by this answer has not seen who he is.
			if got := s.do("PATCH", "/api/users/"+name, `{"name":"Z"}`, "If-Match", again.Header().Get("ETag")); got.Code != 412 {
				t.Errorf("a change of the first version: got %d %s, want 412", got.Code, got.Body)
			}
			if got := s.do("POST", "/api/users", fmt.Sprintf(to.now, name)); got.Code != 409 || !strings.Contains(got.Body.String(), "id_taken") {
				t.Errorf("as he is now: got %d %s, want 409 id_taken", got.Code, got.Body)
			}
			if got := s.do("GET", "/api/users/"+name, "").Body.String(); got != changed {
				t.Errorf("he is %s now, and was %s", got, changed)
			}
		})
	}
	if n := s.registered(t); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

func TestConcurrentTwinsAreOne(t *testing.T) {
	databases.Each(t, "user", user.Migrations(), testConcurrentTwinsAreOne)
}

func testConcurrentTwinsAreOne(t *testing.T, open func() *store.DB) {
	s := behind(open())
	var wg sync.WaitGroup
	bodies := make([]string, 32)
	for i := range bodies {
		wg.Go(func() {
			w := s.do("POST", "/api/users", `{"name":"John","email":"john@example.com"}`, "Idempotency-Key", "once")
			bodies[i] = w.Header().Get("Location") + w.Body.String()
		})
	}
	wg.Wait()
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("got %s and %s, want the same", b, bodies[0])
		}
	}
	if n := s.registered(t); n != 1 {
		t.Errorf("%d users were made, want 1", n)
	}
}

func TestReplayAfterReopen(t *testing.T) {
	databases.Each(t, "user", user.Migrations(), testReplayAfterReopen)
}

func testReplayAfterReopen(t *testing.T, open func() *store.DB) {
	s := behind(open())
	const john = `{"name":"John","email":"john@example.com"}`
	first := s.do("POST", "/api/users", john, "Idempotency-Key", "k")
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	s = behind(open())
	again := s.do("POST", "/api/users", john, "Idempotency-Key", "k")
	if again.Code != 201 || again.Body.String() != first.Body.String() || again.Header().Get("Location") != first.Header().Get("Location") {
		t.Errorf("got %d %s, want %s", again.Code, again.Body, first.Body)
	}
}

func TestKnownAndDemo(t *testing.T) { databases.Each(t, "user", user.Migrations(), testKnownAndDemo) }

func testKnownAndDemo(t *testing.T, open func() *store.DB) {
	s := behind(open())
	if known, err := s.Known(t.Context(), "1"); known || err != nil {
		t.Errorf("before: got %v, %v, want false", known, err)
	}
	for range 2 {
		if err := s.Demo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if known, err := s.Known(t.Context(), "1"); !known || err != nil {
		t.Errorf("after: got %v, %v, want true", known, err)
	}
	if n := s.registered(t); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestBadRequests(t *testing.T) { databases.Each(t, "user", user.Migrations(), testBadRequests) }

func testBadRequests(t *testing.T, open func() *store.DB) {
	s := behind(open())
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/api/users", ``, 400},
		{"POST", "/api/users", `{"name":"J","email":"j@example.com","role":"operator"}`, 400},
		{"POST", "/api/users", `{"Name":"J","email":"j@example.com"}`, 400},
		{"POST", "/api/users", `{"name":null,"email":"j@example.com"}`, 400},
		{"POST", "/api/users", `{"name":5,"email":"j@example.com"}`, 400},
		{"POST", "/api/users", `{"name":"a\u0000","email":"j@example.com"}`, 400},
		{"POST", "/api/users", `{}`, 422},
		{"POST", "/api/users", `{"name":"J"}`, 422},
		{"POST", "/api/users", `{"name":"J","email":"j"}`, 422},
		{"POST", "/api/users", `{"name":"J\r\nX: 1","email":"j@example.com"}`, 422},
		{"POST", "/api/users", `{"id":"","name":"J","email":"j@example.com"}`, 422},
		{"POST", "/api/users", `{"id":"a/b","name":"J","email":"j@example.com"}`, 422},
		{"GET", "/api/users/nobody", ``, 404},
		{"GET", "/api/users//nobody", ``, 404},
		{"GET", "/api/users/%00", ``, 404},
		{"GET", "/api/users/%ff", ``, 404},
		{"GET", "/api/users/" + strings.Repeat("a", 5000), ``, 404},
		{"DELETE", "/api/users/1", ``, 405},
		{"GET", "/api/users", ``, 405},
	} {
		got := s.do(c.method, c.path, c.body)
		if got.Code != c.want || got.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.40s %s: got %d %s, want %d", c.method, c.path, c.body, got.Code, got.Body, c.want)
		}
	}
}

func TestTypesOfProblems(t *testing.T) {
	databases.Each(t, "user", user.Migrations(), testTypesOfProblems)
}

func testTypesOfProblems(t *testing.T, open func() *store.DB) {
	s := behind(open())
	for body, want := range map[string]string{
		`{"name":"J","email":"j"}`:                        "bad-email",
		`{"name":"J"}`:                                    "no-email",
		`{"email":"j@example.com"}`:                       "no-name",
		`{"id":"a/b","name":"J","email":"j@example.com"}`: "bad-id",
		`{}`: "not-acceptable",
	} {
		if got := s.do("POST", "/api/users", body); got.Code != 422 || !strings.Contains(got.Body.String(), `"urn:tidewire:problem:`+want+`"`) {
			t.Errorf("%s: got %d %s, want 422 %s", body, got.Code, got.Body, want)
		}
	}
}

func TestDatabaseGone(t *testing.T) { databases.Each(t, "user", user.Migrations(), testDatabaseGone) }

func testDatabaseGone(t *testing.T, open func() *store.DB) {
	s := behind(open())
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	got := s.do("POST", "/api/users", `{"name":"John","email":"john@example.com"}`)
	if got.Code != 503 || got.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %s, want 503 with Retry-After", got.Code, got.Body)
	}
}

func BenchmarkKnown(b *testing.B) {
	d, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "user.db"), user.Migrations())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	s := behind(store.Open("user", d))
	if err := s.Demo(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if known, err := s.Known(b.Context(), "1"); !known || err != nil {
			b.Fatal(known, err)
		}
	}
}
