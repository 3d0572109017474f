package door_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A teller is a service that says what it is asked to say: each letter of a path is a key.
func teller(db *store.DB) http.Handler {
	say := func(r *http.Request, location string) (door.Answer, error) {
		return door.Commit(r, db, nil, func(tx *store.Tx) (door.Answer, error) {
			for _, key := range r.PathValue("keys") {
				if err := tx.Append(string(key), counted{1}); err != nil {
					return door.Answer{}, err
				}
			}
			return door.Answer{Status: 201, Location: location, Header: door.ETag(3)}, nil
		})
	}
	return door.Handler(door.Options{},
		door.Route{Pattern: "POST /say/{keys}", Handle: func(r *http.Request) (door.Answer, error) { return say(r, "/said/"+r.PathValue("keys")) }},
		door.Route{Pattern: "POST /again/{id}", Handle: func(r *http.Request) (door.Answer, error) { return say(r, "") }},
		door.Route{Pattern: "POST /nothing", Handle: func(r *http.Request) (door.Answer, error) { return say(r, "") }})
}

// places are those of the journal, the last in each partition, by the first letters of keys.
func places(t *testing.T, db *store.DB) (last map[int]string, ends string) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		last = map[int]string{}
		return tx.Rows(`SELECT partition, seq FROM journal ORDER BY seq`, nil, func(scan func(...any) error) error {
			var partition int
			var seq int64
			err := scan(&partition, &seq)
			last[partition] = fmt.Sprintf("teller/%d/%d", partition, seq)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for p := range store.Partitions {
		if last[p] != "" {
			ends += ", " + last[p]
		}
	}
	return last, strings.TrimPrefix(ends, ", ")
}

// Who changed something is told where that was said; who repeats a request, a place that
// is no earlier.
func TestAnswersSayWhereTheyWrote(t *testing.T) {
	databases.Each(t, "teller", nil, func(t *testing.T, open func() *store.DB) {
		db := open()
		h := teller(db)
		told := func(path, key string) string {
			r := httptest.NewRequest("POST", path, nil)
			if key != "" {
				r.Header.Set("Idempotency-Key", key)
			}
			w := send(h, r)
			if w.Code != 201 || w.Header().Get("Etag") != `"3"` && key == "" {
				t.Fatalf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
			}
			return w.Header().Get("Tidewire-Position")
		}
		if got := told("/nothing", ""); got != "" {
			t.Errorf("of a change that said nothing, about nothing: %q", got)
		}
		if got := told("/again/a", ""); got != "" {
			t.Errorf("of a log that has nothing there: %q", got)
		}
		first := told("/say/a", "key")
		last, all := places(t, db)
		if first != all || first != last[store.Partition("a")] {
			t.Errorf("one fact: %q, want %q", first, all)
		}
		if got := told("/say/a", "key"); got != first {
			t.Errorf("repeated: %q, want %q", got, first)
		}
		got := told("/say/abcd", "")
		if _, all = places(t, db); got != all {
			t.Errorf("facts of several partitions: %q, want %q", got, all)
		}
		last, _ = places(t, db)
		if got := told("/again/a", ""); got != last[store.Partition("a")] {
			t.Errorf("again, later: %q, want %q", got, last[store.Partition("a")])
		}
	})
}

// asking sends a GET with positions to a route that reaches as it is told to.
func asking(t *testing.T, ctx context.Context, method string, reached func(context.Context, door.Place) error, positions ...string) string {
	t.Helper()
	h := door.Handler(door.Options{}, door.Route{Pattern: "/thing", Reached: reached,
		Handle: func(*http.Request) (door.Answer, error) { return door.Answer{Body: "shown"}, nil }})
	r := httptest.NewRequestWithContext(ctx, method, "/thing", nil)
	r.Header["Tidewire-Position"] = positions
	w := send(h, r)
	if w.Code == 200 {
		return "200"
	}
	if w.Code == 503 && w.Header().Get("Retry-After") != "1" {
		t.Errorf("%v: 503 without Retry-After", positions)
	}
	_, cause, _ := strings.Cut(w.Body.String(), "urn:tidewire:problem:")
	cause, _, _ = strings.Cut(cause, `"`)
	return fmt.Sprint(w.Code, " ", cause)
}

func TestPositionsThatAreRead(t *testing.T) {
	for _, c := range []struct {
		header []string
		want   string // what is waited for
	}{
		{nil, ""},
		{[]string{"order/3/17"}, "order/3/17"},
		{[]string{" order/0/1 ,user/15/9223372036854775807"}, "order/0/1 user/15/9223372036854775807"},
		{[]string{"order/3/17", "user/4/18"}, "order/3/17 user/4/18"},
	} {
		var waited []string
		got := asking(t, t.Context(), "GET", func(_ context.Context, p door.Place) error {
			waited = append(waited, p.String())
			return nil
		}, c.header...)
		if got != "200" || strings.Join(waited, " ") != c.want {
			t.Errorf("%q: %s, waited for %v; want %s", c.header, got, waited, c.want)
		}
	}
	never := func(_ context.Context, p door.Place) error { t.Errorf("waits for %v", p); return nil }
	for _, bad := range []string{"", " ", "order", "order/3", "order/3/", "order//17", "/3/17", "order/16/17", "order/-1/17", "order/3/-17", "order/3/0", "order/3/+1",
		"order/3/17/1", "order/3/1e3", "order/3/9223372036854775808", "order/3/17,", ",", "order/3/17 user/3/17", "\x00/3/x", strings.Repeat("order/3/17,", 32) + "order/3/17"} {
		if got := asking(t, t.Context(), "GET", never, bad); got != "400 bad-position" {
			t.Errorf("%q: %s", bad, got)
		}
	}
	if got := asking(t, t.Context(), "POST", never, "rubbish"); got != "200" {
		t.Errorf("of a POST: %s", got)
	}
	if got := asking(t, t.Context(), "GET", nil, "order/3/17"); got != "200" {
		t.Errorf("of a route that knows no positions: %s", got)
	}
}

func TestPositionsThatAreNotReached(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{door.ErrNowhere, "400 unknown-position"},
		{fmt.Errorf("wrapped: %w", door.ErrNotYet), "503 not-there-yet"},
		{store.ErrUnavailable, "503 database-unavailable"},
		{errors.New("else"), "500 internal"},
	} {
		if got := asking(t, t.Context(), "HEAD", func(context.Context, door.Place) error { return c.err }, "order/3/17"); !strings.HasPrefix(c.want, got[:3]) {
			t.Errorf("%v, HEAD: %s, want %s", c.err, got, c.want)
		}
		if got := asking(t, t.Context(), "GET", func(context.Context, door.Place) error { return c.err }, "order/3/17"); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

// A read waits for two seconds in all, however many positions it brings, and then says so.
func TestAReadWaitsTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		got := asking(t, t.Context(), "GET", func(ctx context.Context, p door.Place) error {
			if p.Seq < 3 {
				time.Sleep(700 * time.Millisecond) // of the bubble's clock
				return nil
			}
			<-ctx.Done()
			return door.ErrNotYet
		}, "order/0/1, order/0/2, order/0/3")
		if waited := time.Since(began); got != "503 not-there-yet" || waited != 2*time.Second {
			t.Errorf("%s after %v", got, waited)
		}
	})
}

