package load

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"
)

// dish is one kind of order that is placed, with its request already encoded.
type dish struct {
	product string
	body    []byte
}

// menu is what the orders of a run are chosen from.
type menu struct {
	good []dish
	bad  []dish // declined, lost, out of stock
	mix  float64
	run  string // begins the keys of this run
}

// newMenu encodes every order that will be placed, so that sending one costs little of
// the processors that the server under test may need. Where some must find nothing in
// stock, it creates a product of which there is none.
func newMenu(ctx context.Context, d *door, o Options) (*menu, error) {
	b := o.Basket
	m := &menu{mix: b.Mix, run: uuid.NewString()}
	for _, p := range b.Products {
		m.good = append(m.good, b.dish(p, ""))
	}
	if b.Mix == 0 {
		return m, nil
	}
	// Its stock is known to inventory a moment later; orders for it wait for that.
	var none struct {
		ID string `json:"id"`
	}
	err := d.insist(ctx, o.patience, call{method: "POST", path: "/api/products", key: m.run + "-product",
		body: []byte(`{"name":"Nothing left","price":"10.00","stock":0}`)}, &none)
	if err != nil {
		return nil, err
	}
	m.bad = []dish{b.dish(b.Products[0], "declined"), b.dish(b.Products[0], "timeout_lost"), b.dish(none.ID, "")}
	return m, nil
}

func (b Basket) dish(product, method string) dish {
	body := fmt.Appendf(nil, `{"userId":%q,"items":[{"productId":%q,"quantity":1}]`, b.User, product)
	if method != "" {
		body = fmt.Appendf(body, `,"payment":{"method":%q}`, method)
	}
	if b.Style != "" {
		body = fmt.Appendf(body, `,"style":%q`, b.Style)
	}
	return dish{product: product, body: append(body, '}')}
}

// order returns the n-th order. Those that must fail are spread evenly: after n orders
// there were ⌊n·mix⌋ of them.
func (m *menu) order(n int64) (key string, d dish) {
	key = fmt.Sprintf("%s-%d", m.run, n)
	failed := math.Floor(float64(n) * m.mix)
	if math.Floor(float64(n+1)*m.mix) > failed {
		return key, m.bad[int(failed)%len(m.bad)]
	}
	return key, m.good[int(n)%len(m.good)]
}
