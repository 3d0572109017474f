package user_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/user"
	"github.com/tidewire/tidewire/toolkit/store"
)

// updated returns the bodies of the events that say that a profile is another one.
func (s shop) updated(t testing.TB) (bodies []string) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT key, body FROM journal WHERE kind = 'UserUpdated' ORDER BY seq`, nil, func(scan func(...any) error) error {
			var key string
			var b []byte
			err := scan(&key, &b)
			bodies = append(bodies, key+" "+string(b))
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}

func (s shop) john(t testing.TB) {
	t.Helper()
	if got := s.do("POST", "/api/users", `{"id":"john","name":"John","email":"john@example.com"}`); got.Code != 201 || got.Header().Get("ETag") != `"1"` {
		t.Fatalf("got %d %s", got.Code, got.Body)
	}
}

func TestPatch(t *testing.T) { databases.Each(t, "user", user.Migrations(), testPatch) }

func testPatch(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.john(t)
	for _, step := range []struct {
		patch, want string
		version     int
	}{
		{`{}`, `"name":"John","email":"john@example.com"`, 1},
		{`{"name":"John"}`, `"name":"John","email":"john@example.com"`, 1},
		{`{"name":"Jo"}`, `"name":"Jo","email":"john@example.com","role":"customer"`, 2},
		{`{"email":"jo@example.com"}`, `"name":"Jo","email":"jo@example.com","role":"customer"`, 3},
		{`{"name":"山田","email":"y@example.com"}`, `"name":"山田","email":"y@example.com"`, 4},
	} {
		for _, kind := range []string{"application/json", "application/merge-patch+json"} { // the second time it is so already
			got := s.do("PATCH", "/api/users/john", step.patch, "Content-Type", kind)
			if got.Code != 200 || !strings.Contains(got.Body.String(), step.want) || got.Header().Get("ETag") != fmt.Sprintf(`"%d"`, step.version) {
				t.Errorf("%s: got %d %s %s, want 200 %s, version %d", step.patch, got.Code, got.Body, got.Header().Get("ETag"), step.want, step.version)
			}
			if read := s.do("GET", "/api/users/john", ""); read.Body.String() != got.Body.String() || read.Header().Get("ETag") != got.Header().Get("ETag") {
				t.Errorf("%s: read %s, want %s", step.patch, read.Body, got.Body)
			}
		}
	}
	// Who somebody is, is in none of them.
	if got, want := s.updated(t), slices.Repeat([]string{`john {"userId":"john"}`}, 3); !slices.Equal(got, want) {
		t.Errorf("said %s, want %s", got, want)
	}
}

func TestPatchOnce(t *testing.T) { databases.Each(t, "user", user.Migrations(), testPatchOnce) }

func testPatchOnce(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.john(t)
	first := s.do("PATCH", "/api/users/john", `{"name":"Jo"}`, "Idempotency-Key", "k")
	if other := s.do("PATCH", "/api/users/john", `{"name":"Joe"}`); other.Code != 200 {
		t.Fatal(other.Body)
	}
	again := s.do("PATCH", "/api/users/john", `{"name":"Jo"}`, "Idempotency-Key", "k")
	if first.Code != 200 || again.Code != 200 || again.Body.String() != first.Body.String() {
		t.Errorf("got %d %s, then %d %s; want 200 and the same", first.Code, first.Body, again.Code, again.Body)
	}
	if n := len(s.updated(t)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

func TestIfMatch(t *testing.T) { databases.Each(t, "user", user.Migrations(), testIfMatch) }

func testIfMatch(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.john(t)
	var wg sync.WaitGroup
	codes := make([]int, 8) // all have seen the first version
	for i := range codes {
		wg.Go(func() {
			codes[i] = s.do("PATCH", "/api/users/john", fmt.Sprintf(`{"name":"J%d"}`, i), "If-Match", `"1"`).Code
		})
	}
	wg.Wait()
	slices.Sort(codes)
	if codes[0] != 200 || codes[1] != 412 || codes[len(codes)-1] != 412 || len(s.updated(t)) != 1 {
		t.Errorf("got %v and %d events, want 200 once, and 412", codes, len(s.updated(t)))
	}
}

func TestBadPatches(t *testing.T) { databases.Each(t, "user", user.Migrations(), testBadPatches) }

func testBadPatches(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.john(t)
	const at = "/api/users/john"
	before := s.do("GET", at, "").Body.String()
	for _, c := range []struct {
		path, body  string
		want        int
		cause, part string // the end of the type, and something that is said
	}{
		{at, ``, 400, "missing-body", ""},
		{at, `null`, 400, "null", ""},
		{at, `[]`, 400, "wrong-type", ""},
		{at, `{"name"}`, 400, "not-json", ""},
		{at, `{"name":"A","name":"B"}`, 400, "duplicate-field", `"name"`},
		{at, `{"Email":"jo@example.com"}`, 400, "unknown-field", `"Email"`},
		{at, `{"role":"operator"}`, 400, "unknown-field", `"role"`},
		{at, `{"id":"jo"}`, 400, "unknown-field", `"id"`},
		{at, `{"name":null}`, 400, "null", `"name"`},
		{at, `{"email":null}`, 400, "null", `"email"`},
		{at, `{"name":5}`, 400, "wrong-type", `"name"`},
		{at, `{"name":"a\u0000"}`, 400, "nul", `"name"`},
		{at, `{"name":""}`, 422, "no-name", `"name"`},
		{at, `{"name":"a\r\nBcc: x@example.com"}`, 422, "bad-name", `"name"`},
		{at, `{"name":"a\u2028b"}`, 422, "bad-name", `"name"`},
		{at, `{"email":""}`, 422, "no-email", `"email"`},
		{at, `{"email":"jo"}`, 422, "bad-email", `"email"`},
		{at, `{"email":"jo@example.com\r\nBcc: x@example.com"}`, 422, "bad-email", `"email"`},
		{at, `{"email":"Jo <jo@example.com>"}`, 422, "bad-email", `"email"`},
		{at, `{"name":"","email":"jo"}`, 422, "not-acceptable", `"email"`},
		{"/api/users/nobody", `{"name":"A"}`, 404, "no-such-user", ""},
		{"/api/users/a%20b", `{"name":"A"}`, 404, "no-such-user", ""},
	} {
		got := s.do("PATCH", c.path, c.body)
		if got.Code != c.want || got.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(got.Body.String(), `"urn:tidewire:problem:`+c.cause+`"`) || !strings.Contains(got.Body.String(), c.part) {
			t.Errorf("%s %s: got %d %s, want %d %s with %s", c.path, c.body, got.Code, got.Body, c.want, c.cause, c.part)
		}
	}
	if got := s.do("PATCH", at, `{"name":"A"}`, "Content-Type", "text/plain"); got.Code != 415 || got.Header().Get("Accept-Patch") == "" {
		t.Errorf("text: got %d %v, want 415 with the types that do", got.Code, got.Header())
	}
	if got := s.do("PATCH", at, `{"name":"A"}`, "If-Match", `"2"`); got.Code != 412 {
		t.Errorf("If-Match: got %d %s, want 412", got.Code, got.Body)
	}
	if after := s.do("GET", at, "").Body.String(); after != before || len(s.updated(t)) > 0 {
		t.Errorf("got %s and %d events, it was %s", after, len(s.updated(t)), before)
	}
}

func TestContact(t *testing.T) { databases.Each(t, "user", user.Migrations(), testContact) }

func testContact(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.john(t)
	if err := s.Demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.do("PATCH", "/api/users/john", `{"email":"new@example.com"}`); got.Code != 200 {
		t.Fatal(got.Body)
	}
	ada := contract.Contact{UserID: "1", Name: "Ada Demo", Email: "ada@example.com"}
	john := contract.Contact{UserID: "john", Name: "John", Email: "new@example.com"}
	for _, c := range []struct {
		ids  []string
		want []contract.Contact
	}{
		{nil, nil},
		{[]string{"nobody", "", "a b", "\x00", "\xff"}, nil},
		{[]string{"john"}, []contract.Contact{john}},
		{[]string{"john", "nobody", "1", "john"}, []contract.Contact{ada, john}},
	} {
		got, err := s.Contact(t.Context(), c.ids)
		slices.SortFunc(got, func(a, b contract.Contact) int { return strings.Compare(a.UserID, b.UserID) })
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %v, %v, want %v", c.ids, got, err, c.want)
		}
	}
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Contact(t.Context(), []string{"1"}); !store.Away(err) {
		t.Errorf("closed: got %v, %v, want an error", got, err)
	}
}
