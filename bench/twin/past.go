package twin

import (
	"context"
	"fmt"

	"github.com/tidewire/tidewire/bench/watch"
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
)

// A Line of the journal as it is replayed: a kind, and a body that is written already.
type Line struct {
	Kind string
	Body []byte
}

// Replay writes a history for each of n orders, then reads and folds each by itself, and
// returns how many events a second were folded.
func Replay(ctx context.Context, dir string, n int, history func(key string) []Line) (watch.Rate, error) {
	db, err := openPart(ctx, dir, nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer db.close()
	db.histories(n, history)
	type order struct {
		terms    contract.OrderCreated
		state    string
		tracking string
		version  int64
		time     int64
	}
	folded, completed := int64(0), 0
	began := watch.Start()
	db.view(func(c *connection) {
		for i := range n {
			var o order
			s := c.do(`SELECT kind, version, time, body FROM journal WHERE key = ? AND version > 0 ORDER BY version`).text(fmt.Sprint(i))
			s.rows(func() {
				switch body := s.blob(3); s.ColumnText(0) {
				case contract.OrderCreated{}.Kind():
					o.terms, o.state = wire.Decode[contract.OrderCreated](body), "pending"
				case contract.OrderConfirmed{}.Kind():
					wire.Decode[contract.OrderConfirmed](body)
					o.state = "confirmed"
				case contract.OrderCompleted{}.Kind():
					o.state, o.tracking = "completed", wire.Decode[contract.OrderCompleted](body).TrackingNumber
				}
				o.version, o.time = s.ColumnInt64(1), s.ColumnInt64(2)
				folded++
			})
			if o.state == "completed" && o.tracking != "" && o.terms.Total > 0 {
				completed++
			}
		}
	})
	rate := began.Rate(folded)
	if completed != n {
		err = fmt.Errorf("%d of %d orders are completed", completed, n)
	}
	return rate, err
}

// Load writes a history and adds up its numbers n times, each in a read of its own, and
// returns how often a second.
func Load(ctx context.Context, dir string, n int, history []Line) (watch.Rate, error) {
	db, err := openPart(ctx, dir, nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer db.close()
	db.histories(1, func(string) []Line { return history })
	type happened struct {
		N int64 `json:"n"`
	}
	sum := int64(0)
	began := watch.Start()
	for range n {
		db.view(func(c *connection) {
			s := c.do(`SELECT body FROM journal WHERE key = ? AND version > 0 ORDER BY version`).text("0")
			s.rows(func() { sum += wire.Decode[happened](s.blob(0)).N })
		})
	}
	rate := began.Rate(int64(n))
	if want := int64(n * len(history)); sum != want {
		err = fmt.Errorf("the sum is %d, want %d", sum, want)
	}
	return rate, err
}

// histories writes those of n keys, in chunks.
func (d *database) histories(n int, history func(key string) []Line) {
	const chunk = 1000
	for from := 0; from < n; from += chunk {
		d.update(func(t *tx) {
			for i := from; i < min(from+chunk, n); i++ {
				for v, l := range history(fmt.Sprint(i)) {
					t.append(envelope{key: fmt.Sprint(i), trace: wire.NewTrace()}, int64(v+1), l.Kind, l.Body)
				}
			}
		})
	}
}
