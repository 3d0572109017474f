package product

import (
	"net/http"
	"strconv"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "POST /api/products", Handle: s.postProduct},
		{Pattern: "GET /api/products", Handle: s.getProducts},
		{Pattern: "GET /api/products/{id}", Handle: s.getProduct},
	}
}

// A body is a product as the door shows it.
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
		return door.Answer{Status: http.StatusCreated, Location: "/api/products/" + made.ID, Body: show(made)}, err
	})
}

func (s *Service) getProduct(r *http.Request) (door.Answer, error) {
	p, err := s.get(r.Context(), r.PathValue("id"))
	return door.Answer{Body: show(p)}, err
}

// getProducts gives the place in the list of a page's last product as its cursor.
func (s *Service) getProducts(r *http.Request) (door.Answer, error) {
	limit, after, err := door.Page(r)
	if err != nil {
		return door.Answer{}, err
	}
	query, err := door.Query(r, "query")
	if err != nil {
		return door.Answer{}, err
	}
	category, err := door.Query(r, "category")
	if err != nil {
		return door.Answer{}, err
	}
	q := search{query: query, category: category, limit: limit}
	if after != "" {
		if q.after, err = strconv.ParseInt(after, 10, 64); err != nil || q.after < 0 {
			return door.Answer{}, door.BadCursor()
		}
	}
	products, more, err := s.list(r.Context(), q)
	if err != nil {
		return door.Answer{}, err
	}
	page, last := door.List[body]{Items: []body{}}, q.after
	for _, p := range products {
		page.Items = append(page.Items, show(p))
		last = p.Seq
	}
	if more {
		page.Next = door.Cursor(strconv.FormatInt(last, 10))
	}
	return door.Answer{Body: page}, nil
}
