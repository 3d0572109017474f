package twin

import (
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/money"
)

// A document is an order as customers see it, in the same JSON as the platform's.
type document struct {
	ID        string    `json:"id"`
	UserID    string    `json:"userId"`
	Status    string    `json:"status"`
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
	Attempts int64  `json:"attempts"`
}

type sent struct {
	Status         string `json:"status"`
	TrackingNumber string `json:"trackingNumber,omitempty"`
}

// newDocument shows an order that was just accepted.
func newDocument(o contract.OrderCreated, created time.Time) document {
	d := document{ID: o.OrderID, UserID: o.UserID, Status: "pending", Total: money.Format(o.Total, o.Currency), Currency: o.Currency, Style: o.Style,
		Payment: paid{Status: "pending"}, Shipment: sent{Status: "pending"}, CreatedAt: created, UpdatedAt: created, Version: 1}
	for _, l := range o.Lines {
		d.Items = append(d.Items, line{l.ProductID, l.Name, l.Quantity, money.Format(l.UnitPrice, o.Currency), money.Format(l.UnitPrice*l.Quantity, o.Currency)})
	}
	return d
}
