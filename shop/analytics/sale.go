package analytics

import (
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// A state is how an order has ended.
type state string

const (
	open      state = "" // it has not, or nobody has said so yet
	completed state = "completed"
	failed    state = "failed"
	cancelled state = "cancelled"
)

// Terms are what an order was accepted with.
type terms struct {
	currency string
	total    int64
	goods    goods
}

// Goods are quantities by product.
type goods map[string]int64

func termsOf(e contract.OrderCreated) terms {
	t := terms{currency: e.Currency, total: e.Total, goods: goods{}}
	for _, l := range e.Lines {
		t.goods[l.ProductID] += l.Quantity
	}
	return t
}

// An end is how and when an order ended.
type end struct {
	state  state
	reason string // "" for none
	at     time.Time
}

// A day is one of UTC's, counted from 1970.
type day int64

func dayOf(t time.Time) day { return day(t.Unix() / (24 * 60 * 60)) }

// String writes the day as 2006-01-02.
func (d day) String() string { return time.Unix(int64(d)*24*60*60, 0).UTC().Format(time.DateOnly) }
