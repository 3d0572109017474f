package operate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// schedule sends work for later: so many hours from a time on.
func (s *shop) schedule(db *store.DB, ids ...string) time.Time {
	s.t.Helper()
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := db.Update(s.t.Context(), nil, func(tx *store.Tx) error {
		var errs []error
		for i, id := range ids {
			errs = append(errs, tx.Insert("job (id, queue, kind, key, time, cause, trace, body, due)", "",
				id, db.Service()+"_work", "Work", "key "+id, start, "", "", []byte(`{"N":1}`), start.Add(time.Duration(i)*time.Hour)))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return start
}

// Whatever waits in any service is one list, which a page cuts anywhere.
func TestScheduleList(t *testing.T) {
	s := newShop(t)
	s.schedule(s.db, "s1", "s2", "s3")
	s.schedule(s.beside("alpha"), "a1", "a2")
	s.schedule(s.beside("stocks"), "z1")
	for query, want := range map[string]string{
		"":                                 "alpha/a1 alpha/a2 stock/s1 stock/s2 stock/s3 stocks/z1",
		"service=stock":                    "stock/s1 stock/s2 stock/s3",
		"service=nobody":                   "",
		"queue=alpha_work":                 "alpha/a1 alpha/a2",
		"kind=Work&key=key+s2":             "stock/s2",
		"kind=Other":                       "",
		"after=2030-01-01T00:30:00Z":       "alpha/a2 stock/s2 stock/s3",
		"before=2030-01-01T00:30:00Z":      "alpha/a1 stock/s1 stocks/z1",
		"before=2030-01-01T02:30:00+02:00": "alpha/a1 stock/s1 stocks/z1",
		"service=stock&after=2030-01-01T00:30:00Z&before=2030-01-01T01:30:00Z": "stock/s2",
	} {
		for _, limit := range []int{1, 2, 3, 1000} {
			var got []string
			for cursor, pages := "", 0; ; pages++ {
				status, text := s.do("GET", fmt.Sprintf("/admin/v1/schedule?limit=%d&%s&%s", limit, query, cursor), "")
				var page door.List[operate.Scheduled]
				if err := json.Unmarshal([]byte(text), &page); status != 200 || err != nil || len(page.Items) > limit || pages > 10 {
					t.Fatalf("%s: %d %s, %v", query, status, text, err)
				}
				for _, w := range page.Items {
					got = append(got, w.ID)
				}
				if cursor = "cursor=" + url.QueryEscape(page.Next); page.Next == "" {
					break
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s, %d a page: %q, want %q", query, limit, got, want)
			}
		}
	}
	for query, want := range map[string]string{
		"after=soon": "bad-time", "before=1": "bad-time", "cursor=!!": "bad-cursor", "cursor=" + door.Cursor("x"): "bad-cursor",
		"cursor=" + door.Cursor("stock x s1"): "bad-cursor", "cursor=" + door.Cursor("stock -5 s1"): "bad-cursor", "limit=0": "bad-limit", "queues=x": "unknown-parameter", "key=": "empty-parameter",
	} {
		if status, text := s.do("GET", "/admin/v1/schedule?"+query, ""); status != 400 || !strings.Contains(text, "problem:"+want) {
			t.Errorf("%s: %d %s, want 400 %s", query, status, text, want)
		}
	}
}

// An operator moves and cancels what waits; what he did is kept, and what he could not do
// changes nothing.
func TestReschedule(t *testing.T) {
	s := newShop(t)
	start := s.schedule(s.db, "a", "b", "begun", "dead")
	s.insert(`UPDATE job SET lease = 'somebody', due = due + 1 WHERE id = 'begun'`)
	s.insert(`UPDATE job SET dead = 1 WHERE id = 'dead'`)
	for _, tt := range []struct {
		path, body string
		status     int
		told       string
	}{
		{"a/move", `{"due":"2031-01-01T00:00:00+01:00","who":"eve","why":"later"}`, 200, `"to":"2030-12-31T23:00:00Z"`},
		{"b/cancel", `{"who":"eve","why":"never"}`, 200, `"act":"cancel"`},
		{"b/cancel", `{"who":"eve","why":"again"}`, 404, "no-such-scheduled-work"},
		{"b/move", `{"due":"2031-01-01T00:00:00Z","who":"eve"}`, 404, "no-such-scheduled-work"},
		{"begun/cancel", `{"who":"eve"}`, 409, "has_begun"},
		{"begun/move", `{"due":"2031-01-01T00:00:00Z","who":"eve"}`, 409, "has_begun"},
		{"dead/cancel", `{"who":"eve"}`, 409, "has_begun"},
		{"a/move", `{"due":"0001-01-01T00:00:00Z","who":"eve"}`, 422, "after the year 1970"},
		{"a/move", `{"who":"eve"}`, 422, "must say when"},
		{"a/move", `{"due":"2031-01-01T00:00:00Z"}`, 422, "must name who"},
		{"a/move", `{"due":"soon","who":"eve"}`, 400, "due"},
		{"a/cancel", `{"due":"2031-01-01T00:00:00Z","who":"eve"}`, 422, "of no use"},
		{"a/cancel", ``, 400, "missing-body"},
	} {
		if status, text := s.do("POST", "/admin/v1/schedule/stock/"+tt.path, tt.body); status != tt.status || !strings.Contains(text, tt.told) {
			t.Errorf("%s %s: %d %s, want %d %s", tt.path, tt.body, status, text, tt.status, tt.told)
		}
	}
	if status, _ := s.do("POST", "/admin/v1/schedule/nobody/a/cancel", `{"who":"eve"}`); status != 404 {
		t.Errorf("of a service that there is not: %d", status)
	}
	left := list[operate.Scheduled](s, "/admin/v1/schedule")
	if len(left) != 1 || left[0].ID != "stock/a" || !left[0].Due.Equal(start.AddDate(1, 0, 0).Add(-time.Hour)) {
		t.Errorf("left is %+v", left)
	}
	var kept []string
	err := s.db.View(t.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT key, body FROM journal WHERE kind = 'ScheduleDecided' AND class = 'audit' ORDER BY seq`, nil, func(scan func(...any) error) error {
			var key string
			var body []byte
			err := scan(&key, &body)
			kept = append(kept, key+" "+string(body))
			return err
		})
	})
	want := []string{
		`schedule:a {"work":"stock/a","queue":"stock_work","type":"Work","key":"key a","act":"move","due":"2030-01-01T00:00:00Z","to":"2030-12-31T23:00:00Z","who":"eve","why":"later"}`,
		`schedule:b {"work":"stock/b","queue":"stock_work","type":"Work","key":"key b","act":"cancel","due":"2030-01-01T01:00:00Z","who":"eve","why":"never"}`,
	}
	if err != nil || !slices.Equal(kept, want) {
		t.Errorf("kept %q, %v; want %q", kept, err, want)
	}
}

// What is moved to a time that has passed is done at once.
func TestMovedToNow(t *testing.T) {
	s := newShop(t)
	s.schedule(s.db, "a")
	if status, text := s.do("POST", "/admin/v1/schedule/stock/a/move", `{"due":"2020-01-01T00:00:00Z","who":"eve"}`); status != 200 {
		t.Fatal(status, text)
	}
	eventually(t, "it is done", func() bool { return s.works.Load() == 1 })
}
