package payment

import (
	"errors"
	"fmt"
	"slices"
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
var rules = slices.Concat(oneStep, twoSteps, ends, repeats)

// oneStep is a charge: the money is captured at once.
var oneStep = []rule{
	{[]state{none}, []event{orderCreated}, wanted, []act{askCharge}},
	{[]state{none}, []event{stockRefused, orderEnded}, ended, nil},
	// Its customer waits to hear that nothing is owed.
	{[]state{none}, []event{cancelledEarly}, ended, []act{sayVoided}},

	{[]state{wanted}, []event{chargeCaptured}, captured, []act{bookCapture, sayProcessed}},
	{[]state{wanted, closing}, []event{chargeDeclined}, failed, []act{sayDeclined}},
	{[]state{wanted}, []event{chargeFailed}, wanted, []act{askCharge}},
	{[]state{wanted, closing}, []event{chargeUnknown}, none, []act{askLookup}},
	// Also when every try was answered: one whose answer died with its worker may still
	// be on its way to the provider. What is held under the key was not asked for here.
	{[]state{wanted, closing}, []event{triesSpent, chargeHeld, heldUnused}, none, []act{askVoid}},
	{[]state{wanted}, []event{chargeVoided}, failed, []act{sayUnavailable}},
	// The order knows why it ended: that it was not paid is no other reason.
	{[]state{closing}, []event{chargeVoided}, voided, []act{sayVoided}},
	{[]state{wanted}, []event{stockRefused, orderEnded, voidAsked}, closing, nil},

	{[]state{closing}, []event{chargeFailed}, closing, []act{askVoid}},
	{[]state{closing}, []event{chargeCaptured}, refunding, []act{bookCapture, askRefund}},
}

// twoSteps are a hold and its capture, as an order asks for them. A command is answered
// whenever it comes; one that comes while a call is out, by what that call comes to.
var twoSteps = []rule{
	{[]state{none}, []event{authorizeAsked}, authorizing, []act{askAuthorize}},
	{[]state{none}, []event{voidAsked}, ended, []act{sayVoided}},

	{[]state{authorizing}, []event{chargeHeld, heldUnused}, authorized, []act{sayAuthorized}},
	{[]state{authorizing}, []event{chargeFailed}, authorizing, []act{askAuthorize}},
	// It was taken before, under our own key, and that is forgotten here: a database of an older
	// backup asks again. Who asks for the capture is answered, and who ends the order is paid back.
	{[]state{authorizing}, []event{chargeCaptured}, captured, []act{bookCapture, sayAuthorized}},

	{[]state{authorized}, []event{captureAsked}, capturing, []act{askCapture}},
	{[]state{authorized}, []event{voidAsked, orderEnded}, voiding, []act{askVoid}},

	{[]state{capturing}, []event{chargeCaptured}, captured, []act{bookCapture, sayProcessed}},
	// The capture did not arrive: it is asked for again, under the same key.
	{[]state{capturing}, []event{chargeFailed, chargeHeld}, capturing, []act{askCapture}},
	{[]state{capturing}, []event{heldUnused}, capturing, []act{askVoid}},

	// In both steps. Declined at the second, nothing is held any more either.
	{[]state{authorizing, capturing}, []event{chargeDeclined}, failed, []act{sayDeclined}},
	{[]state{authorizing, capturing, voiding}, []event{chargeUnknown}, none, []act{askLookup}},
	{[]state{authorizing, capturing, voiding}, []event{triesSpent}, none, []act{askVoid}},
	{[]state{authorizing, capturing}, []event{chargeVoided}, failed, []act{sayUnavailable}},
	{[]state{authorizing, capturing}, []event{voidAsked, orderEnded}, voiding, nil},

	{[]state{voiding}, []event{chargeHeld, heldUnused, chargeFailed}, voiding, []act{askVoid}},
	{[]state{voiding}, []event{chargeCaptured}, refunding, []act{bookCapture, askRefund}},
	{[]state{voiding}, []event{chargeDeclined}, failed, []act{sayDeclined, sayVoided}},
	{[]state{voiding}, []event{chargeVoided}, voided, []act{sayVoided}},
}

// ends are how money goes back, and what comes when all was over.
var ends = []rule{
	{[]state{captured}, []event{stockRefused, orderEnded, voidAsked}, refunding, []act{askRefund}},
	{[]state{refunding}, []event{moneyBack}, refunded, []act{bookRefund, sayRefunded}},
	// What was given up comes after all, though a void forbids it, or was captured or is held
	// and nobody here asked for it: it goes back.
	{[]state{failed, voided, ended}, []event{chargeCaptured}, refunding, []act{bookCapture, askRefund}},
	{[]state{failed, voided, ended}, []event{chargeHeld, heldUnused}, none, []act{askVoid}},
}

// repeats are late and doubled messages. Of commands, whoever sent them may not have heard
// the answer.
var repeats = []rule{
	{[]state{wanted, closing, captured, failed, refunding, refunded, ended, authorizing, authorized, capturing, voiding, voided}, []event{orderCreated}, none, nil},
	{[]state{closing, failed, refunding, refunded, ended, voiding, voided}, []event{stockRefused, orderEnded}, none, nil},
	{[]state{authorizing, authorized, capturing}, []event{stockRefused}, none, nil}, // who conducts is told of it, too
	{[]state{captured, refunding, refunded}, []event{chargeCaptured, chargeHeld, heldUnused}, none, nil},
	{[]state{captured, failed, refunding, refunded, ended, voided}, []event{chargeDeclined, chargeFailed, triesSpent, chargeUnknown, chargeVoided}, none, nil},
	{[]state{authorized}, []event{chargeHeld, heldUnused, chargeCaptured, chargeDeclined, chargeFailed, triesSpent, chargeUnknown, chargeVoided}, none, nil},
	{[]state{refunded}, []event{moneyBack}, none, nil},

	{[]state{authorizing, voiding}, []event{authorizeAsked}, none, nil},
	{[]state{authorized, capturing, captured}, []event{authorizeAsked}, none, []act{sayAuthorized}},
	{[]state{capturing, voiding}, []event{captureAsked}, none, nil},
	{[]state{captured}, []event{captureAsked}, none, []act{sayProcessed}},
	{[]state{failed}, []event{authorizeAsked, captureAsked}, none, []act{sayFailed}},
	{[]state{refunding, refunded, ended, voided}, []event{authorizeAsked, captureAsked}, none, []act{sayOver}},
	{[]state{closing, voiding, refunding}, []event{voidAsked}, none, nil},
	{[]state{failed, ended, voided}, []event{voidAsked}, none, []act{sayVoided}},
	{[]state{refunded}, []event{voidAsked}, none, []act{sayRefunded}},
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
