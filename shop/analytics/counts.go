package analytics

import "time"

// What is counted, by the names of the tallies. An end is counted under its state.
const (
	accepted = "accepted"
	users    = "users"
	revenue  = "revenue"
	refunded = "refunded"
)

// Counts are what the events of one transaction add to the counters.
type counts struct {
	tallies  map[tally]number
	takings  map[taking]sum
	products map[string]product
}

// A tally is one counter, labelled with the reason of an end or the currency of money.
type tally struct{ name, label string }

// A number is what is added to a tally, and when that happened last.
type number struct {
	n  sum
	at time.Time
}

// A taking is the revenue of a day in one currency.
type taking struct {
	day      day
	currency string
}

// A product is what is sold, and what the catalogue calls it.
type product struct {
	name     string
	named    time.Time // when the catalogue said so; zero: not in these events
	price    int64
	currency string
	priced   time.Time // the same of the price
	quantity int64
}

// add counts n more of something that happened at some time.
func (c *counts) add(t tally, n int64, at time.Time) {
	if c.tallies == nil {
		c.tallies = map[tally]number{}
	}
	was := c.tallies[t]
	if was.at.After(at) {
		at = was.at
	}
	c.tallies[t] = number{n: was.n.plus(sumOf(n)), at: at}
}

// end counts the end of an order, at the time of that: it may be known before its terms.
func (c *counts) end(t terms, e end) {
	c.add(tally{string(e.state), e.reason}, 1, e.at)
	if e.state != completed {
		return
	}
	c.add(tally{revenue, t.currency}, t.total, e.at)
	if c.takings == nil {
		c.takings = map[taking]sum{}
	}
	of := taking{dayOf(e.at), t.currency}
	c.takings[of] = c.takings[of].plus(sumOf(t.total))
	for id, quantity := range t.goods {
		p := c.products[id]
		p.quantity += quantity
		c.put(id, p)
	}
}

// name notes what the catalogue calls a product since some time.
func (c *counts) name(id, name string, since time.Time) {
	if p := c.products[id]; !since.Before(p.named) {
		p.name, p.named = name, since
		c.put(id, p)
	}
}

// cost notes what a product costs since some time.
func (c *counts) cost(id string, price int64, currency string, since time.Time) {
	if p := c.products[id]; !since.Before(p.priced) {
		p.price, p.currency, p.priced = price, currency, since
		c.put(id, p)
	}
}

func (c *counts) put(id string, p product) {
	if c.products == nil {
		c.products = map[string]product{}
	}
	c.products[id] = p
}
