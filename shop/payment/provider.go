package payment

import "context"

// A Provider moves money. Its methods return an answer however they end: one that says
// anything but Unknown was given by the provider about this very key, amount and
// currency. They end with ctx.
type Provider interface {
	// Charge captures the money of c, once for each key however often it is called.
	Charge(ctx context.Context, c Charge) Answer
	// Lookup says what became of the key of c.
	Lookup(ctx context.Context, c Charge) Answer
	// Void makes sure that the key of c captures nothing from now on. If it has
	// captured, the answer is Captured, and the money is there to be refunded.
	Void(ctx context.Context, c Charge) Answer
	// Refund gives back what c captured, once for each key.
	Refund(ctx context.Context, key string, c Charge) Answer
}

// A Charge is money to be captured.
type Charge struct {
	Key      string `json:"key"`
	OrderID  string `json:"orderId"`
	Amount   int64  `json:"amount"` // in minor units
	Currency string `json:"currency"`
	Method   string `json:"method"`
}

// An Answer is what is known after a call.
type Answer struct {
	Outcome   Outcome
	Reference string // the provider's, of what was captured or refunded
	Error     string // what went wrong, for people
}

// An Outcome is what a call did.
type Outcome string

// The outcomes. Whatever is not certainly another one is Unknown.
const (
	Unknown     Outcome = "unknown"
	Captured    Outcome = "captured"
	Declined    Outcome = "declined"    // for ever
	Unavailable Outcome = "unavailable" // a transient error: nothing happened
	NotFound    Outcome = "not_found"   // the key has done nothing so far
	Voided      Outcome = "voided"      // the key will never do anything
	Refunded    Outcome = "refunded"
)
