package contract

// A command asks one service for one thing, and is always answered: by what was done, or by
// what could not be, also if it comes a second time and finds nothing to do. It travels
// through the journal of whoever sends it, in order with the facts about the same order, and
// is deleted once it was read and the retention has passed.

// ReserveStock asks inventory to reserve all lines of an order, or none. The answer is
// InventoryUpdated or InventoryUpdateFailed.
type ReserveStock struct {
	OrderID string `json:"orderId"`
	Style   string `json:"style"`
	Lines   []Line `json:"lines"`
}

// ReleaseStock undoes ReserveStock, also one that has not come yet. The answer is
// StockReleased.
type ReleaseStock struct {
	OrderID string `json:"orderId"`
	Lines   []Line `json:"lines"`
}

// AuthorizePayment asks payment to have the money of an order held. The answer is
// PaymentAuthorized or PaymentFailed.
type AuthorizePayment struct {
	OrderID  string `json:"orderId"`
	Style    string `json:"style"`
	Amount   int64  `json:"amount" jsonschema:"minimum=1"`
	Currency string `json:"currency"`
	Method   string `json:"method"`
	Lines    []Line `json:"lines"`
}

// CapturePayment asks payment to take the money that is held. The answer is PaymentProcessed,
// or PaymentFailed if the bank does not hand it over: then nothing is held any more.
type CapturePayment struct {
	OrderID string `json:"orderId"`
}

// VoidPayment undoes AuthorizePayment and CapturePayment, also those that have not come yet.
// The answer is PaymentVoided, or PaymentRefunded if the money had been taken.
type VoidPayment struct {
	OrderID string `json:"orderId"`
}

// ShipOrder asks shipping to hand the parcel of an order over. The answer is OrderShipped.
type ShipOrder struct {
	OrderID string `json:"orderId"`
	Lines   []Line `json:"lines"`
}

// Kind is the name of the contract.
func (ReserveStock) Kind() string { return "ReserveStock" }

// Kind is the name of the contract.
func (ReleaseStock) Kind() string { return "ReleaseStock" }

// Kind is the name of the contract.
func (AuthorizePayment) Kind() string { return "AuthorizePayment" }

// Kind is the name of the contract.
func (CapturePayment) Kind() string { return "CapturePayment" }

// Kind is the name of the contract.
func (VoidPayment) Kind() string { return "VoidPayment" }

// Kind is the name of the contract.
func (ShipOrder) Kind() string { return "ShipOrder" }

// Queue names who does it.
func (ReserveStock) Queue() string { return "inventory_commands" }

// Queue names who does it.
func (ReleaseStock) Queue() string { return "inventory_commands" }

// Queue names who does it.
func (AuthorizePayment) Queue() string { return "payment_commands" }

// Queue names who does it.
func (CapturePayment) Queue() string { return "payment_commands" }

// Queue names who does it.
func (VoidPayment) Queue() string { return "payment_commands" }

// Queue names who does it.
func (ShipOrder) Queue() string { return "shipping_commands" }
