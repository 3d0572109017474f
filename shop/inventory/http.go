package inventory

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	maxMove   = 1_000_000 // of a product at a time
	maxReason = 200       // characters
)

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "GET /api/inventory/{productId}", Handle: s.get},
		{Pattern: "GET /api/inventory/{productId}/movements", Handle: s.history, Query: []string{"limit", "cursor"}},
		{Pattern: "POST /api/inventory/{productId}/restock", Handle: s.restock},
		{Pattern: "POST /api/inventory/{productId}/adjust", Handle: s.adjust},
	}
}

// A document is a stock as others see it.
type document struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Reserved  int64  `json:"reserved"`
	Available int64  `json:"available"`
	Tracked   bool   `json:"tracked"` // false: it never runs out, and is not counted
	Value     string `json:"value"`   // of what is on hand, at the price of now
	Currency  string `json:"currency"`
}

func (s stock) document() document {
	return document{ProductID: s.product, OnHand: s.onHand, Reserved: s.reserved, Available: s.onHand - s.reserved, Tracked: s.tracked,
		Value: money.FormatTimes(s.price, s.onHand, s.currency), Currency: s.currency}
}

// An entry is a movement as others see it.
type entry struct {
	Kind     kind      `json:"kind"`
	Quantity int64     `json:"quantity"`
	Reason   string    `json:"reason,omitempty"`
	OrderID  string    `json:"orderId,omitempty"`
	At       time.Time `json:"at"`
	Balance  int64     `json:"balance"` // on hand after it
}

func (s *Service) get(r *http.Request) (door.Answer, error) {
	product, err := productOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	var found stock
	err = s.DB.View(r.Context(), func(tx *store.Tx) (err error) {
		found, err = load(tx, product)
		return err
	})
	return door.Answer{Body: found.document()}, explain(err)
}

// history lists movements, the last one first. Its cursor is the number of the last one
// that was shown, so that what moves meanwhile shifts no page.
func (s *Service) history(r *http.Request) (door.Answer, error) {
	product, err := productOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	limit, after, err := door.Page(r)
	if err != nil {
		return door.Answer{}, err
	}
	before := int64(math.MaxInt64)
	if after != "" {
		if before, err = strconv.ParseInt(after, 10, 64); err != nil || before < 1 {
			return door.Answer{}, door.BadCursor()
		}
	}
	var found []moved
	err = s.DB.View(r.Context(), func(tx *store.Tx) (err error) {
		if _, err = load(tx, product); err == nil {
			found, err = moves(tx, product, before, limit+1) // one more tells whether there is another page
		}
		return err
	})
	if err != nil {
		return door.Answer{}, explain(err)
	}
	page := door.List[entry]{Items: []entry{}}
	for i, m := range found {
		if i == limit {
			page.Next = door.Cursor(strconv.FormatInt(found[i-1].n, 10))
			break
		}
		page.Items = append(page.Items, entry{Kind: m.kind, Quantity: m.quantity, Reason: m.reason, OrderID: m.order, At: m.at, Balance: m.balance})
	}
	return door.Answer{Body: page}, nil
}

func (s *Service) restock(r *http.Request) (door.Answer, error) {
	var body struct {
		Quantity int64 `json:"quantity"`
	}
	if err := door.Decode(r, &body); err != nil {
		return door.Answer{}, err
	}
	if body.Quantity < 1 || body.Quantity > maxMove {
		return door.Answer{}, door.Invalid(door.Field{Cause: "quantity-out-of-range", Field: "quantity", Detail: "must be 1 to 1000000"})
	}
	return s.move(r, movement{kind: restock, quantity: body.Quantity})
}

func (s *Service) adjust(r *http.Request) (door.Answer, error) {
	var body struct {
		Quantity int64  `json:"quantity"`
		Reason   string `json:"reason"`
	}
	if err := door.Decode(r, &body); err != nil {
		return door.Answer{}, err
	}
	var faults []door.Field
	if body.Quantity == 0 || body.Quantity < -maxMove || body.Quantity > maxMove {
		faults = append(faults, door.Field{Cause: "quantity-out-of-range", Field: "quantity", Detail: "must be -1000000 to 1000000, and not 0"})
	}
	if !sentence(body.Reason) {
		faults = append(faults, door.Field{Cause: "bad-reason", Field: "reason", Detail: "must be one line of 1 to 200 characters, without control characters"})
	}
	if len(faults) > 0 {
		return door.Answer{}, door.Invalid(faults...)
	}
	return s.move(r, movement{kind: adjusted, quantity: body.Quantity, reason: body.Reason})
}

// sentence reports whether s is one line that says something.
func sentence(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= maxReason && door.OneLine(s)
}

// move moves the stock that a request is about, and answers with what there is then.
func (s *Service) move(r *http.Request, m movement) (door.Answer, error) {
	product, err := productOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	m.product = product
	answer, err := door.Commit(r, s.DB, []string{product}, func(tx *store.Tx) (door.Answer, error) {
		after, err := moveFree(tx, m)
		return door.Answer{Body: after.document()}, err
	})
	return answer, explain(err)
}

// moveFree moves what is free of a product, and says why where that cannot be.
func moveFree(tx *store.Tx, m movement) (stock, error) {
	changed, err := change(tx, m)
	if err != nil {
		return stock{}, err
	}
	there, err := load(tx, m.product)
	switch {
	case err != nil || changed:
		return there, err
	case !there.tracked:
		return there, door.Conflict("not_tracked", "The stock of this product is not tracked: it never runs out.")
	case m.quantity > 0:
		return there, door.Conflict("too_much", "There is no room for more of this product.")
	}
	return there, door.Conflict("not_available", "There is not as much of this product that is not reserved for orders.")
}

// productOf is the product in the path of a request. What cannot be an identifier is that
// of no product.
func productOf(r *http.Request) (string, error) {
	if id := r.PathValue("productId"); door.ValidID(id) {
		return id, nil
	}
	return "", door.NotFound("product")
}

// explain tells a customer what is wrong, where it is the customer's to know.
func explain(err error) error {
	if errors.Is(err, ErrUnknown) {
		return door.NotFound("product")
	}
	return err
}
