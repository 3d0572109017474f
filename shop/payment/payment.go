package payment

import (
	"errors"
	"fmt"
	"slices"
)

// A state is where the payment of an order stands. All but closing are stored as they
// are.
type state string

const (
	none      state = ""          // nothing known of the order
	wanted    state = "wanted"    // on its way to be captured
	closing   state = "closing"   // stored as wanted and closed: the order has ended, the last call has not
	captured  state = "captured"  // paid
	failed    state = "failed"    // nothing captured, and nothing ever will be
	refunding state = "refunding" // captured, and on its way back
	refunded  state = "refunded"
	ended     state = "ended" // the order ended before it was known
)

// An event is a message, or an answer of the provider.
type event string

const (
	orderCreated   event = "OrderCreated"
	stockRefused   event = "InventoryUpdateFailed"
	orderEnded     event = "OrderFailed" // or OrderCancelled
	chargeCaptured event = "captured"
	chargeDeclined event = "declined"
	chargeFailed   event = "failed"    // nothing happened, and there are tries left
	triesSpent     event = "exhausted" // nothing happened, and it was the last try
	chargeUnknown  event = "unknown"
	chargeVoided   event = "voided" // the key can capture no more
	moneyBack      event = "refund recorded"
)

// An act is what a service does besides changing the state, in the same commit.
type act string

const (
	askCharge      act = "charge"
	askLookup      act = "lookup"
	askVoid        act = "void"
	askRefund      act = "refund"
	bookCapture    act = "book capture"
	bookRefund     act = "book refund"
	sayProcessed   act = "PaymentProcessed"
	sayDeclined    act = "PaymentFailed payment_declined"
	sayUnavailable act = "PaymentFailed payment_unavailable"
	sayRefunded    act = "PaymentRefunded"
)

// A rule says what an event does in some states.
type rule struct {
	in []state
	on []event
	to state // none: as it is
	do []act
}

// rules are the life of a payment: every state with every late, doubled or early
// message. What they do not list cannot happen: each order has one piece of work at a
// time, and its answer is recorded once.
var rules = []rule{
	{[]state{none}, []event{orderCreated}, wanted, []act{askCharge}},
	{[]state{none}, []event{stockRefused, orderEnded}, ended, nil},

	{[]state{wanted}, []event{chargeCaptured}, captured, []act{bookCapture, sayProcessed}},
	{[]state{wanted, closing}, []event{chargeDeclined}, failed, []act{sayDeclined}},
	{[]state{wanted}, []event{chargeFailed}, wanted, []act{askCharge}},
	{[]state{wanted, closing}, []event{chargeUnknown}, none, []act{askLookup}},
	// Also when every try was answered: one whose answer died with its worker may still
	// be on its way to the provider.
	{[]state{wanted, closing}, []event{triesSpent}, none, []act{askVoid}},
	{[]state{wanted, closing}, []event{chargeVoided}, failed, []act{sayUnavailable}},
	{[]state{wanted}, []event{stockRefused, orderEnded}, closing, nil},

	{[]state{closing}, []event{chargeFailed}, closing, []act{askVoid}},
	{[]state{closing}, []event{chargeCaptured}, refunding, []act{bookCapture, askRefund}},

	{[]state{captured}, []event{stockRefused, orderEnded}, refunding, []act{askRefund}},
	{[]state{refunding}, []event{moneyBack}, refunded, []act{bookRefund, sayRefunded}},

	// Late and doubled messages.
	{[]state{wanted, closing, captured, failed, refunding, refunded, ended}, []event{orderCreated}, none, nil},
	{[]state{closing, failed, refunding, refunded, ended}, []event{stockRefused, orderEnded}, none, nil},
	// What was given up comes after all, though a void forbids it, or was captured and
	// nobody here asked for it: it goes back.
	{[]state{failed, ended}, []event{chargeCaptured}, refunding, []act{bookCapture, askRefund}},
	{[]state{captured, refunding, refunded}, []event{chargeCaptured}, none, nil},
	{[]state{captured, failed, refunding, refunded, ended}, []event{chargeDeclined, chargeFailed, triesSpent, chargeUnknown, chargeVoided}, none, nil},
	{[]state{refunded}, []event{moneyBack}, none, nil},
}

var errImpossible = errors.New("payment: this cannot happen")

// next looks a state and an event up in rules.
func next(s state, e event) (to state, do []act, err error) {
	for _, r := range rules {
		if slices.Contains(r.in, s) && slices.Contains(r.on, e) {
			if r.to == none {
				return s, r.do, nil
			}
			return r.to, r.do, nil
		}
	}
	return s, nil, fmt.Errorf("%w: %s of a payment that is %q", errImpossible, e, s)
}

// judge says what the outcome of a call means. It is not answered if the same has to
// be asked again; a charge is always answered, if only by unknown.
func judge(kind string, o Outcome, lastTry bool) (e event, answered bool) {
	switch {
	case kind == refund{}.Kind():
		return moneyBack, o == Refunded
	case o == Captured:
		return chargeCaptured, true
	case o == Declined:
		return chargeDeclined, true
	case o == Voided:
		return chargeVoided, true
	case kind == charge{}.Kind() && o == Unavailable, kind == lookup{}.Kind() && o == NotFound:
		if lastTry {
			return triesSpent, true
		}
		return chargeFailed, true
	}
	return chargeUnknown, kind == charge{}.Kind()
}