func TestAnswersThatAClientHas(t *testing.T) {
	h := door.Handler(door.Options{},
		door.Route{Pattern: "/tagged", Handle: func(*http.Request) (door.Answer, error) { return door.Answer{Body: []int{1}}.Tagged(7) }},
		door.Route{Pattern: "GET /plain", Handle: func(*http.Request) (door.Answer, error) { return door.Answer{Body: 1}, nil }})
	ask := func(method, path, match string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		if match != "" {
			r.Header.Set("If-None-Match", match)
		}
		return send(h, r)
	}
	tag := ask("GET", "/tagged", "").Header().Get("Etag")
	if !strings.HasPrefix(tag, `"7-`) || len(tag) != len(`"7-0123456789abcdef"`) {
		t.Fatalf("the tag is %s", tag)
	}
	for _, c := range []struct {
		method, path, match string
		want                int
	}{
		{"GET", "/tagged", tag, 304}, {"HEAD", "/tagged", tag, 304}, {"GET", "/tagged", "W/" + tag, 304}, {"GET", "/tagged", "*", 304},
		{"GET", "/tagged", `"x", W/"y,z",` + tag, 304}, {"GET", "/tagged", `"7"`, 200}, {"GET", "/tagged", `"x,` + tag[1:], 200},
		{"GET", "/tagged", "7", 400}, {"GET", "/tagged", tag + ",", 400}, {"POST", "/tagged", tag, 200}, {"GET", "/plain", "*", 200}, {"GET", "/plain", tag, 200},
	} {
		w := ask(c.method, c.path, c.match)
		if w.Code != c.want {
			t.Errorf("%s %s, If-None-Match %s: %d %s, want %d", c.method, c.path, c.match, w.Code, w.Body, c.want)
		}
		if w.Code == 304 && (w.Body.Len() > 0 || w.Header().Get("Etag") != tag || w.Header().Get("Content-Type") != "") {
			t.Errorf("%s: 304 with %v %q", c.match, w.Header(), w.Body)
		}
	}
	other, err := door.Answer{Body: []int{2}}.Tagged(7)
	if err != nil || other.Header.Get("Etag") == tag {
		t.Errorf("another body of the same version has the tag %s, %v", other.Header.Get("Etag"), err)
	}
	if _, err := (door.Answer{Body: func() {}}).Tagged(1); err == nil {
		t.Error("what cannot be written was tagged")
	}
}
