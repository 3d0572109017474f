package payment

import "github.com/tidewire/tidewire/shop/money"

// A movement names money that moved for an order, under a key of the provider's.
type movement struct {
	orderID string
	kind    string // of the entry: capture or refund; or a hold, of which no entry is made here
	key     string
}

// A claim is what a ledger says of a movement. Two ledgers agree if their words do.
type claim struct {
	words    string // 25.00 USD as ch_1; empty: nothing
	amount   int64
	currency string
}

func claimOf(amount int64, currency, reference string) claim {
	words := money.Format(amount, currency) + " " + currency
	if reference != "" {
		words += " as " + reference
	}
	return claim{words, amount, currency}
}

// The kinds of an entry.
const (
	captureEntry = "capture"
	refundEntry  = "refund"
	holdEntry    = "hold"
)

// movement returns what an entry of the provider's says, if it moved money. What it calls
// a refund is not kept here.
func (e Entry) movement() (m movement, c claim, moved bool) {
	switch e.Outcome {
	case Captured:
		return movement{e.OrderID, captureEntry, e.Key}, claimOf(e.Amount, e.Currency, e.Reference), true
	case Refunded:
		return movement{e.OrderID, refundEntry, e.Key}, claimOf(e.Amount, e.Currency, ""), true
	case Authorized:
		return movement{e.OrderID, holdEntry, e.Key}, claimOf(e.Amount, e.Currency, e.Reference), true
	}
	return m, c, false
}

// releases returns the hold, if there was one, that is none any more.
func (e Entry) releases() (m movement, over bool) {
	over = e.OrderID != "" && (e.Outcome == Captured || e.Outcome == Declined || e.Outcome == Voided)
	return movement{e.OrderID, holdEntry, e.Key}, over
}

// A stand is what we know of the money of an order.
type stand struct {
	state    state // as it is stored
	key      string
	captured string // the words of what is booked
	refunded string
}

// movement is the one of a kind that is ours.
func (s stand) movement(orderID, kind string) movement {
	switch {
	case kind == refundEntry:
		return movement{orderID, kind, refundKey(orderID)}
	case s.key == "":
		return movement{orderID, kind, chargeKey(orderID)} // as it would be
	}
	return movement{orderID, kind, s.key}
}

// claim is what our ledger says of a movement.
func (s stand) claim(m movement) string {
	switch {
	case m != s.movement(m.orderID, m.kind):
		return "" // not ours
	case m.kind == captureEntry:
		return s.captured
	case m.kind == refundEntry:
		return s.refunded
	}
	return "" // a hold
}

// waits reports whether an answer about a movement is still to come: whoever asks will
// book what it says.
func (s stand) waits(m movement) bool {
	asked := s.state == wanted || s.state == capturing || s.state == voiding
	return m == s.movement(m.orderID, m.kind) && (m.kind == captureEntry && asked || m.kind == refundEntry && s.state == refunding)
}

// The kinds of a discrepancy. All but those unwanted are the kind of an entry and a word.
const (
	missing  = "_missing"         // booked here, and not in the provider's ledger
	strange  = "_unknown"         // in the provider's ledger, and not booked here
	differs  = "_differs"         // amount, currency or reference
	unwanted = "capture_unwanted" // captured there after it was given up here: it goes back
	holding  = "hold_unwanted"    // held there after it was given up here: it is voided
)

// gaveUp reports whether nothing of the order is to be captured any more, nor held.
func (s stand) gaveUp() bool { return s.state == failed || s.state == voided || s.state == ended }

// differ names what is wrong with a movement of which the provider says theirs; "" if
// nothing is.
func (s stand) differ(m movement, theirs string) (kind string) {
	ours := s.claim(m)
	own := m == s.movement(m.orderID, m.kind)
	switch {
	case m.kind == holdEntry && own && s.gaveUp() && theirs != "":
		return holding
	case m.kind == holdEntry && own && s.state != none: // what becomes of it, is as an entry
		return ""
	case ours == theirs:
		return ""
	case theirs == "":
		return m.kind + missing
	case ours != "":
		return m.kind + differs
	case m.kind == captureEntry && own && s.gaveUp():
		return unwanted
	}
	return m.kind + strange
}

// words are what people are told that we have.
func (s stand) words(m movement) string {
	switch ours := s.claim(m); {
	case ours != "":
		return ours
	case s.state == none:
		return "nothing: the order has no payment"
	case m != s.movement(m.orderID, m.kind):
		return "nothing under that key: the payment is " + string(s.state)
	}
	return "nothing: the payment is " + string(s.state)
}
