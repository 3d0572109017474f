package door_test

import (
	"net/http/httptest"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		header []string
		want   int // status of the problem; 0 is none
	}{
		{nil, 0},
		{[]string{`"7"`}, 0},
		{[]string{`*`}, 0},
		{[]string{` "6" , "7"`}, 0},
		{[]string{`"6"`, `"7"`}, 0},
		{[]string{`"6"`}, 412},
		{[]string{`"77"`}, 412},
		{[]string{`"6", "8"`}, 412},
		{[]string{`W/"7"`}, 412}, // as weak tags are no proof
		{[]string{`""`}, 412},
		{[]string{``}, 400},
		{[]string{`7`}, 400},
		{[]string{`"7`}, 400},
		{[]string{`"7",`}, 400},
		{[]string{`*, "7"`}, 400},
		{[]string{"\"7\"\x00"}, 400},
	} {
		r := httptest.NewRequest("PATCH", "/", nil)
		if c.header != nil {
			r.Header["If-Match"] = c.header
		}
		err := door.Match(r, 7)
		if c.want == 0 && err == nil {
			continue
		}
		p := problemOf(t, err)
		if p.Status != c.want || c.want == 412 && p.Header.Get("ETag") != `"7"` {
			t.Errorf("%q: got %d %v, want %d", c.header, p.Status, p.Header, c.want)
		}
	}
}

func TestETag(t *testing.T) {
	r := httptest.NewRequest("PATCH", "/", nil)
	r.Header = door.ETag(3)
	if got := r.Header.Get("ETag"); got != `"3"` {
		t.Errorf("got %s", got)
	}
	r.Header.Set("If-Match", r.Header.Get("ETag"))
	if err := door.Match(r, 3); err != nil {
		t.Errorf("what ETag says does not match: %v", err)
	}
}
