package product

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
	"github.com/tidewire/tidewire/toolkit/store"
)

// place reads a number that was given as a cursor; 0 is the beginning.
func place(after string) (int64, error) {
	if after == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil || n < 0 {
		return 0, door.BadCursor()
	}
	return n, nil
}

// getProducts gives the place in the list of a page's last product as its cursor.
func (s *Service) getProducts(r *http.Request) (door.Answer, error) {
	limit, after, err := door.Page(r)
	if err != nil {
		return door.Answer{}, err
	}
	q := query{limit: limit}
	if q.after, err = place(after); err != nil {
		return door.Answer{}, err
	}
	if q.category, err = door.Query(r, "category"); err != nil {
		return door.Answer{}, err
	}
	text, err := door.Query(r, "query")
	if err != nil {
		return door.Answer{}, err
	}
	page, wanted := door.List[body]{Items: []body{}}, words(text)
	switch {
	case len(wanted) > maxWords:
		return door.Answer{}, door.Invalid(door.Field{Cause: "too-many-words", Field: "query", Detail: "must have at most 20 words"})
	case len(wanted) == 0 && strings.TrimSpace(text) != "":
		return door.Answer{Body: page}, nil // no product has a word without a letter
	}
	q.words = wanted
	products, more, err := s.list(r.Context(), q)
	if err != nil {
		return door.Answer{}, err
	}
	last := q.after
	for _, p := range products {
		page.Items = append(page.Items, show(p))
		last = p.Seq
	}
	if more {
		page.Next = door.Cursor(strconv.FormatInt(last, 10))
	}
	return door.Answer{Body: page}, nil
}

// A priceBody is an entry of a price's history as the door shows it.
type priceBody struct {
	Price    string    `json:"price"`
	Currency string    `json:"currency"`
	At       time.Time `json:"at"` // from when on
}

// getPrices gives what a product has cost since it was listed; the last is what it costs.
func (s *Service) getPrices(r *http.Request) (door.Answer, error) {
	limit, cursor, err := door.Page(r)
	if err != nil {
		return door.Answer{}, err
	}
	after, err := place(cursor)
	if err != nil {
		return door.Answer{}, err
	}
	p, entries, err := s.prices(r.Context(), r.PathValue("id"), after, limit)
	if err != nil {
		return door.Answer{}, err
	}
	page := door.List[priceBody]{Items: []priceBody{}}
	for _, e := range entries[:min(limit, len(entries))] {
		page.Items = append(page.Items, priceBody{Price: money.Format(e.Price, p.Currency), Currency: p.Currency, At: e.At})
		after = e.N
	}
	if len(entries) > limit {
		page.Next = door.Cursor(strconv.FormatInt(after, 10))
	}
	return door.Answer{Body: page}, nil
}

// getCategories gives the categories that products have, each with how many.
func (s *Service) getCategories(r *http.Request) (door.Answer, error) {
	limit, after, err := door.Page(r)
	if err != nil {
		return door.Answer{}, err
	}
	page := door.List[category]{}
	err = s.DB.View(r.Context(), func(tx *store.Tx) (err error) {
		page.Items, err = categories(tx, after, limit+1)
		return err
	})
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		page.Next = door.Cursor(page.Items[limit-1].Name)
	}
	if page.Items == nil {
		page.Items = []category{}
	}
	return door.Answer{Body: page}, err
}
