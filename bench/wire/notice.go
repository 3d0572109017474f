package wire

import (
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// Rest is how long those who count and those who tell customers let facts gather: nobody
// waits for them, and a commit of many costs hardly more than one of a few.
const Rest = 200 * time.Millisecond

// A Notice is what a customer is told of an order.
type Notice struct {
	Template, User string // User is "" for whoever the first one went to
	Facts          []byte
}

// facts are what a text needs of an event.
type facts struct {
	Lines    []short `json:"lines,omitzero"`
	Amount   int64   `json:"amount,omitzero"`
	Currency string  `json:"currency,omitzero"`
	Carrier  string  `json:"carrier,omitzero"`
	Tracking string  `json:"tracking,omitzero"`
}

// A short is a line of an order in few bytes.
type short struct {
	Name     string `json:"n"`
	Quantity int64  `json:"q"`
	Price    int64  `json:"p"`
}

// CreatedNotice is for an OrderCreated.
func CreatedNotice(body []byte) Notice {
	o := Decode[contract.OrderCreated](body)
	lines := make([]short, len(o.Lines))
	for i, l := range o.Lines {
		lines[i] = short{l.Name, l.Quantity, l.UnitPrice}
	}
	return Notice{"created", o.UserID, Encode(facts{Lines: lines, Amount: o.Total, Currency: o.Currency})}
}

// PaidNotice is for a PaymentProcessed.
func PaidNotice(body []byte) Notice {
	paid := Decode[contract.PaymentProcessed](body)
	return Notice{"paid", "", Encode(facts{Amount: paid.Amount, Currency: paid.Currency})}
}

// ShippedNotice is for an OrderShipped.
func ShippedNotice(body []byte) Notice {
	shipped := Decode[contract.OrderShipped](body)
	return Notice{"shipped", "", Encode(facts{Carrier: shipped.Carrier, Tracking: shipped.TrackingNumber})}
}
