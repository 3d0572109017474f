package operate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// beside adds a second service, which does not run, to a shop's desk.
func (s *shop) beside(name string) *store.DB {
	s.t.Helper()
	d, err := sqlite.Open(s.t.Context(), filepath.Join(s.t.TempDir(), name+".db"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	db := store.Open(name, d)
	s.t.Cleanup(func() { db.Close() })
	s.desk.Services = append(s.desk.Services, db)
	return db
}

// However many operators press at the same time, one of them decides, and one fact is
// kept.
func TestOneOfManyDecides(t *testing.T) {
	s := newShop(t)
	s.insert(fmt.Sprintf(parkedRow, 1, 1, "{}", "dead", "")) // of a reader that does not run
	status := make([]int, 8)
	var wg sync.WaitGroup
	for n := range status {
		wg.Go(func() {
			act := []string{"redrive", "discard"}[n%2]
			status[n], _ = s.do("POST", "/admin/v1/dead/stock/p1/"+act, fmt.Sprintf(`{"who":"eve %d"}`, n))
		})
	}
	wg.Wait()
	slices.Sort(status)
	if want := []int{200, 404, 404, 404, 404, 404, 404, 404}; !slices.Equal(status, want) {
		t.Errorf("got %v, want %v", status, want)
	}
	if got := s.audits(); strings.Count(got, "\n") != 1 {
		t.Errorf("kept\n%swant one act", got)
	}
}

// Letters of several services are one list, and a page ends wherever it is full.
func TestPagesGoOnFromServiceToService(t *testing.T) {
	s := newShop(t)
	other := s.beside("archive")
	var want []string
	for n := range 5 {
		s.insert(fmt.Sprintf(parkedRow, n, n, "{}", "dead", ""))
		_, err := other.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(fmt.Sprintf(parkedRow, n, n, "{}", "dead", "")) })
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("archive/p%d", n), fmt.Sprintf("stock/p%d", n))
	}
	slices.Sort(want)
	for limit := 1; limit <= 11; limit++ {
		var got []string
		for path := fmt.Sprintf("/admin/v1/dead?limit=%d", limit); ; {
			var page struct {
				Items []operate.Letter
				Next  string
			}
			status, text := s.do("GET", path, "")
			if err := json.Unmarshal([]byte(text), &page); err != nil || status != 200 || len(page.Items) > limit {
				t.Fatalf("%d %s, %v", status, text, err)
			}
			for _, l := range page.Items {
				got = append(got, l.ID)
			}
			if page.Next == "" {
				break
			}
			path = fmt.Sprintf("/admin/v1/dead?limit=%d&cursor=%s", limit, page.Next)
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %d: got %v, want %v", limit, got, want)
		}
	}
	if got := list[operate.Letter](s, "/admin/v1/dead?service=archive"); len(got) != 5 {
		t.Errorf("of one service: got %d, want 5", len(got))
	}
}

// A check that hangs makes the platform unready within the limit, and holds up none of
// the others.
func TestReadinessDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
		d := &operate.Desk{Ready: []operate.Check{
			{Name: "one", Works: hang}, {Name: "two", Works: func(context.Context) error { return nil }}, {Name: "three", Works: hang},
		}}
		m, err := operate.NewMetrics()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		w := httptest.NewRecorder()
		d.Handler(m).ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1:3001/readyz", nil))
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want 2 s", took)
		}
		if text := w.Body.String(); w.Code != 503 || w.Header().Get("Retry-After") != "1" || !strings.Contains(text, `"name":"one"`) ||
			!strings.Contains(text, `"name":"three"`) || strings.Contains(text, `"two"`) {
			t.Errorf("got %d %s", w.Code, text)
		}
	})
}

// Every check has its say, and a request that is gone ends the rest.
func TestFindersHaveTheirSay(t *testing.T) {
	said := 0
	say := func(what string, err error) operate.Finder {
		return func(context.Context) ([]operate.Finding, error) {
			said++
			return []operate.Finding{{What: what}}, err
		}
	}
	d := &operate.Desk{Checks: []operate.Finder{say("a", errors.New("half")), say("b", nil)}}
	found, err := d.Findings(t.Context())
	if err != nil || len(found) != 3 || found[0].What != "a" || found[1].What != "cannot look: half" || found[2].What != "b" {
		t.Errorf("got %+v, %v", found, err)
	}
	d.Checks = []operate.Finder{say("a", context.Canceled), say("b", nil)}
	said = 0
	if found, err := d.Findings(t.Context()); !errors.Is(err, context.Canceled) || said != 1 {
		t.Errorf("nobody listens any more: got %+v, %v, after %d checks", found, err, said)
	}
}

// Lists are never null, as scripts go through them.
func TestEmptyLists(t *testing.T) {
	s := newShop(t)
	s.desk.Services, s.desk.Queues = nil, nil
	for _, path := range []string{"/admin/v1/streams", "/admin/v1/queues", "/admin/v1/findings", "/admin/v1/dead"} {
		if status, text := s.do("GET", path, ""); status != 200 || strings.TrimSpace(text) != `{"items":[]}` {
			t.Errorf("%s: got %d %s", path, status, text)
		}
	}
}

// A queue's numbers tell its jobs apart by what will happen to them next.
func TestDepthsTellJobsApart(t *testing.T) {
	s := newShop(t)
	now := time.Now().UnixMicro()
	minute := time.Minute.Microseconds()
	row := func(id string, due int64, lease string, dead int) string {
		return fmt.Sprintf(`INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due, lease, dead)
			VALUES ('%s', 'stock_counted', 'Work', 'k', %d, '', '', x'7b7d', %d, '%s', %d)`, id, now, due, lease, dead)
	}
	s.insert(row("due", now-minute, "", 0), row("due first", now-2*minute, "", 0), row("later", now+2*minute, "", 0), row("next", now+minute, "", 0),
		row("out", now+minute, "x", 0), row("lost", now-minute, "y", 0), row("dead", now-9*minute, "", 1))
	all := list[operate.Depth](s, "/admin/v1/queues")
	i := slices.IndexFunc(all, func(q operate.Depth) bool { return q.Queue == "stock_counted" })
	if i < 0 {
		t.Fatalf("got %+v", all)
	}
	want := operate.Depth{Service: "stock", Queue: "stock_counted", Waiting: 4, Due: 2, Out: 2, Dead: 1, Expired: 1}
	got := all[i]
	for at, due := range map[*time.Time]int64{&got.Oldest: now - 2*minute, &got.Lost: now - minute, &got.Next: now + minute} {
		if at.UnixMicro() != due {
			t.Errorf("got %v, want %v", at, time.UnixMicro(due))
		}
		*at = time.Time{}
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
