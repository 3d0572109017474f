package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

const (
	sweepEvery = time.Minute // between two looks for what has expired
	sweepSize  = 100         // orders that are asked about at a time
	respite    = time.Hour   // until an order that goes on is asked about again
)

// Run looks for reservations that have expired, now and then, until ctx is done. Every
// instance does: whoever comes second finds nothing to do.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("what has expired could not be settled, and is tried again", "service", s.DB.Service(), "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Sweep settles what has expired as the order service says that its order has ended, and
// asks again later where it has not. It never decides by itself that an order is over.
func (s *Service) Sweep(ctx context.Context) error {
	count := s.counter()
	var errs []error
	for at := (expired{}); ; {
		page, err := s.expired(ctx, at)
		if err != nil || len(page) == 0 {
			return errors.Join(append(errs, err)...)
		}
		ids := make([]string, len(page))
		for i, x := range page {
			ids[i] = x.order
		}
		ends, err := s.Orders.Ended(ctx, ids)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("ask for the orders: %w", err))...)
		}
		for _, x := range page {
			did, err := s.expire(ctx, x, end(ends, x.order))
			if err != nil {
				errs = append(errs, err) // the others are not to wait for it
				continue
			}
			count.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", string(did))))
		}
		at = page[len(page)-1]
	}
}

// end is what the order service has said of an order.
func end(ends map[string]bool, order string) event {
	switch done, over := ends[order]; {
	case done:
		return completed
	case over:
		return undone
	}
	return overdue
}

// An expired is a reservation whose time is over.
type expired struct {
	order   string
	lines   []contract.Line
	expires time.Time
}

// expired lists some reservations whose time is over, behind another one. It is a change
// that changes nothing, for their time is that of the database.
func (s *Service) expired(ctx context.Context, after expired) (page []expired, err error) {
	_, err = s.DB.Background().Update(ctx, nil, func(tx *store.Tx) error {
		page = nil
		return tx.Rows(`SELECT order_id, lines, expires FROM reservation WHERE status = 'reserved' AND expires <= $1
			AND (expires > $2 OR expires = $2 AND order_id > $3) ORDER BY expires, order_id LIMIT $4`,
			[]any{tx.Now, after.expires, after.order, sweepSize}, func(scan func(...any) error) error {
				var x expired
				var lines []byte
				if err := scan(&x.order, &lines, &x.expires); err != nil {
					return err
				}
				page = append(page, x)
				return json.Unmarshal(lines, &page[len(page)-1].lines)
			})
	})
	return page, err
}

// expire settles one of them, unless a message or another instance has meanwhile.
func (s *Service) expire(ctx context.Context, x expired, e event) (did outcome, err error) {
	_, err = s.DB.Background().Update(ctx, rows(x.order, x.lines), func(tx *store.Tx) error {
		due, err := tx.Row([]any{nil}, `SELECT 1 FROM reservation WHERE order_id = $1 AND status = 'reserved' AND expires <= $2`, x.order, tx.Now)
		if err != nil || !due {
			did = again
			return err
		}
		did, err = s.settle(tx, about{order: x.order, lines: x.lines}, e)
		return err
	})
	return did, err
}

// postpone has the owner of a reservation asked at another time.
func postpone(tx *store.Tx, order string, expires time.Time) error {
	return tx.Exec(`UPDATE reservation SET expires = $2 WHERE order_id = $1`, order, expires)
}

// counter counts what became of reservations that have expired: one that is kept again
// and again is of an order that somebody should look at.
func (s *Service) counter() metric.Int64Counter {
	if s.Meter == nil {
		return noop.Int64Counter{}
	}
	c, err := s.Meter.Int64Counter("tidewire.inventory.expired",
		metric.WithDescription("Reservations that have expired, by what was done: kept for an order that goes on, parted with, gave back, or again."))
	if err != nil {
		return noop.Int64Counter{}
	}
	return c
}
