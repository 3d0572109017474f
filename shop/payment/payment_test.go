package payment

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func allStates() []state {
	return []state{none, wanted, closing, authorizing, authorized, capturing, voiding, voided, captured, failed, refunding, refunded, ended}
}

func allEvents() []event {
	return append([]event{orderCreated, stockRefused, orderEnded, cancelledEarly, authorizeAsked, captureAsked, voidAsked, moneyBack}, answers()...)
}

func answers() []event {
	return []event{chargeHeld, heldUnused, chargeCaptured, chargeDeclined, chargeFailed, triesSpent, chargeUnknown, chargeVoided}
}

// What rules do is shown by TestStateTimesMessage, on a database.
func TestRulesAreCompleteAndUnambiguous(t *testing.T) {
	impossible := func(s state, e event) bool {
		if e == cancelledEarly {
			return s != none
		}
		switch s {
		case none: // nothing was ever asked
			return e == moneyBack || e == captureAsked || slices.Contains(answers(), e)
		case wanted, closing: // what is charged in one step is not asked for in two; no refund was ever asked
			return e == moneyBack || e == authorizeAsked || e == captureAsked
		case authorizing: // what is not held yet is not captured
			return e == moneyBack || e == captureAsked
		case refunding, refunded:
			return false
		}
		return e == moneyBack
	}
	for _, s := range allStates() {
		for _, e := range allEvents() {
			listed := 0
			for _, r := range rules {
				if slices.Contains(r.in, s) && slices.Contains(r.on, e) {
					listed++
				}
			}
			_, _, err := next(s, e)
			switch {
			case impossible(s, e) && !errors.Is(err, errImpossible):
				t.Errorf("%s of %q: got %v, want %v", e, s, err, errImpossible)
			case !impossible(s, e) && listed != 1:
				t.Errorf("%s of %q: listed %d times, want once", e, s, listed)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	const again = event("again")
	for _, tt := range []struct {
		kind    string
		outcome Outcome
		last    bool
		want    event
	}{
		{"charge", Captured, false, chargeCaptured},
		{"charge", Declined, false, chargeDeclined},
		{"charge", Voided, false, chargeVoided},
		{"charge", Unavailable, false, chargeFailed},
		{"charge", Unavailable, true, triesSpent},
		{"charge", Unknown, false, chargeUnknown},
		{"charge", Unknown, true, chargeUnknown},
		{"charge", NotFound, false, chargeUnknown},
		{"charge", Refunded, false, chargeUnknown},
		{"charge", "", false, chargeUnknown},
		{"lookup", Captured, false, chargeCaptured},
		{"lookup", Declined, false, chargeDeclined},
		{"lookup", Voided, false, chargeVoided},
		{"lookup", NotFound, false, chargeFailed},
		{"lookup", NotFound, true, triesSpent},
		{"lookup", Unavailable, true, again},
		{"lookup", Unknown, true, again},
		{"void", Voided, true, chargeVoided},
		{"void", Captured, true, chargeCaptured},
		{"void", Declined, true, chargeDeclined},
		{"void", NotFound, true, again},
		{"void", Unavailable, true, again},
		{"void", Unknown, true, again},
		{"charge", Authorized, false, chargeHeld},
		{"authorize", Authorized, false, chargeHeld},
		{"authorize", Authorized, true, heldUnused},
		{"authorize", Declined, true, chargeDeclined},
		{"authorize", Unavailable, false, chargeFailed},
		{"authorize", Unavailable, true, triesSpent},
		{"authorize", Unknown, true, chargeUnknown},
		{"authorize", Voided, false, chargeVoided},
		{"capture", Captured, true, chargeCaptured},
		{"capture", Declined, false, chargeDeclined},
		{"capture", Unavailable, false, chargeFailed},
		{"capture", Unavailable, true, triesSpent},
		{"capture", Unknown, false, chargeUnknown},
		{"capture", NotFound, true, chargeUnknown},
		{"capture", Voided, false, chargeVoided},
		{"lookup", Authorized, false, chargeHeld},
		{"lookup", Authorized, true, heldUnused},
		{"void", Authorized, true, again},
		{"refund", Authorized, true, again},
		{"refund", Refunded, true, moneyBack},
		{"refund", Captured, true, again},
		{"refund", Unavailable, true, again},
		{"refund", Unknown, true, again},
	} {
		got, answered := judge(tt.kind, tt.outcome, tt.last)
		if !answered {
			got = again
		}
		if got != tt.want {
			t.Errorf("%s of %s (last try %v): got %s, want %s", tt.outcome, tt.kind, tt.last, got, tt.want)
		}
	}
}

func TestDelay(t *testing.T) {
	s := Service{}
	for n, want := range map[int]time.Duration{0: 0, 1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 3: 400 * time.Millisecond, 60: 5 * time.Second} {
		for range 100 {
			if got := s.delay(n); got < want*3/4 || got > want*5/4 {
				t.Fatalf("after %d: got %v, want about %v", n, got, want)
			}
		}
	}
}
