package product

import (
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "POST /api/products", Handle: s.postProduct},
		{Pattern: "GET /api/products", Handle: s.getProducts, Query: []string{"query", "category", "limit", "cursor"}},
		{Pattern: "GET /api/products/categories", Handle: s.getCategories, Query: []string{"limit", "cursor"}},
		{Pattern: "GET /api/products/{id}", Handle: s.getProduct},
		{Pattern: "PATCH /api/products/{id}", Handle: s.patchProduct},
		{Pattern: "GET /api/products/{id}/prices", Handle: s.getPrices, Query: []string{"limit", "cursor"}},
	}
}

// A body is a product as the door shows it. Its stock is what it was created with and never
// changes: what there is now, GET /api/inventory/{productId} tells.
type body struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Price       string    `json:"price"`
	Currency    string    `json:"currency"`
	Stock       *int64    `json:"stock,omitzero"` // to begin with; absent: not tracked
	Description string    `json:"description,omitzero"`
	Category    string    `json:"category,omitzero"`
	Created     time.Time `json:"createdAt"`
}

// show never gives a price as a number: a reader would make a float of it.
func show(p Product) body {
	return body{ID: p.ID, Name: p.Name, Price: money.Format(p.Price, p.Currency), Currency: p.Currency,
		Stock: p.Stock, Description: p.Description, Category: p.Category, Created: p.Created}
}

// answer shows p, with its version as the ETag. An answer that is repeated for an
// Idempotency-Key has none: it may be an old one.
func answer(p Product) door.Answer { return door.Answer{Body: show(p), Header: door.ETag(p.Version)} }

// A request is a product as a client asks for it.
type request struct {
	ID          *string    `json:"id"`
	Name        string     `json:"name"`
	Price       money.Text `json:"price"`
	Currency    *string    `json:"currency"` // the shop's if absent, which "" is not
	Stock       *int64     `json:"stock"`
	Description string     `json:"description"`
	Category    string     `json:"category"`
}

// product returns what b asks for, or all that is not acceptable about it.
func (s *Service) product(b request) (Product, error) {
	p := Product{ID: door.ID(b.ID), Name: b.Name, Currency: s.currency(), Stock: b.Stock, Description: b.Description, Category: b.Category}
	if b.Currency != nil {
		p.Currency = *b.Currency
	}
	faults := p.faults()
	var more []door.Field
	if p.Price, more = price(b.Price, p.Currency); len(faults)+len(more) > 0 {
		return p, door.Invalid(append(faults, more...)...)
	}
	return p, nil
}

// postProduct answers the same create again with the same status and body.
func (s *Service) postProduct(r *http.Request) (door.Answer, error) {
	var b request
	if err := door.Decode(r, &b); err != nil {
		return door.Answer{}, err
	}
	p, err := s.product(b)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Commit(r, s.DB, []string{"product:" + p.ID}, func(tx *store.Tx) (door.Answer, error) {
		made, err := create(tx, p)
		a := answer(made)
		a.Status, a.Location = http.StatusCreated, "/api/products/"+made.ID
		return a, err
	})
}

// patchProduct changes what the body names: JSON, as a merge patch. With If-Match, the
// client must have seen the version that it changes.
func (s *Service) patchProduct(r *http.Request) (door.Answer, error) {
	var c change
	if err := door.DecodePatch(r, &c, "description", "category"); err != nil {
		return door.Answer{}, err
	}
	id := r.PathValue("id")
	if !door.ValidID(id) {
		return door.Answer{}, door.NotFound("product")
	}
	return door.Commit(r, s.DB, []string{"product:" + id}, func(tx *store.Tx) (door.Answer, error) {
		was, err := there(tx, id)
		if err != nil {
			return door.Answer{}, err
		}
		if err := door.Match(r, was.Version); err != nil {
			return door.Answer{}, err
		}
		now, faults := was.with(c)
		if len(faults) > 0 {
			return door.Answer{}, door.Invalid(faults...)
		}
		now, err = revise(tx, was, now)
		s.tell(r.Context(), tx, id)
		return answer(now), err
	})
}

func (s *Service) getProduct(r *http.Request) (door.Answer, error) {
	p, err := s.get(r.Context(), r.PathValue("id"))
	return answer(p), err
}
