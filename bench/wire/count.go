package wire

import "github.com/tidewire/tidewire/shop/contract"

// A Sale is what is counted of an order.
type Sale struct {
	Currency string
	Total    int64
	Goods    map[string]int64 // quantities by product
}

// NewSale is the one of an OrderCreated.
func NewSale(body []byte) Sale {
	o := Decode[contract.OrderCreated](body)
	s := Sale{Currency: o.Currency, Total: o.Total, Goods: map[string]int64{}}
	for _, l := range o.Lines {
		s.Goods[l.ProductID] += l.Quantity
	}
	return s
}

// Counts are what a batch of facts adds to the counters: each is written once.
type Counts struct {
	Tallies map[Tally]Number
	Days    map[Day]int64    // revenue
	Sold    map[string]int64 // quantities by product
}

// A Tally names a counter; money is counted by currency.
type Tally struct{ Name, Label string }

// A Number is what is added to a counter, and the time of the last fact in it.
type Number struct{ N, At int64 }

// A Day is one of UTC's, counted from 1970, with a currency.
type Day struct {
	Number   int64
	Currency string
}

// NewCounts counts nothing yet.
func NewCounts() Counts {
	return Counts{Tallies: map[Tally]Number{}, Days: map[Day]int64{}, Sold: map[string]int64{}}
}

// Accepted counts an order that was accepted at a time, in microseconds.
func (c Counts) Accepted(at int64) { c.add(Tally{Name: "accepted"}, 1, at) }

// Completed counts one that was completed at a time.
func (c Counts) Completed(s Sale, at int64) {
	const day = 24 * 60 * 60 * 1_000_000
	c.add(Tally{Name: "completed"}, 1, at)
	c.add(Tally{"revenue", s.Currency}, s.Total, at)
	c.Days[Day{at / day, s.Currency}] += s.Total
	for product, quantity := range s.Goods {
		c.Sold[product] += quantity
	}
}

func (c Counts) add(t Tally, n, at int64) {
	was := c.Tallies[t]
	c.Tallies[t] = Number{was.N + n, max(was.At, at)}
}
