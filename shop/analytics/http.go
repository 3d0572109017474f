package analytics

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "GET /api/analytics", Handle: s.get, Query: []string{"days", "top"}},
		{Pattern: "GET /api/analytics/live", Handle: s.live},
	}
}

// A page is all numbers, as the door shows them.
type page struct {
	TotalOrders  int64         `json:"totalOrders"`
	Completed    int64         `json:"completed"`
	Failed       int64         `json:"failed"`
	Cancelled    int64         `json:"cancelled"`
	SuccessRate  *float64      `json:"successRate"` // of ended orders; null: none has
	Failures     []failures    `json:"failures"`
	Revenue      []amount      `json:"revenue"`
	RevenueByDay []dayAmount   `json:"revenueByDay"`
	Refunded     []amount      `json:"refunded"`
	TopProducts  []productSold `json:"topProducts"`
	Users        int64         `json:"users"`
	AsOf         *time.Time    `json:"asOf"` // of the latest event; null: none was counted
}

type failures struct {
	Reason string `json:"reason"`
	Orders int64  `json:"orders"`
}

type amount struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

type dayAmount struct {
	Day string `json:"day"`
	amount
}

type productSold struct {
	ProductID string `json:"productId"`
	Name      string `json:"name"` // the id, as long as no name is known
	Quantity  int64  `json:"quantity"`
	Price     string `json:"price,omitempty"` // as it is now
	Currency  string `json:"currency,omitempty"`
}

const (
	defaultDays, maxDays = 30, 366
	defaultTop, maxTop   = 10, 100
)

func (s *Service) get(r *http.Request) (door.Answer, error) {
	days, err := whole(r, "days", defaultDays, maxDays)
	if err != nil {
		return door.Answer{}, err
	}
	best, err := whole(r, "top", defaultTop, maxTop)
	if err != nil {
		return door.Answer{}, err
	}
	view := s.DB.View
	if !door.Placed(r) { // it may be a little old
		view = func(ctx context.Context, read func(*store.Tx) error) error {
			return s.DB.Replica().View(ctx, store.Position{}, read)
		}
	}
	p, err := s.all(r.Context(), view, days, best)
	return door.Answer{Body: p}, err
}

// A look is how a database is read: itself, or its replica.
type look func(ctx context.Context, read func(*store.Tx) error) error

// all reads all numbers, with revenue of so many days and the best products.
func (s *Service) all(ctx context.Context, view look, days, best int) (p page, err error) {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	err = view(ctx, func(tx *store.Tx) (err error) {
		p, err = read(tx, dayOf(now())-day(days)+1, best)
		return err
	})
	return p, err
}

// whole reads a parameter that is a whole number from 1 to most.
func whole(r *http.Request, name string, otherwise, most int) (int, error) {
	query := r.URL.Query()
	if !query.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(query.Get(name), 10, 31)
	if err != nil || n < 1 || n > uint64(most) {
		return 0, door.BadRequest("", door.Field{Field: name, Detail: fmt.Sprintf("must be a whole number from 1 to %d", most)}).Cause("bad-parameter")
	}
	return int(n), nil
}

// read makes the page, with revenue of the days since first and the best products.
func read(tx *store.Tx, first day, best int) (page, error) {
	p := page{Failures: []failures{}, Revenue: []amount{}, RevenueByDay: []dayAmount{}, Refunded: []amount{}, TopProducts: []productSold{}}
	if err := tallies(tx, p.count); err != nil {
		return p, err
	}
	if ended := p.Completed + p.Failed + p.Cancelled; ended > 0 {
		rate := float64(p.Completed) / float64(ended)
		p.SuccessRate = &rate
	}
	slices.SortStableFunc(p.Failures, func(a, b failures) int { return cmp.Compare(b.Orders, a.Orders) })
	err := takings(tx, first, func(t taking, n sum) {
		p.RevenueByDay = append(p.RevenueByDay, dayAmount{t.day.String(), amountOf(n, t.currency)})
	})
	if err != nil {
		return p, err
	}
	err = top(tx, best, func(id string, sold product) {
		price := ""
		if sold.price > 0 {
			price = money.Format(sold.price, sold.currency)
		}
		p.TopProducts = append(p.TopProducts, productSold{id, cmp.Or(sold.name, id), sold.quantity, price, sold.currency})
	})
	return p, err
}

// count puts a tally where it belongs.
func (p *page) count(t tally, n number) {
	many := n.n.low // of orders and users there are fewer than a unit
	switch t.name {
	case accepted:
		p.TotalOrders = many
	case string(completed):
		p.Completed += many
	case string(failed):
		p.Failed += many
		p.Failures = append(p.Failures, failures{t.label, many})
	case string(cancelled):
		p.Cancelled += many
	case users:
		p.Users = many
	case revenue:
		p.Revenue = append(p.Revenue, amountOf(n.n, t.label))
	case refunded:
		p.Refunded = append(p.Refunded, amountOf(n.n, t.label))
	}
	if p.AsOf == nil || n.at.After(*p.AsOf) {
		at := n.at.UTC()
		p.AsOf = &at
	}
}

func amountOf(n sum, currency string) amount {
	return amount{currency, money.FormatAll(n.whole(), currency)}
}
