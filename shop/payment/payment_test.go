package payment

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func allStates() []state {
	return []state{none, wanted, closing, captured, failed, refunding, refunded, ended}
}

func allEvents() []event {
	return []event{orderCreated, stockRefused, orderEnded, chargeCaptured, chargeDeclined, chargeFailed, triesSpent,
		chargeUnknown, chargeVoided, moneyBack}
}

// What rules do is shown by TestStateTimesMessage, on a database.
func TestRulesAreCompleteAndUnambiguous(t *testing.T) {
	answers := []event{chargeCaptured, chargeDeclined, chargeFailed, triesSpent, chargeUnknown, chargeVoided}
	impossible := func(s state, e event) bool {
		switch s {
		case none: // nothing was ever asked
			return e == moneyBack || slices.Contains(answers, e)
		case ended: // only what became of a charge that nobody here made
			return e == moneyBack
		case wanted, closing, captured, failed: // no refund was ever asked
			return e == moneyBack
		}
		return false
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

// A world is a payment, a worker that may die around a call, and the provider at the
// other end of a network that loses requests or answers, or delivers requests later.
type world struct {
	luck    *rand.Rand
	state   state
	work    []act
	tries   int
	capture bool // at the provider
	void    bool
	delayed int // charges on their way
	booked  map[act]int
	said    []act
}

func (w *world) apply(t *testing.T, e event) {
	to, do, err := next(w.state, e)
	if err != nil {
		t.Fatal(err)
	}
	w.state = to
	for _, a := range do {
		switch a {
		case askCharge, askLookup, askVoid, askRefund:
			w.work = append(w.work, a)
		case bookCapture, bookRefund:
			w.booked[a]++
		default:
			w.said = append(w.said, a)
		}
	}
}

// arrive is a charge that reaches the provider.
func (w *world) arrive() { w.capture = w.capture || !w.void }

// ask does the one piece of work there is, with an outcome of chance.
func (w *world) ask(t *testing.T) {
	a := w.work[0]
	o := Unknown
	switch luck := w.luck.IntN(5); {
	case luck == 4: // the worker dies after the call, or just before it
		if a == askCharge {
			w.delayed += w.luck.IntN(2)
		}
		return
	case luck == 0 && a == askCharge: // the answer is lost
		w.arrive()
	case luck == 1 && a == askCharge: // the request comes later
		w.delayed++
	case luck == 2 && a == askCharge && !w.capture && !w.void:
		o = Unavailable
	case luck == 0: // lost
	default:
		o = w.answer(a)
	}
	w.work = w.work[1:]
	if a == askCharge {
		w.tries++
	}
	e, answered := judge(string(a), o, w.tries >= 3)
	if !answered {
		w.work = append(w.work, a)
		return
	}
	w.apply(t, e)
}

// answer is what the provider does.
func (w *world) answer(a act) Outcome {
	switch a {
	case askRefund:
		return Refunded
	case askCharge:
		w.arrive()
	case askVoid:
		w.void = w.void || !w.capture
	}
	switch {
	case w.capture:
		return Captured
	case w.void:
		return Voided
	}
	return NotFound
}

// Whatever the network and the order do, in any order: what was captured is booked
// once, and goes back once if the order ends.
func TestMoneyBalancesWhateverHappens(t *testing.T) {
	ends := map[state]int{}
	for seed := range uint64(20_000) {
		w := &world{booked: map[act]int{}, luck: rand.New(rand.NewPCG(seed, 0))}
		w.live(t)
		ends[w.state]++
		if w.check(t); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if ends[captured] < 1000 || ends[failed] < 1000 || ends[refunded] < 1000 {
		t.Errorf("the worlds ended too much alike: %v", ends)
	}
}

// live goes on until nothing is to be done and nothing is on its way.
func (w *world) live(t *testing.T) {
	w.apply(t, orderCreated)
	for len(w.work) > 0 || w.delayed > 0 {
		if len(w.work) > 1 {
			t.Fatalf("two pieces of work at a time: %v", w.work)
		}
		switch n := w.luck.IntN(16); {
		case n == 0:
			w.apply(t, []event{orderEnded, stockRefused, orderCreated}[w.luck.IntN(3)])
		case n < 4 && w.delayed > 0:
			w.delayed--
			w.arrive()
		case len(w.work) > 0:
			w.ask(t)
		}
	}
}

func (w *world) check(t *testing.T) {
	paid, back := w.booked[bookCapture], w.booked[bookRefund]
	if paid > 1 || back > paid || (paid == 1) != w.capture {
		t.Errorf("captured %v, booked %d captures and %d refunds", w.capture, paid, back)
	}
	verdicts := 0
	for _, a := range w.said {
		if a == sayProcessed || a == sayDeclined || a == sayUnavailable {
			verdicts++
		}
	}
	if verdicts > 1 || verdicts == 0 && back == 0 {
		t.Errorf("said %v", w.said)
	}
	w.apply(t, orderEnded)
	for len(w.work) > 0 {
		w.ask(t)
	}
	if w.booked[bookRefund] != paid {
		t.Errorf("the order has ended: booked %d captures and %d refunds", paid, w.booked[bookRefund])
	}
}
