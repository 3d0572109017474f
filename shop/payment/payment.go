package payment

// A state is where the payment of an order stands. All but closing are stored as they
// are.
type state string

const (
	none        state = ""            // nothing known of the order
	wanted      state = "wanted"      // on its way to be captured
	closing     state = "closing"     // stored as wanted and closed: the order has ended, the last call has not
	authorizing state = "authorizing" // on its way to be held
	authorized  state = "authorized"  // held, until it is asked for
	capturing   state = "capturing"   // held, and on its way to be captured
	voiding     state = "voiding"     // to be held no more: the last call about it has not ended
	voided      state = "voided"      // nothing held, and nothing ever will be
	captured    state = "captured"    // paid
	failed      state = "failed"      // nothing captured, and nothing ever will be
	refunding   state = "refunding"   // captured, and on its way back
	refunded    state = "refunded"
	ended       state = "ended" // the order ended before it was known
)

// An event is a message, or an answer of the provider.
type event string

const (
	orderCreated   event = "OrderCreated"
	stockRefused   event = "InventoryUpdateFailed"
	orderEnded     event = "OrderFailed" // or OrderCancelled, of a payment that is known
	cancelledEarly event = "OrderCancelled"
	authorizeAsked event = "AuthorizePayment"
	captureAsked   event = "CapturePayment"
	voidAsked      event = "VoidPayment"
	chargeHeld     event = "authorized"
	heldUnused     event = "authorized, and it was the last try" // to capture it
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
	askAuthorize   act = "authorize"
	askCapture     act = "capture"
	askLookup      act = "lookup"
	askVoid        act = "void"
	askRefund      act = "refund"
	bookCapture    act = "book capture"
	bookRefund     act = "book refund"
	sayAuthorized  act = "PaymentAuthorized"
	sayVoided      act = "PaymentVoided"
	sayProcessed   act = "PaymentProcessed"
	sayDeclined    act = "PaymentFailed payment_declined"
	sayUnavailable act = "PaymentFailed payment_unavailable"
	sayFailed      act = "PaymentFailed, once more"
	sayOver        act = "PaymentFailed called_off"
	sayRefunded    act = "PaymentRefunded"
)

// booked reports whether money was captured, and is known to be.
func (s state) booked() bool { return s == captured || s == refunding || s == refunded }

// tried reports whether a kind of call is one of so many tries: it moves or holds money.
func tried(kind string) bool {
	return kind == charge{}.Kind() || kind == authorize{}.Kind() || kind == capture{}.Kind()
}

// judge says what the outcome of a call means. It is not answered if the same has to
// be asked again; a try is always answered, if only by unknown.
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
	case o == Authorized && kind != void{}.Kind():
		if lastTry {
			return heldUnused, true
		}
		return chargeHeld, true
	case tried(kind) && o == Unavailable, kind == lookup{}.Kind() && o == NotFound:
		if lastTry {
			return triesSpent, true
		}
		return chargeFailed, true
	}
	return chargeUnknown, tried(kind)
}
