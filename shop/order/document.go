package order

import (
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/money"
)

// A document is an order as customers see it. Money is in decimals of its currency.
type document struct {
	ID        string    `json:"id"`
	UserID    string    `json:"userId"`
	Status    State     `json:"status"`
	Reason    string    `json:"reason,omitempty"`
	Items     []line    `json:"items"`
	Total     string    `json:"total"`
	Currency  string    `json:"currency"`
	Style     string    `json:"style"`
	Payment   paid      `json:"payment"`
	Shipment  sent      `json:"shipment"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Version   int64     `json:"version"`
	// Unverified: whether there is such a user is asked when the user service is back.
	Unverified bool `json:"unverified,omitzero"`
}

type line struct {
	ProductID string `json:"productId"`
	Name      string `json:"name"`
	Quantity  int64  `json:"quantity"`
	UnitPrice string `json:"unitPrice"`
	Total     string `json:"total"`
}

type paid struct {
	Status   string `json:"status"`
	Attempts *int64 `json:"attempts,omitempty"` // nil: not known for that time
}

type sent struct {
	Status         string `json:"status"`
	TrackingNumber string `json:"trackingNumber,omitempty"`
}

// document writes r for a customer. The door and the stored answers depend on its being
// the same for the same row, byte for byte.
func (r row) document() document {
	t := r.Terms
	return document{
		ID: t.OrderID, UserID: t.UserID, Status: r.State, Reason: r.Reason,
		Items: lines(t.Lines, t.Currency), Total: money.Format(t.Total, t.Currency), Currency: t.Currency, Style: t.Style,
		Payment: r.paidAs(), Shipment: sent{r.Shipment, r.Tracking},
		CreatedAt: r.Created, UpdatedAt: r.Last.Time, Version: r.Last.Version,
		Unverified: r.Unverified,
	}
}

func (p progress) paidAs() paid {
	if p.Attempts == unsaid {
		return paid{Status: p.Payment}
	}
	return paid{p.Payment, &p.Attempts}
}

// lines are shown as they were ordered: two of one product stay two.
func lines(of []contract.Line, currency string) []line {
	shown := make([]line, len(of))
	for i, l := range of {
		shown[i] = line{l.ProductID, l.Name, l.Quantity, money.Format(l.UnitPrice, currency), money.Format(l.UnitPrice*l.Quantity, currency)}
	}
	return shown
}

// A past is an order's history, and the order as it was at the end of it.
type past struct {
	Events []event  `json:"events"`
	Order  document `json:"order"`
}

type event struct {
	Type    string    `json:"type"`
	Time    time.Time `json:"time"`
	Version int64     `json:"version"`
	Data    any       `json:"data"`
}

type created struct {
	OrderID  string    `json:"orderId"`
	UserID   string    `json:"userId"`
	Items    []line    `json:"items"`
	Total    string    `json:"total"`
	Currency string    `json:"currency"`
	Style    string    `json:"style"`
	Method   string    `json:"method"`
	Deadline time.Time `json:"deadline"`
}

type done struct {
	OrderID        string `json:"orderId"`
	TrackingNumber string `json:"trackingNumber"`
	Items          []line `json:"items"`
}

type undone struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
	Items   []line `json:"items"`
}

// shown is an event as customers see it: the contract, with its money in decimals.
func shown(e Event, currency string) event {
	v := event{Type: e.Fact.Kind(), Time: e.Time, Version: e.Version, Data: e.Fact}
	switch fact := e.Fact.(type) {
	case contract.OrderReceived:
		v.Data = created{fact.OrderID, fact.UserID, lines(fact.Lines, currency), money.Format(fact.Total, currency), currency, fact.Style, fact.Method, fact.Deadline}
	case contract.OrderCreated:
		v.Data = created{fact.OrderID, fact.UserID, lines(fact.Lines, currency), money.Format(fact.Total, currency), currency, fact.Style, fact.Method, fact.Deadline}
	case contract.OrderCompleted:
		v.Data = done{fact.OrderID, fact.TrackingNumber, lines(fact.Lines, currency)}
	case contract.OrderFailed:
		v.Data = undone{fact.OrderID, fact.Reason, lines(fact.Lines, currency)}
	case contract.OrderCancelled:
		v.Data = undone{fact.OrderID, fact.Reason, lines(fact.Lines, currency)}
	}
	return v
}

// asOf returns the order after events, with as much of payment and shipment as these say:
// what the other services said is known for now only. How many attempts a payment took
// they do not say.
func asOf(events []Event) (row, error) {
	r := row{progress: begin()}
	for _, e := range events {
		if err := r.apply(e); err != nil {
			return row{}, err
		}
		switch {
		case r.State == Completed:
			r.sent(e.Fact.(contract.OrderCompleted).TrackingNumber)
		case r.Reason == contract.PaymentDeclined, r.Reason == contract.PaymentUnavailable:
			r.unpaid(0)
		case r.Reason == contract.OutOfStock:
			r.paid(0)
		}
		r.settle(r.State)
	}
	if r.Payment != waiting {
		r.Attempts = unsaid
	}
	return r, nil
}
