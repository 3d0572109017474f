package inventory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// A Service is the inventory service.
type Service struct {
	DB     *store.DB
	Orders Orders        // who owns what is reserved
	Hold   time.Duration // until the owner of a reservation is asked; longer than any deadline of an order; 24h
	Meter  metric.Meter  // of reservations that have expired; none
}

// Orders knows how orders end.
type Orders interface {
	// Ended returns which of these orders have ended, for ever, and whether each was
	// completed or undone. Those that go on are left out.
	Ended(ctx context.Context, ids []string) (completed map[string]bool, err error)
}

const (
	// patience is the pause before a product is looked for again that is not known yet.
	patience = 50 * time.Millisecond
	// forbearance is the pause before an order that is too early comes again.
	forbearance = time.Second
)

// calledOff is why nothing is reserved for an order that ended before, or whose stock was
// asked back before. Nobody waits for that any more.
const calledOff = "called_off"

func (s *Service) hold() time.Duration {
	if s.Hold == 0 {
		return 24 * time.Hour
	}
	return s.Hold
}

// An about is an order, with as much as has to be said of it.
type about struct {
	order, style string
	lines        []contract.Line
	lacking      string // the product of which there is not enough
}

// take reserves the stock for an order that wants or asks for it: all lines or none. The
// row of the reservation comes first, for it tells whether this is the first that is heard
// of it.
func (s *Service) take(tx *store.Tx, a about, what event) (outcome, error) {
	for _, l := range a.lines {
		if l.Quantity < 1 {
			return "", failure.Permanent(fmt.Errorf("inventory: %d of product %q are wanted for order %q", l.Quantity, l.ProductID, a.order))
		}
	}
	first, err := begin(tx, a, tx.Now.Add(s.hold()))
	switch {
	case err != nil:
		return "", err
	case !first:
		return s.settle(tx, a, what)
	}
	if a.lacking, err = claimAll(tx, demands(a.lines)); err != nil {
		return "", err
	}
	if a.lacking != "" {
		what = short
	}
	r, err := next(none, what)
	if err != nil {
		return "", err
	}
	if r.to != reserved {
		if err := put(tx, a, r.to); err != nil {
			return "", err
		}
	}
	return r.did, s.act(tx, r.do, a)
}

// claimAll reserves all that is wanted, or nothing and names the first product that lacks.
func claimAll(tx *store.Tx, wanted []demand) (lacking string, err error) {
	for i, d := range wanted {
		got, err := claim(tx, d)
		switch {
		case err != nil:
			return "", err
		case got:
			continue
		}
		if _, err := load(tx, d.product); errors.Is(err, ErrUnknown) { // its ProductCreated is on its way
			return "", failure.Wait(patience, err)
		} else if err != nil {
			return "", err
		}
		for _, back := range wanted[:i] {
			if err := unclaim(tx, back); err != nil {
				return "", err
			}
		}
		return d.product, nil
	}
	return "", nil
}

// settle takes the reservation of an order an event further, by the rules. Most often it
// is reserved: one statement finds that out and changes it.
func (s *Service) settle(tx *store.Tx, a about, e event) (outcome, error) {
	r, err := next(reserved, e)
	if err != nil {
		return "", err
	}
	if r.to != none {
		lines, found, err := swap(tx, a.order, reserved, r.to)
		if err != nil {
			return "", err
		}
		if found {
			a.lines = lines
			return r.did, s.act(tx, r.do, a)
		}
	}
	is, err := reservation(tx, a.order)
	if err != nil {
		return "", err
	}
	if r, err = next(is, e); err != nil {
		return "", err
	}
	if r.to != none {
		if err := put(tx, a, r.to); err != nil {
			return "", err
		}
	}
	return r.did, s.act(tx, r.do, a)
}

// act does what a rule asks for.
func (s *Service) act(tx *store.Tx, do []act, a about) (err error) {
	for _, each := range do {
		switch each {
		case await:
			err = failure.Wait(forbearance, fmt.Errorf("inventory: order %s is completed, and nothing was reserved for it", a.order))
		case free:
			err = forEach(tx, a.lines, unclaim)
		case send:
			err = forEach(tx, a.lines, func(tx *store.Tx, d demand) error { return part(tx, a.order, d) })
		case extend:
			err = postpone(tx, a.order, tx.Now.Add(respite))
		case sayUpdated:
			err = tx.Append(a.order, contract.InventoryUpdated{OrderID: a.order, Style: a.style, Lines: a.lines})
		case sayFailed:
			err = tx.Append(a.order, contract.InventoryUpdateFailed{OrderID: a.order, Reason: contract.OutOfStock, ProductID: a.lacking})
		case sayOver:
			err = tx.Append(a.order, contract.InventoryUpdateFailed{OrderID: a.order, Reason: calledOff})
		case sayBack:
			err = tx.Append(a.order, contract.StockReleased{OrderID: a.order, Lines: a.lines})
		case sayNothing:
			err = tx.Append(a.order, contract.StockReleased{OrderID: a.order, Lines: []contract.Line{}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forEach does something with each demand of an order.
func forEach(tx *store.Tx, lines []contract.Line, do func(*store.Tx, demand) error) error {
	for _, d := range demands(lines) {
		if err := do(tx, d); err != nil {
			return err
		}
	}
	return nil
}

// shelve makes the shelf of a new product, with its first stock.
func (s *Service) shelve(tx *store.Tx, e contract.ProductCreated) (outcome, error) {
	first := stock{product: e.ProductID, tracked: e.Stock != nil, price: e.Price, currency: e.Currency}
	if first.tracked {
		first.onHand = *e.Stock
	}
	made, err := open(tx, first)
	switch {
	case err != nil:
		return "", err
	case !made:
		return again, nil
	case first.onHand == 0:
		return shelved, nil
	}
	return shelved, record(tx, movement{product: e.ProductID, kind: initial, quantity: first.onHand})
}

// price keeps what one of a product is worth from now on. A product that there is not
// stays unknown: the word of what it begins with was given up by an operator.
func (s *Service) price(tx *store.Tx, e contract.ProductPriceUpdated) (outcome, error) {
	known, err := revalue(tx, e.ProductID, e.Price)
	if err != nil || known {
		return priced, err
	}
	return late, nil
}
