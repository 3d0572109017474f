package part

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/bench/twin"
	"github.com/tidewire/tidewire/bench/watch"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/order"
	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// life is the history of an order that went well.
func life(id string) []message.Kind {
	lines := []contract.Line{{ProductID: "1", Name: "Laptop", Quantity: 2, UnitPrice: 120000}}
	return []message.Kind{
		contract.OrderCreated{OrderID: id, UserID: "1", Style: contract.Choreographed, Lines: lines, Total: 240000, Currency: "USD", Method: "ok", Deadline: time.Unix(1_800_000_000, 0).UTC()},
		contract.OrderConfirmed{OrderID: id},
		contract.OrderCompleted{OrderID: id, TrackingNumber: "TW0000000001", Lines: lines},
	}
}

// dozens is a history of twenty events, each of which counts one.
func dozens() []message.Kind {
	events := make([]message.Kind, 20)
	for i := range events {
		events[i] = happened{N: 1}
	}
	return events
}

// replay folds the histories of all orders.
func replay(ctx context.Context, dir string, s Size) (_ watch.Rate, err error) {
	db, err := open(ctx, dir, "order", nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	orders := s.Messages / len(life(""))
	if err := inChunks(ctx, db, orders, func(tx *store.Tx, n int) error { return written(tx, fmt.Sprint(n), life(fmt.Sprint(n))) }); err != nil {
		return watch.Rate{}, err
	}
	folded := int64(0)
	began := watch.Start()
	err = order.Histories().Each(ctx, db, func(r aggregate.Root[order.Order]) error {
		folded += r.Last.Version
		if r.State.State != order.Completed {
			return fmt.Errorf("order %s is %s", r.Key, r.State.State)
		}
		return nil
	})
	if want := int64(orders * len(life(""))); err == nil && folded != want {
		err = fmt.Errorf("%d events were folded, want %d", folded, want)
	}
	return began.Rate(folded), err
}

// load makes the state of a key of twenty events, each time in a read of its own.
func load(ctx context.Context, dir string, s Size) (_ watch.Rate, err error) {
	db, err := open(ctx, dir, "part", nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Update(ctx, nil, func(tx *store.Tx) error { return written(tx, "0", dozens()) }); err != nil {
		return watch.Rate{}, err
	}
	sum := aggregate.Aggregate[int64]{Name: "sum", Shapes: []aggregate.Shape[int64]{aggregate.Is[int64, happened]()},
		Apply: func(n int64, e aggregate.Event) (int64, error) { return n + e.Fact.(happened).N, nil }}
	began := watch.Start()
	for range s.Messages / 4 {
		err := db.View(ctx, func(tx *store.Tx) error {
			r, err := sum.Load(tx, "0")
			if err == nil && r.State != 20 {
				err = fmt.Errorf("the sum is %d, want 20", r.State)
			}
			return err
		})
		if err != nil {
			return watch.Rate{}, err
		}
	}
	return began.Rate(int64(s.Messages / 4)), nil
}

func written(tx *store.Tx, key string, events []message.Kind) error {
	var last store.Place
	for _, e := range events {
		var err error
		if last, err = tx.AppendAfter(last, key, e); err != nil {
			return err
		}
	}
	return nil
}

// lines are events as the twin writes them.
func lines(events []message.Kind) []twin.Line {
	all := make([]twin.Line, len(events))
	for i, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			panic(err) // they are ours
		}
		all[i] = twin.Line{Kind: e.Kind(), Body: body}
	}
	return all
}
