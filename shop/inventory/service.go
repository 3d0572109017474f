package inventory

import (
	"errors"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Service is the inventory service.
type Service struct{ DB *store.DB }

// patience is the pause before a product is looked for again that is not known yet.
const patience = 50 * time.Millisecond

// take takes the stock for an order that was paid: all lines or none. It looks at all of
// it before it takes any, under the locks of the order and its products.
func (s *Service) take(tx *store.Tx, e contract.PaymentProcessed) (outcome, error) {
	before, _, err := reservation(tx, e.OrderID)
	switch {
	case err != nil:
		return "", err
	case before == released || before == ended:
		return late, nil
	case before != none:
		return again, nil
	}
	wanted := demands(e.Lines)
	for _, d := range wanted {
		there, err := load(tx, d.product)
		switch {
		case errors.Is(err, ErrUnknown): // its ProductCreated is on its way
			return "", failure.Wait(patience, err)
		case err != nil:
			return "", err
		case there.lacks(d.quantity):
			return lacked, s.refuse(tx, e, d.product)
		}
	}
	for _, d := range wanted {
		if err := move(tx, movement{product: d.product, order: e.OrderID, kind: out, quantity: -d.quantity}); err != nil {
			return "", err
		}
	}
	if err := reserve(tx, e.OrderID, taken, e.Lines); err != nil {
		return "", err
	}
	return took, tx.Append(e.OrderID, contract.InventoryUpdated{OrderID: e.OrderID, Style: e.Style, Lines: e.Lines})
}

func (s *Service) refuse(tx *store.Tx, e contract.PaymentProcessed, short string) error {
	if err := reserve(tx, e.OrderID, refused, e.Lines); err != nil {
		return err
	}
	return tx.Append(e.OrderID, contract.InventoryUpdateFailed{OrderID: e.OrderID, Reason: contract.OutOfStock, ProductID: short})
}

// end puts back what was taken for an order that has ended. If nothing was, it leaves a
// tombstone, so that a payment that comes later takes nothing.
func (s *Service) end(tx *store.Tx, order string, lines []contract.Line) (outcome, error) {
	before, kept, err := reservation(tx, order)
	if err != nil {
		return "", err
	}
	switch before {
	case none:
		return buried, reserve(tx, order, ended, lines)
	case taken:
		for _, d := range demands(kept) {
			if err := move(tx, movement{product: d.product, order: order, kind: back, quantity: d.quantity}); err != nil {
				return "", err
			}
		}
		if err := reserve(tx, order, released, kept); err != nil {
			return "", err
		}
		return gave, tx.Append(order, contract.StockReleased{OrderID: order, Lines: kept})
	}
	return again, nil
}

// shelve makes the shelf of a new product, with its first stock.
func (s *Service) shelve(tx *store.Tx, e contract.ProductCreated) (outcome, error) {
	tracked, first := e.Stock != nil, int64(0)
	if tracked {
		first = *e.Stock
	}
	made, err := open(tx, e.ProductID, tracked, first)
	switch {
	case err != nil:
		return "", err
	case !made:
		return again, nil
	case first == 0:
		return shelved, nil
	}
	return shelved, record(tx, movement{product: e.ProductID, kind: initial, quantity: first})
}
