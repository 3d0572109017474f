package operate_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/store"
)

// bury puts n dead letters on a stream, and as many in a queue, of so many problems.
func bury(b testing.TB, db *store.DB, n, problems int) {
	b.Helper()
	const together = 50
	for first := 0; first < n; first += together {
		_, err := db.Update(b.Context(), nil, func(tx *store.Tx) error {
			for i := first; i < min(n, first+together); i++ {
				cause := fmt.Sprintf("the %s shelf is broken at %d", string(rune('a'+i%problems)), i)
				past := failure.History{Attempts: 8, Causes: []failure.Attempt{{At: tx.Now, Cause: cause}}}
				id := fmt.Sprintf("00000000-0000-7000-8000-%012d", i)
				body := []byte(`{"N":1}`)
				if err := tx.Insert("parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due, past, problem, died)", "",
					"stock", "stock", i%store.Partitions, i, id, "Fact", "public", fmt.Sprint("key", i), 0, tx.Now, "", "", body, "dead", tx.Now, past.String(), failure.Problem(cause), tx.Now); err != nil {
					return err
				}
				if err := tx.Insert("job (id, queue, kind, key, time, cause, trace, body, due, dead, past, problem, died)", "",
					"j"+id, "stock_work", "Work", fmt.Sprint("key", i), tx.Now, "", "", body, tx.Now, 1, past.String(), failure.Problem(cause), tx.Now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeadLetters asks for pages among 100,000, and redrives them a thousand at a time.
func BenchmarkDeadLetters(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { pages(b, databases.Place(b, "stock", nil)()) })
	b.Run("postgres", func(b *testing.B) { pages(b, databases.Server(b, "stock", nil)()) })
}

func pages(b *testing.B, db *store.DB) {
	bury(b, db, 50_000, 5)
	m, err := operate.NewMetrics()
	if err != nil {
		b.Fatal(err)
	}
	door := (&operate.Desk{Services: []*store.DB{db}}).Handler(m)
	do := func(b *testing.B, method, path, body string) string {
		r := httptest.NewRequest(method, "http://127.0.0.1:3001/admin/v1/dead"+path, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		if door.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	do(b, "GET", "", "") // which looks once for letters that have no problem yet
	for _, path := range []string{"/groups", "/groups?kind=Work", "/groups?cause=c+shelf", "/groups?age=1h", "/groups?key=key777",
		"", "?kind=Work", "?cause=e+shelf", "?cause=nothing", "?key=key49999", "?key=none", "?age=1h", "?kind=Work&cause=d&age=0s", "?limit=1000"} {
		b.Run("GET"+path, func(b *testing.B) {
			for b.Loop() {
				do(b, "GET", path, "")
			}
		})
	}
	b.Run("redrive", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n += strings.Count(do(b, "POST", "/redrive", `{"filter":{},"who":"eve","why":"mended","limit":1000}`), "stock/")
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "letters/s")
	})
}
