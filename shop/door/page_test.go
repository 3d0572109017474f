package door_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/door"
)

func TestPage(t *testing.T) {
	for _, c := range []struct {
		query string
		limit int // 0: refused
		after string
	}{
		{"", 50, ""},
		{"limit=1", 1, ""},
		{"limit=1000&cursor=" + door.Cursor("k é"), 1000, "k é"},
		{"cursor=", 50, ""},
		{"limit=0", 0, ""},
		{"limit=1001", 0, ""},
		{"limit=-1", 0, ""},
		{"limit=", 0, ""},
		{"limit=1.5", 0, ""},
		{"limit=99999999999999999999", 0, ""},
		{"limit=%2B5", 0, ""},
		{"cursor=%21", 0, ""},
		{"cursor=QQ==", 0, ""},
		{"cursor=QR", 0, ""}, // bits that no encoder sets
		{"cursor=" + door.Cursor("\x00"), 0, ""},
		{"cursor=" + door.Cursor("\xff"), 0, ""},
		{"cursor=" + door.Cursor(strings.Repeat("a", 1601)), 0, ""},
	} {
		limit, after, err := door.Page(httptest.NewRequest("GET", "/?"+c.query, nil))
		if limit != c.limit || after != c.after || (err == nil) != (c.limit > 0) {
			t.Errorf("%.40s: got %d, %q, %v; want %d, %q", c.query, limit, after, err, c.limit, c.after)
		}
		if err != nil && (problemOf(t, err).Status != 400 || len(problemOf(t, err).Errors) != 1) {
			t.Errorf("%.40s: got %v, want 400 that names the parameter", c.query, err)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"1": true, "a.B_c-9": true, "...": true, strings.Repeat("a", 100): true,
		"": false, ".": false, "..": false, "a b": false, "a/b": false, "é": false, "a\x00": false, strings.Repeat("a", 101): false,
	} {
		if got := door.ValidID(id); got != want {
			t.Errorf("%.20q: got %v, want %v", id, got, want)
		}
	}
}

func TestID(t *testing.T) {
	chosen := "mine"
	if got := door.ID(&chosen); got != chosen {
		t.Errorf("got %s, want the chosen one", got)
	}
	a, b := door.ID(nil), door.ID(nil)
	if !door.ValidID(a) || a >= b {
		t.Errorf("got %s and %s, want two that grow", a, b)
	}
}

func TestWait(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "wait=5": 5 * time.Second, "respond-async, wait=10": 10 * time.Second, `Wait="2"; x=y`: 2 * time.Second,
		"wait=1000": 30 * time.Second, "wait": 0, "wait=-1": 0, "wait=x": 0, "waits=5": 0,
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Prefer", header)
		if got := door.Wait(r); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}

func TestDigest(t *testing.T) {
	seen := map[string]string{}
	for name, values := range map[string][]any{
		"two": {"a", "b"}, "joined": {"ab"}, "moved": {"", "ab"}, "quoted": {`a","b`}, "a number": {1}, "its text": {"1"},
		"none": {(*int64)(nil)}, "zero": {new(int64)}, "nothing": {},
	} {
		got, err := door.Digest(values...)
		again, _ := door.Digest(values...)
		if err != nil || got != again || seen[got] != "" {
			t.Errorf("%s: got %s, then %s, as %s; %v", name, got, again, seen[got], err)
		}
		seen[got] = name
	}
}
