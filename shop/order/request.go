package order

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
)

const (
	maxLines    = 100
	maxQuantity = 1_000_000
	maxTotal    = "10000000000" // of any currency: in its minor units 10^14 at most, far from the end of an int64
)

// What a request may not be is 400 where it has no meaning (door.Decode), and 422 where it
// has one that is not acceptable: all that is in this file. Every field that is wrong is
// named, so that a client can mend all at once.

// methods are the ways to pay; the first is the default.
func methods() []string {
	return []string{"ok", "declined", "declined_late", "fails_twice", "unavailable", "timeout_captured", "timeout_lost", "slow"}
}

// A request is what a customer asks for, in one of two forms: one product and its
// quantity, or items.
type request struct {
	ID        *string `json:"id"`
	UserID    string  `json:"userId"`
	ProductID *string `json:"productId"`
	Quantity  *int64  `json:"quantity"`
	Items     []item  `json:"items"`
	Currency  *string `json:"currency"`
	Payment   payment `json:"payment"`
	Style     *string `json:"style"`
}

// A quantity that is missing is as bad as one of 0, so both are told apart from none.
type item struct {
	ProductID string `json:"productId"`
	Quantity  *int64 `json:"quantity"`
}

type payment struct {
	Method *string `json:"method"`
}

// styles are the ways in which an order can flow; the first is the default.
func styles() []string {
	return []string{contract.Orchestrated, contract.Choreographed, contract.Parallel}
}

// terms returns what is asked for, without names and prices, or what is wrong with it. An
// order that does not say how it is to flow gets style.
func (q request) terms(style string) (contract.OrderCreated, error) {
	t := contract.OrderCreated{
		UserID: q.UserID, Style: given(q.Style, style), Method: given(q.Payment.Method, methods()[0]),
		OrderID: given(q.ID, ""), Currency: given(q.Currency, ""),
	}
	var wrong []door.Field
	complain := func(cause, field, detail string) {
		wrong = append(wrong, door.Field{Cause: cause, Field: field, Detail: detail})
	}
	if q.ID != nil && !door.ValidID(*q.ID) {
		complain("bad-id", "id", door.IDRule)
	}
	if q.UserID == "" {
		complain("no-user", "userId", "is missing")
	}
	if q.Currency != nil && !money.Known(t.Currency) {
		complain("unknown-currency", "currency", "is no currency")
	}
	if !slices.Contains(methods(), t.Method) {
		complain("unknown-method", "payment.method", "is no method of payment")
	}
	if !slices.Contains(styles(), t.Style) {
		complain("unknown-style", "style", "is no style: there are "+strings.Join(styles(), ", "))
	}
	lines, bad := q.lines()
	t.Lines = lines
	if wrong = append(wrong, bad...); len(wrong) > 0 {
		return t, door.Invalid(wrong...)
	}
	return t, nil
}

// lines returns the lines of either form.
func (q request) lines() (lines []contract.Line, wrong []door.Field) {
	short := q.ProductID != nil || q.Quantity != nil
	switch {
	case short && q.Items != nil:
		return nil, []door.Field{{Cause: "both-forms", Field: "items", Detail: "cannot stand beside productId and quantity"}}
	case short:
		return q.checked([]item{{ProductID: given(q.ProductID, ""), Quantity: q.Quantity}})
	case len(q.Items) == 0:
		return nil, []door.Field{{Cause: "no-items", Field: "items", Detail: "is missing: an order has 1 to 100 lines"}}
	case len(q.Items) > maxLines:
		return nil, []door.Field{{Cause: "too-many-items", Field: "items", Detail: fmt.Sprintf("has %d lines; an order has 1 to 100", len(q.Items))}}
	}
	return q.checked(q.Items)
}

// field is where the client wrote a part of line i.
func (q request) field(i int, name string) string {
	if q.Items == nil {
		return name
	}
	return fmt.Sprintf("items[%d].%s", i, name)
}

func (q request) checked(items []item) (lines []contract.Line, wrong []door.Field) {
	for i, it := range items {
		if it.ProductID == "" {
			wrong = append(wrong, door.Field{Cause: "no-product", Field: q.field(i, "productId"), Detail: "is missing"})
		}
		quantity := given(it.Quantity, 0)
		if quantity < 1 || quantity > maxQuantity {
			wrong = append(wrong, door.Field{Cause: "quantity-out-of-range", Field: q.field(i, "quantity"), Detail: "must be 1 to 1000000"})
		}
		lines = append(lines, contract.Line{ProductID: it.ProductID, Quantity: quantity})
	}
	return lines, wrong
}

// price asks the other services who orders, and what is ordered: an order keeps the names
// and prices of the moment at which it was accepted. Where the user service is away, the
// order is unverified, and no worse for it.
func (s *Service) price(ctx context.Context, q request, t *contract.OrderCreated) (unverified bool, err error) {
	var ids []string
	for _, l := range t.Lines {
		if door.ValidID(l.ProductID) && !slices.Contains(ids, l.ProductID) {
			ids = append(ids, l.ProductID)
		}
	}
	known := false
	if door.ValidID(t.UserID) {
		known, err = s.Users.Known(ctx, t.UserID)
		if unverified = errors.Is(err, door.ErrAway); err != nil && !unverified {
			return false, fmt.Errorf("look up the user: %w", err)
		}
	}
	products, err := s.Catalogue.Lookup(ctx, ids)
	if err != nil {
		return false, fmt.Errorf("look up the products: %w", err)
	}
	var wrong []door.Field
	if !known && !unverified {
		wrong = append(wrong, door.Field{Cause: "unknown-user", Field: "userId", Detail: "is no user"})
	}
	if wrong = append(wrong, q.fill(t, products)...); len(wrong) > 0 {
		return false, door.Invalid(wrong...)
	}
	return unverified, nil
}

// fill completes the lines and the total of t. An order is in one currency.
func (q request) fill(t *contract.OrderCreated, products []contract.Product) (wrong []door.Field) {
	field := "items"
	if q.Items == nil {
		field = "quantity"
	}
	for i := range t.Lines {
		l := &t.Lines[i]
		at := slices.IndexFunc(products, func(p contract.Product) bool { return p.ID == l.ProductID })
		if at < 0 {
			wrong = append(wrong, door.Field{Cause: "unknown-product", Field: q.field(i, "productId"), Detail: "is no product"})
			continue
		}
		p := products[at]
		l.Name, l.UnitPrice = p.Name, p.Price
		if t.Currency == "" {
			t.Currency = p.Currency
		}
		switch {
		case p.Currency == t.Currency:
		case q.Currency != nil:
			wrong = append(wrong, door.Field{Cause: "wrong-currency", Field: "currency",
				Detail: "is not that of product " + p.ID + ", which is " + p.Currency})
			continue
		default:
			wrong = append(wrong, door.Field{Cause: "mixed-currencies", Field: q.field(i, "productId"),
				Detail: "costs " + p.Currency + ", and others cost " + t.Currency})
			continue
		}
		most, err := money.Parse(maxTotal, p.Currency)
		if err != nil {
			return append(wrong, door.Field{Cause: "unknown-currency", Field: q.field(i, "productId"), Detail: "costs " + p.Currency + ", which is no currency"})
		}
		// Divided, because the product of both may not fit.
		if p.Price > 0 && l.Quantity > (most-t.Total)/p.Price {
			return append(wrong, door.Field{Cause: "total-too-large", Field: field, Detail: "cost more than 10000000000 " + p.Currency + " in all, which is the most for one order"})
		}
		t.Total += p.Price * l.Quantity
	}
	return wrong
}

func given[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
