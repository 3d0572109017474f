package order

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	asking "github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/store"
)

// answerLimit is how long a customer waits for what inventory says.
const answerLimit = 500 * time.Millisecond

// Questions are how inventory is asked where questions travel by queues.
type Questions struct{ Client *asking.Client }

// CheckStock asks whoever answers the queue.
func (q Questions) CheckStock(ctx context.Context, c contract.CheckStock) (contract.StockChecked, error) {
	return asking.Ask[contract.StockChecked](ctx, q.Client, c)
}

// inStock asks inventory whether there is enough of all that is ordered, where that is
// wanted: 409 if not. Where there is no answer in time the order is accepted, as it would be
// without the question: its flow decides. A repeat of what was accepted is not asked about.
func (s *Service) inStock(r *http.Request, t contract.OrderCreated) error {
	if s.Stock == nil {
		return nil
	}
	if repeat, err := s.repeats(r, t.OrderID); repeat || err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerLimit)
	defer cancel()
	stock, err := s.Stock.CheckStock(ctx, contract.CheckStock{Wanted: demands(t.Lines)})
	switch {
	case r.Context().Err() != nil:
		return r.Context().Err()
	case err != nil:
		slog.DebugContext(ctx, "an order is taken without knowing whether there is enough", "error", err)
		return nil
	case len(stock.Lacking) == 0:
		return nil
	}
	return door.Conflict(contract.OutOfStock, "There is not enough of product "+strings.Join(stock.Lacking, ", ")+".")
}

// repeats reports whether what is asked for was accepted before, under its key or its own id.
func (s *Service) repeats(r *http.Request, id string) (bool, error) {
	repeated, err := door.Repeated(r, s.DB)
	if repeated || err != nil || id == "" {
		return repeated, err
	}
	err = s.DB.View(r.Context(), func(tx *store.Tx) error {
		_, err := load(tx, id)
		return err
	})
	if errors.Is(err, ErrUnknown) {
		return false, nil
	}
	return err == nil, err
}

// demands sums the lines of an order for each product: two lines of one want it twice.
func demands(lines []contract.Line) (sum []contract.Demand) {
	for _, l := range lines {
		at := slices.IndexFunc(sum, func(d contract.Demand) bool { return d.ProductID == l.ProductID })
		if at < 0 {
			sum = append(sum, contract.Demand{ProductID: l.ProductID, Quantity: l.Quantity})
			continue
		}
		sum[at].Quantity += l.Quantity
	}
	return sum
}
