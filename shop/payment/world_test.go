package payment

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A world is a payment, a worker that may die around a call, and the provider at the
// other end of a network that loses requests or answers, or delivers requests later.
type world struct {
	luck    *rand.Rand
	state   state
	work    []act
	tries   int // of the present step
	delayed []act
	booked  map[act]int
	said    []act
	asked   map[event]int // how much had been said when a command came last

	// at the provider
	refuses                       act // the step that it declines; "": none
	held, capture, void, declined bool
}

func (w *world) apply(t *testing.T, e event) {
	t.Helper()
	to, do, err := next(w.state, e)
	if err != nil {
		t.Fatal(err)
	}
	if w.state != to && (to == authorizing || to == capturing) {
		w.tries = 0
	}
	w.state = to
	if e == authorizeAsked || e == captureAsked || e == voidAsked {
		w.asked[e] = len(w.said)
	}
	for _, a := range do {
		switch {
		case a == bookCapture || a == bookRefund:
			w.booked[a]++
		case slices.Contains([]act{askCharge, askAuthorize, askCapture, askLookup, askVoid, askRefund}, a):
			w.work = append(w.work, a)
		default:
			w.said = append(w.said, a)
		}
	}
}

// arrive is a request that reaches the provider.
func (w *world) arrive(a act) {
	settled := w.capture || w.void || w.declined
	switch {
	case settled:
	case a == askVoid:
		w.void, w.held = true, false
	case a == w.refuses && (a != askCapture || w.held):
		w.declined, w.held = true, false
	case a == askCharge:
		w.capture = true
	case a == askAuthorize:
		w.held = true
	case a == askCapture && w.held:
		w.capture, w.held = true, false
	}
}

// answer is what the provider says after a request has arrived.
func (w *world) answer(a act) Outcome {
	w.arrive(a)
	switch {
	case a == askRefund:
		return Refunded
	case w.capture:
		return Captured
	case w.declined:
		return Declined
	case w.void:
		return Voided
	case w.held:
		return Authorized
	}
	return NotFound
}

// ask does the one piece of work there is, with an outcome of chance.
func (w *world) ask(t *testing.T) {
	a, o := w.work[0], Unknown
	try := tried(string(a))
	switch luck := w.luck.IntN(5); {
	case luck == 4: // the worker dies after the call, or just before it
		if try && w.luck.IntN(2) == 0 {
			w.delayed = append(w.delayed, a)
		}
		return
	case luck == 0 && try: // the answer is lost
		w.arrive(a)
	case luck == 1 && try: // the request comes later
		w.delayed = append(w.delayed, a)
	case luck == 2 && try && !w.capture && !w.void && !w.declined:
		o = Unavailable
	case luck == 0: // lost
	default:
		o = w.answer(a)
	}
	w.work = w.work[1:]
	if try {
		w.tries++
	}
	e, answered := judge(string(a), o, w.tries >= 3)
	if !answered {
		w.work = append(w.work, a)
		return
	}
	w.apply(t, e)
}

