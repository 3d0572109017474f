package wire

import (
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/money"
)

// A Document is an order as customers see it, in the same JSON as the platform's.
type Document struct {
	ID        string    `json:"id"`
	UserID    string    `json:"userId"`
	Status    string    `json:"status"`
	Reason    string    `json:"reason,omitempty"`
	Items     []Line    `json:"items"`
	Total     string    `json:"total"`
	Currency  string    `json:"currency"`
	Style     string    `json:"style"`
	Payment   Paid      `json:"payment"`
	Shipment  Sent      `json:"shipment"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Version   int64     `json:"version"`
}

// A Line is a product in it.
type Line struct {
	ProductID string `json:"productId"`
	Name      string `json:"name"`
	Quantity  int64  `json:"quantity"`
	UnitPrice string `json:"unitPrice"`
	Total     string `json:"total"`
}

// Paid says how far the money is.
type Paid struct {
	Status   string `json:"status"`
	Attempts int64  `json:"attempts"`
}

// Sent says how far the parcel is.
type Sent struct {
	Status         string `json:"status"`
	TrackingNumber string `json:"trackingNumber,omitempty"`
}

// NewDocument shows an order that was just accepted.
func NewDocument(o contract.OrderCreated, created time.Time) Document {
	d := Document{ID: o.OrderID, UserID: o.UserID, Status: "pending", Total: money.Format(o.Total, o.Currency), Currency: o.Currency, Style: o.Style,
		Payment: Paid{Status: "pending"}, Shipment: Sent{Status: "pending"}, CreatedAt: created, UpdatedAt: created, Version: 1}
	for _, l := range o.Lines {
		d.Items = append(d.Items, Line{l.ProductID, l.Name, l.Quantity, money.Format(l.UnitPrice, o.Currency), money.Format(l.UnitPrice*l.Quantity, o.Currency)})
	}
	return d
}

// A Page lists orders that have ended.
type Page struct {
	Items []Document `json:"items"`
	Next  string     `json:"next"`
}
