package payment

import (
	"context"
	"errors"
	"time"
)

// A Provider moves money, and says what it has moved. Its methods return an answer however
// they end: one that says anything but Unknown was given by the provider about this very
// key, amount and currency. They end with ctx.
type Provider interface {
	Mover
	// Lookup says what became of the key of c.
	Lookup(ctx context.Context, c Charge) Answer
	// Ledger returns at most so many entries of the provider's ledger behind a cursor, in
	// an order that never changes; from the beginning behind "". It fails with ErrAway.
	Ledger(ctx context.Context, cursor string, most int) (Page, error)
}

// A Mover is the part of a Provider that moves money.
type Mover interface {
	// Charge captures the money of c, once for each key however often it is called.
	Charge(ctx context.Context, c Charge) Answer
	// Authorize has the money of c held, to be captured under the same key.
	Authorize(ctx context.Context, c Charge) Answer
	// Capture captures what is held under the key of c, once however often it is called.
	// If the answer is Declined, nothing is held any more.
	Capture(ctx context.Context, c Charge) Answer
	// Void makes sure that the key of c captures nothing from now on, and holds nothing. If
	// it has captured, the answer is Captured, and the money is there to be refunded.
	Void(ctx context.Context, c Charge) Answer
	// Refund gives back what c captured, once for each key.
	Refund(ctx context.Context, key string, c Charge) Answer
}

// ErrAway: the provider gives no answer, to whatever question.
var ErrAway = errors.New("the provider is away")

// A Charge is money to be captured, at once or after it was held.
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
	Reference string        // the provider's, of what was held, captured or refunded
	Error     string        // what went wrong, for people
	At        time.Time     // when it was captured or refunded, by the provider's clock
	Away      bool          // there was no answer, or none about this order
	Wait      time.Duration // of NotAsked: how long at least
}

// An Outcome is what a call did.
type Outcome string

// The outcomes. Whatever is not certainly another one is Unknown.
const (
	Unknown     Outcome = "unknown"
	Authorized  Outcome = "authorized" // held
	Captured    Outcome = "captured"
	Declined    Outcome = "declined"    // for ever
	Unavailable Outcome = "unavailable" // a transient error: nothing happened
	NotFound    Outcome = "not_found"   // the key has done nothing so far
	Voided      Outcome = "voided"      // the key will never do anything
	Refunded    Outcome = "refunded"
	NotAsked    Outcome = "not_asked" // no call was made; to be asked again after Answer.Wait
)

// A Page is a piece of the provider's ledger.
type Page struct {
	Entries []Entry
	Now     time.Time // of the provider, before it looked
}

// An Entry of the provider's ledger is what became of a key. It never changes; one that
// was held has another entry behind it once it is held no more.
type Entry struct {
	Cursor    string // to go on behind it
	Outcome   Outcome
	Key       string
	OrderID   string
	Amount    int64
	Currency  string
	Reference string
	At        time.Time
}