// Whatever the network and the order do, in any order: what was captured is booked
// once, and goes back once if the order ends. What is held then, is held no more.
func TestMoneyBalancesWhateverHappens(t *testing.T) {
	for name, tt := range map[string]struct {
		live func(*world, *testing.T)
		ends []state
	}{
		"at once":      {(*world).live, []state{captured, failed, refunded}},
		"in two steps": {(*world).liveInSteps, []state{authorized, captured, failed, voided, refunded, ended}},
	} {
		t.Run(name, func(t *testing.T) {
			ends := map[state]int{}
			for seed := range uint64(20_000) {
				w := &world{booked: map[act]int{}, asked: map[event]int{}, luck: rand.New(rand.NewPCG(seed, 0))}
				w.refuses = []act{"", "", askCharge, askAuthorize, askCapture}[w.luck.IntN(5)]
				tt.live(w, t)
				ends[w.state]++
				if w.check(t); t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			for _, s := range tt.ends {
				if ends[s] < 200 {
					t.Errorf("the worlds ended too much alike: %v", ends)
				}
			}
		})
	}
}

// step is one thing that happens by itself, now and then something that comes from outside.
func (w *world) step(t *testing.T, outside ...event) {
	if len(w.work) > 1 {
		t.Fatalf("two pieces of work at a time: %v", w.work)
	}
	switch n := w.luck.IntN(16); {
	case n == 0:
		w.apply(t, outside[w.luck.IntN(len(outside))])
	case n < 4 && len(w.delayed) > 0:
		i := w.luck.IntN(len(w.delayed))
		w.arrive(w.delayed[i])
		w.delayed = slices.Delete(w.delayed, i, i+1)
	case len(w.work) > 0:
		w.ask(t)
	}
}

// live goes on until nothing is to be done and nothing is on its way.
func (w *world) live(t *testing.T) {
	w.apply(t, orderCreated)
	for len(w.work) > 0 || len(w.delayed) > 0 {
		w.step(t, orderEnded, stockRefused, orderCreated)
	}
}

// liveInSteps asks for the money to be held and to be captured, if all goes well, and for
// any of it twice; or calls it off at any time, also before it began.
func (w *world) liveInSteps(t *testing.T) {
	if w.luck.IntN(16) == 0 {
		w.apply(t, voidAsked)
	}
	w.apply(t, authorizeAsked)
	for len(w.work) > 0 || len(w.delayed) > 0 || w.state == authorized {
		outside := []event{orderEnded, voidAsked, authorizeAsked}
		if _, was := w.asked[captureAsked]; was {
			outside = append(outside, captureAsked)
		}
		w.step(t, outside...)
		if w.state == authorized && len(w.work)+len(w.delayed) == 0 {
			switch w.luck.IntN(16) {
			case 0:
				return // nobody has asked for it yet
			case 1:
				w.apply(t, voidAsked)
			default:
				w.apply(t, captureAsked)
			}
		}
	}
}

func (w *world) check(t *testing.T) {
	paid, back := w.booked[bookCapture], w.booked[bookRefund]
	if paid > 1 || back > paid || (paid == 1) != w.capture {
		t.Errorf("captured %v, booked %d captures and %d refunds", w.capture, paid, back)
	}
	if w.held != (w.state == authorized) {
		t.Errorf("it is %s, and held is %v", w.state, w.held)
	}
	w.checkSaid(t, back)
	w.apply(t, orderEnded)
	for len(w.work) > 0 {
		w.ask(t)
	}
	if w.booked[bookRefund] != paid || w.held {
		t.Errorf("the order has ended: booked %d captures and %d refunds, held is %v", paid, w.booked[bookRefund], w.held)
	}
}

// checkSaid checks that an order that was charged at once was told once what became of
// that, and that every command was answered after it came.
func (w *world) checkSaid(t *testing.T, back int) {
	if len(w.asked) == 0 {
		verdicts := 0
		for _, a := range w.said {
			if a == sayProcessed || a == sayDeclined || a == sayUnavailable || a == sayVoided {
				verdicts++
			}
		}
		if verdicts > 1 || verdicts == 0 && back == 0 {
			t.Errorf("said %v", w.said)
		}
	}
	over := []act{sayVoided, sayRefunded}
	no := append([]act{sayDeclined, sayUnavailable, sayFailed, sayOver}, over...)
	for command, answers := range map[event][]act{authorizeAsked: append([]act{sayAuthorized}, no...), captureAsked: append([]act{sayProcessed}, no...), voidAsked: over} {
		if at, asked := w.asked[command]; asked && !slices.ContainsFunc(w.said[at:], func(a act) bool { return slices.Contains(answers, a) }) {
			t.Errorf("%s was not answered: %v, after %d of them", command, w.said, at)
		}
	}
}
