package inventory

import (
	"errors"
	"net/http"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// maxRestock is how much can come at a time.
const maxRestock = 1_000_000

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "GET /api/inventory/{productId}", Handle: s.get},
		{Pattern: "POST /api/inventory/{productId}/restock", Handle: s.restock},
	}
}

// A document is a stock as others see it.
type document struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Reserved  int64  `json:"reserved"`
	Available int64  `json:"available"`
	Tracked   bool   `json:"tracked"` // false: it never runs out, and is not counted
}

func (s stock) document() document {
	return document{ProductID: s.product, OnHand: s.onHand, Reserved: s.reserved, Available: s.onHand - s.reserved, Tracked: s.tracked}
}

func (s *Service) get(r *http.Request) (door.Answer, error) {
	var found stock
	err := s.DB.View(r.Context(), func(tx *store.Tx) (err error) {
		found, err = load(tx, r.PathValue("productId"))
		return err
	})
	return door.Answer{Body: found.document()}, explain(err)
}

func (s *Service) restock(r *http.Request) (door.Answer, error) {
	var body struct {
		Quantity int64 `json:"quantity"`
	}
	if err := door.Decode(r, &body); err != nil {
		return door.Answer{}, err
	}
	if body.Quantity < 1 || body.Quantity > maxRestock {
		return door.Answer{}, door.Invalid(door.Field{Cause: "quantity-out-of-range", Field: "quantity", Detail: "must be 1 to 1000000"})
	}
	product := r.PathValue("productId")
	answer, err := door.Commit(r, s.DB, []string{product}, func(tx *store.Tx) (door.Answer, error) {
		after, err := s.add(tx, product, body.Quantity)
		return door.Answer{Body: after.document()}, err
	})
	return answer, explain(err)
}

// add puts more of a product on its shelf.
func (s *Service) add(tx *store.Tx, product string, quantity int64) (stock, error) {
	there, err := load(tx, product)
	switch {
	case err != nil:
		return stock{}, err
	case !there.tracked:
		return stock{}, door.Conflict("not_tracked", "The stock of this product is not tracked: it never runs out.")
	case there.onHand > maxOnHand-quantity:
		return stock{}, door.Conflict("too_much", "There is no room for more of this product.")
	}
	if err := move(tx, movement{product: product, kind: restocked, quantity: quantity}); err != nil {
		return stock{}, err
	}
	return load(tx, product)
}

// explain tells a customer what is wrong, where it is the customer's to know.
func explain(err error) error {
	if errors.Is(err, ErrUnknown) {
		return door.NotFound("product")
	}
	return err
}
