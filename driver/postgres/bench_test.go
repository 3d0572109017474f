package postgres_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// BenchmarkUpdate is one change after the other of an INSERT and an append, by so many
// callers.
func BenchmarkUpdate(b *testing.B) {
	for _, callers := range []int{1, 8, 32} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			d, _ := open(b)
			var id atomic.Int64
			b.SetParallelism(callers / 2) // times GOMAXPROCS, on the machine of the figures 2
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					key := fmt.Sprint(id.Add(1))
					err := d.Update(b.Context(), store.Change{Keys: []string{key}, Run: func(c store.Conn, _ time.Time) error {
						if err := c.Exec(`INSERT INTO thing (id, n) VALUES ($1, $2)`, key, 1); err != nil {
							return err
						}
						_, err := c.Append([]message.Message{fact(key, 1)})
						return err
					}})
					if err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}

// BenchmarkBatch is a reader's change: 200 messages handled in one transaction.
func BenchmarkBatch(b *testing.B) {
	d, _ := open(b)
	const size = 200
	id := 0
	for b.Loop() {
		keys := make([]string, size)
		msgs := make([]message.Message, size)
		for i := range size {
			id++
			keys[i] = fmt.Sprint(id)
			msgs[i] = fact(keys[i], 1)
		}
		err := d.Update(b.Context(), store.Change{Keys: keys, Run: func(c store.Conn, _ time.Time) error {
			for _, key := range keys {
				if err := c.Exec(`INSERT INTO thing (id, n) VALUES ($1, $2)`, key, 1); err != nil {
					return err
				}
			}
			_, err := c.Append(msgs)
			return err
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkView is a request that reads one row.
func BenchmarkView(b *testing.B) {
	d, _ := open(b)
	for b.Loop() {
		err := d.View(b.Context(), func(c store.Conn) error { return c.Query(`SELECT n FROM thing WHERE id = 'a'`, nil, none) })
		if err != nil {
			b.Fatal(err)
		}
	}
}
