// Package contract holds every message that crosses a service boundary, once. A stream
// is a constant, its events stand below it. Money is in minor units of its currency.
package contract

import "time"

// Orders is the stream of what happens to orders, keyed by order.
const Orders = "order"

// OrderReceived says that an order was accepted while the user service was away: whether there
// is such a user is asked when it is back, and nobody does anything for the order before
// that. Then it is OrderCreated, or OrderFailed.
type OrderReceived struct {
	OrderID  string    `json:"orderId"`
	UserID   string    `json:"userId"`
	Style    string    `json:"style"`
	Lines    []Line    `json:"lines"`
	Total    int64     `json:"total"`
	Currency string    `json:"currency"`
	Method   string    `json:"method"`   // of payment
	Deadline time.Time `json:"deadline"` // for the user to be known
}

// OrderCreated says that an order was accepted.
type OrderCreated struct {
	OrderID  string    `json:"orderId"`
	UserID   string    `json:"userId"`
	Style    string    `json:"style"`
	Lines    []Line    `json:"lines"`
	Total    int64     `json:"total"`
	Currency string    `json:"currency"`
	Method   string    `json:"method"`   // of payment
	Deadline time.Time `json:"deadline"` // to be confirmed
}

// The styles in which an order can flow: conducted by the order service, or by what each
// service makes of the others' facts, one after the other or payment and inventory at once.
const (
	Orchestrated  = "orchestrated"
	Choreographed = "choreographed"
	Parallel      = "parallel"
)

// A Line is one product of an order.
type Line struct {
	ProductID string `json:"productId"`
	Name      string `json:"name"`
	Quantity  int64  `json:"quantity" jsonschema:"minimum=1"`
	UnitPrice int64  `json:"unitPrice" jsonschema:"minimum=0"`
}

// OrderConfirmed says that an order is paid and its stock reserved.
type OrderConfirmed struct {
	OrderID string `json:"orderId"`
}

// OrderCompleted says that an order has been shipped: its goods have left.
type OrderCompleted struct {
	OrderID        string `json:"orderId"`
	TrackingNumber string `json:"trackingNumber"`
	Lines          []Line `json:"lines,omitempty"`
}

// OrderFailed says that an order has ended without being fulfilled. Whoever did
// something for it undoes that, and does nothing for it any more.
type OrderFailed struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
	Lines   []Line `json:"lines"`
}

// OrderCancelled says that the customer called an order off. It means for others what
// OrderFailed means.
type OrderCancelled struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
	Lines   []Line `json:"lines"`
}

// The reasons for which an order ends without being fulfilled.
const (
	PaymentDeclined    = "payment_declined"
	PaymentUnavailable = "payment_unavailable"
	OutOfStock         = "out_of_stock"
	CancelledByUser    = "cancelled_by_customer"
	TimedOut           = "timed_out"
	UnknownUser        = "unknown_user"
)

// Kind is the name of the contract.
func (OrderReceived) Kind() string { return "OrderReceived" }

// Kind is the name of the contract.
func (OrderCreated) Kind() string { return "OrderCreated" }

// Kind is the name of the contract.
func (OrderConfirmed) Kind() string { return "OrderConfirmed" }

// Kind is the name of the contract.
func (OrderCompleted) Kind() string { return "OrderCompleted" }

// Kind is the name of the contract.
func (OrderFailed) Kind() string { return "OrderFailed" }

// Kind is the name of the contract.
func (OrderCancelled) Kind() string { return "OrderCancelled" }
