package analytics

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// What an order costs analytics, from being accepted to completed, in batches of 200
// events of two products each, as under load.
func BenchmarkOrder(b *testing.B) {
	const batch = 200
	s := start(b)
	handle := map[string]int{}
	streams := s.Streams()
	for i, h := range streams {
		handle[h.Kind] = i
	}
	hear := func(of func(id string) event, first int) {
		messages := make([]message.Message, batch)
		for i := range messages {
			messages[i] = of(fmt.Sprintf("0199f1c2-7d5e-7000-8000-%012d", first+i)).message(b)
		}
		b.StartTimer()
		_, err := s.DB.Update(b.Context(), nil, func(tx *store.Tx) error {
			_, err := tx.Each(make([][]string, batch), func(tx *store.Tx, i int) error {
				return streams[handle[messages[i].Kind]].Handle(b.Context(), tx, messages[i])
			})
			return err
		})
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.StopTimer()
	for n := 0; n < b.N; n += batch {
		hear(func(id string) event { return of(id, "USD", noon) }, n)
		hear(func(id string) event { return completes(id, noon) }, n)
	}
}

// How long the page takes when a million orders of 100,000 products have been counted, on
// 400 days, in three currencies.
func BenchmarkPage(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkPage(b, databases.Place(b, "analytics", Migrations())()) })
	b.Run("postgres", func(b *testing.B) { benchmarkPage(b, databases.Server(b, "analytics", Migrations())()) })
}

func benchmarkPage(b *testing.B, db *store.DB) {
	s := &Service{DB: db, Now: func() time.Time { return noon }}
	s.million(b)
	handler := door.Handler(door.Options{}, s.Routes()...)
	for _, query := range []string{"", "?days=366&top=100"} {
		b.Run("page"+query, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				began := time.Now()
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), "GET", "/api/analytics"+query, nil))
				if took = append(took, time.Since(began)); w.Code != 200 || !strings.Contains(w.Body.String(), `"totalOrders":1000000,`) {
					b.Fatal(w.Body)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// million fills the counters as a million orders would.
func (s *Service) million(b *testing.B) {
	const products, days, part = 100_000, 400, 5000
	update := func(change func(*counts)) {
		_, err := s.DB.Update(b.Context(), nil, func(tx *store.Tx) error { change(ledger{tx}.gathered()); return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	for first := 0; first < products; first += part {
		update(func(c *counts) {
			for i := first; i < first+part; i++ {
				c.put(fmt.Sprintf("product-%d", i), product{name: fmt.Sprintf("Product %d", i), named: noon, quantity: int64(1 + i*7919%1000)})
			}
		})
	}
	update(func(c *counts) {
		for i := range 1_000_000 {
			c.add(tally{name: accepted}, 1, noon)
			at := noon.AddDate(0, 0, -i%days)
			c.end(terms{[]string{"EUR", "JPY", "USD"}[i%3], 1250, nil}, end{[]state{completed, completed, completed, failed, cancelled}[i%5], "", at})
		}
	})
}
