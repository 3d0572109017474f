package payment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
)

// heldMoney is what is open at the provider: held, and neither captured nor given up.
const heldMoney = `SELECT key FROM hold WHERE key NOT IN (SELECT key FROM charge)`

// In two steps each method of payment comes to what it comes to in one.
func TestMethodsInTwoSteps(t *testing.T) {
	for _, tt := range []struct {
		method, trail, facts, reason, captures string
	}{
		{"ok", "authorize authorized,capture captured", "PaymentAuthorized,PaymentProcessed", "", "pay-o 2500"},
		{"declined", "authorize declined", "PaymentFailed", "payment_declined", ""},
		{"declined_late", "authorize authorized,capture declined", "PaymentAuthorized,PaymentFailed", "payment_declined", ""},
		{"fails_twice", "authorize unavailable,authorize unavailable,authorize authorized,capture captured", "PaymentAuthorized,PaymentProcessed", "", "pay-o 2500"},
		{"unavailable", "authorize unavailable,authorize unavailable,authorize unavailable,void voided", "PaymentFailed", "payment_unavailable", ""},
		{"timeout_captured", "authorize authorized,capture unknown,lookup captured", "PaymentAuthorized,PaymentProcessed", "", "pay-o 2500"},
		{"timeout_lost", "authorize unknown,lookup not_found,authorize unknown,lookup not_found,authorize unknown,lookup not_found,void voided",
			"PaymentFailed", "payment_unavailable", ""},
		{"slow", "authorize authorized,capture captured", "PaymentAuthorized,PaymentProcessed", "", "pay-o 2500"},
	} {
		for _, faults := range []string{`{}`, `{"duplicate":true}`} {
			t.Run(tt.method+faults, func(t *testing.T) {
				b := newProvided(t)
				b.faults(faults)
				b.work()
				b.must(b.hear(toHold("o", tt.method), "o"))
				if first, _, two := strings.Cut(tt.facts, ","); two {
					b.await(first, facts, "o")
					b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
				}
				b.await(tt.facts, facts, "o")
				if got := b.read(trail, "o"); got != tt.trail && faults == `{}` {
					t.Errorf("calls:\ngot  %s\nwant %s", got, tt.trail)
				}
				if got := b.read(`SELECT reason FROM payment`); got != tt.reason {
					t.Errorf("reason: got %q, want %q", got, tt.reason)
				}
				tries := strings.Count(b.read(trail, "o"), "authorize ") + strings.Count(b.read(trail, "o"), "capture ")
				if got, want := b.read(`SELECT CAST(attempts AS TEXT) FROM payment`), fmt.Sprint(tries); got != want {
					t.Errorf("%s tries are counted, want %s", got, want)
				}
				if got := b.read(`SELECT CAST(COUNT(*) AS TEXT) FROM job`); got != "0" {
					t.Errorf("got %s jobs left, want 0", got)
				}
				if got := b.captures(); got != tt.captures {
					t.Errorf("captured: got %q, want %q", got, tt.captures)
				}
				if got := b.peek(heldMoney); got != "" {
					t.Errorf("still held: %s", got)
				}
			})
		}
	}
}

// An order is called off at each moment of its payment: nothing stays held nor captured,
// and the command is answered, also when it comes twice.
func TestVoidAtEachMoment(t *testing.T) {
	authorizing, capturing := contract.AuthorizePayment{}.Kind(), contract.CapturePayment{}.Kind()
	for _, tt := range []struct {
		name, after string // the facts before; after the last of them it is called off
		ask         []string
		want        string
	}{
		{"before it began", "", nil, "PaymentVoided,PaymentVoided"},
		{"while it is authorized", "", []string{authorizing}, "PaymentVoided,PaymentVoided"},
		{"when it is held", "PaymentAuthorized", []string{authorizing}, "PaymentAuthorized,PaymentVoided,PaymentVoided"},
		{"while it is captured", "PaymentAuthorized", []string{authorizing, capturing}, "PaymentAuthorized,PaymentRefunded,PaymentRefunded"},
		{"when it is paid", "PaymentAuthorized,PaymentProcessed", []string{authorizing, capturing}, "PaymentAuthorized,PaymentProcessed,PaymentRefunded,PaymentRefunded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newProvided(t)
			b.faults(`{}`) // it is there
			commands := map[string]message.Kind{authorizing: toHold("o", "ok"), capturing: contract.CapturePayment{OrderID: "o"}}
			said := ""
			for i, ask := range tt.ask {
				b.must(b.hear(commands[ask], "o"))
				if parts := strings.Split(tt.after, ","); tt.after != "" && i < len(parts) {
					said = strings.Join(parts[:i+1], ",")
					stop := b.work()
					b.await(said, facts, "o")
					stop()
				}
			}
			b.must(b.hear(contract.VoidPayment{OrderID: "o"}, "o"))
			b.work()
			one := tt.want[:strings.LastIndex(tt.want, ",")]
			b.await(one, facts, "o")
			b.must(b.hear(contract.VoidPayment{OrderID: "o"}, "o"))
			b.await(tt.want, facts, "o")
			b.must(b.hear(toHold("o", "ok"), "o")) // what it overtook finds the tombstone
			b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job`)
			if got := b.read(facts, "o"); got != tt.want+",PaymentFailed" {
				t.Errorf("then said %s, want PaymentFailed behind %s", got, tt.want)
			}
			b.captures() // ends the simulator
			if got := b.peek(heldMoney); got != "" {
				t.Errorf("still held: %s", got)
			}
			if got := b.read(`SELECT CAST(COALESCE(SUM(CASE kind WHEN 'capture' THEN amount ELSE -amount END), 0) AS TEXT) FROM entry`); got != "0" {
				t.Errorf("%s is kept, want nothing", got)
			}
		})
	}
}

// A hold posts nothing: only what moves money is booked.
func TestHoldPostsNothing(t *testing.T) {
	b := newBench(t)
	b.must(b.hear(toHold("o", "ok"), "o"))
	b.must(b.answer(authorize{asked()}, Authorized))
	if got := b.read(`SELECT id FROM entry`); got != "" {
		t.Errorf("booked %s", got)
	}
	b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
	b.must(b.answer(capture{asked()}, Captured))
	if got, want := b.read(`SELECT id || ' ' || debit || ' ' || credit FROM entry`), "capture-o provider sales:USD"; got != want {
		t.Errorf("booked %s, want %s", got, want)
	}
}

// A capture is tried so often, and the tries for the hold do not count against it. What
// the provider still holds then is voided.
func TestCaptureHasTriesOfItsOwn(t *testing.T) {
	b := newBench(t)
	b.must(b.hear(toHold("o", "ok"), "o"))
	for _, o := range []Outcome{Unavailable, Unavailable, Authorized} {
		b.must(b.answer(authorize{asked()}, o))
	}
	b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
	for try := range 3 {
		if got := b.read(`SELECT status FROM payment`) + b.read(`SELECT DISTINCT kind FROM journal`); got != "capturingPaymentAuthorized" {
			t.Fatalf("try %d: %s", try+1, got)
		}
		b.must(b.answer(capture{asked()}, Unknown))
		b.exec(`DELETE FROM job`)
		b.must(b.answer(lookup{asked()}, Authorized))
	}
	if got := b.read(`SELECT kind FROM job WHERE kind <> 'authorize' AND kind <> 'capture'`); got != "void" {
		t.Errorf("after three tries: %q, want a void", got)
	}
	b.must(b.answer(void{asked()}, Voided))
	if got := b.read(`SELECT status || ' ' || reason || ' ' || attempts || ' ' || captures FROM payment`); got != "failed payment_unavailable 6 3" {
		t.Errorf("got %s", got)
	}
}

// Where the order conducts, it says what is undone when: that there is no stock is not
// for payment to act on.
func TestStockRefusedByStyle(t *testing.T) {
	for style, want := range map[string]string{contract.Choreographed: "refunding", contract.Parallel: "refunding", contract.Orchestrated: "captured"} {
		b := newBench(t)
		if style == contract.Orchestrated {
			b.must(b.hear(toHold("o", "ok"), "o"))
			b.must(b.answer(authorize{asked()}, Authorized))
			b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
			b.must(b.answer(capture{asked()}, Captured))
		} else {
			o := created("o", "ok")
			o.Style = style
			b.must(b.hear(o, "o"))
			b.must(b.answer(charge{asked()}, Captured))
		}
		b.must(b.hear(contract.InventoryUpdateFailed{OrderID: "o"}, "o"))
		if got := b.read(`SELECT status FROM payment`); got != want {
			t.Errorf("%s: %s, want %s", style, got, want)
		}
	}
}

// What nobody can hold is dead at once, and stores nothing.
func TestHoldThatPaymentCannotTake(t *testing.T) {
	for name, c := range map[string]contract.AuthorizePayment{
		"no amount": {OrderID: "o", Currency: "USD"},
		"no id":     {Amount: 1, Currency: "USD"},
	} {
		b := newBench(t)
		err := b.hear(c, "o")
		if err == nil || !(failure.Policy{}).Judge(failure.History{}, time.Now(), err).Dead || b.read(`SELECT order_id FROM payment`) != "" {
			t.Errorf("%s: got %v, want it dead at once and nothing stored", name, err)
		}
	}
}

// A capture waits for a provider that is away, and its order is called off meanwhile: it is
// voided, and never captured.
func TestCalledOffWhileTheProviderIsAway(t *testing.T) {
	b := newProvided(t)
	b.Longest = 100 * time.Millisecond
	g, err := Guard(b.Provider, Breaker{Rest: 500 * time.Millisecond})
	b.must(err)
	b.Provider = g
	stop := b.work()
	b.must(b.hear(toHold("o", "ok"), "o"))
	b.await("PaymentAuthorized", facts, "o")
	stop()
	g.breaker.Open()
	b.work()
	b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
	b.await("1", `SELECT '1' FROM job WHERE past LIKE '%`+notAsked+`%'`)
	b.must(b.hear(contract.OrderFailed{OrderID: "o", Reason: "timed_out"}, "o"))
	b.await("PaymentAuthorized,PaymentVoided", facts, "o")
	if got, want := b.read(trail, "o"), "authorize authorized,void voided"; got != want {
		t.Errorf("calls: got %s, want %s", got, want)
	}
	if got := b.captures() + b.peek(heldMoney); got != "" {
		t.Errorf("at the provider: %s", got)
	}
}

// The process dies between two writes of either step, and another one goes on.
func TestCrashAroundEachStep(t *testing.T) {
	for _, step := range []string{"authorize", "capture"} {
		for name, dying := range map[string]func(*provided, queue.Handler, message.Message){
			"before the call": func(*provided, queue.Handler, message.Message) {},
			"after the call": func(b *provided, h queue.Handler, m message.Message) {
				if outcome, err := h.Call(b.Context(), m); err != nil || outcome.(told).Outcome == Unknown {
					b.Fatalf("call: got %v, %v", outcome, err)
				}
			},
		} {
			t.Run(step+", "+name, func(t *testing.T) {
				b := newProvided(t)
				b.must(b.hear(toHold("o", "ok"), "o"))
				if step == "capture" {
					stop := b.work()
					b.await("PaymentAuthorized", facts, "o")
					stop()
					b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
				}
				got, err := queue.Table{DB: b.DB}.Receive(t.Context(), task{}.Queue(), 1)
				if err != nil || len(got) != 1 || got[0].Kind != step {
					t.Fatalf("receive: got %v, %v", got, err)
				}
				handlers := b.Queues()
				dying(b, handlers[slices.IndexFunc(handlers, func(h queue.Handler) bool { return h.Kind == step })], got[0].Message)
				b.restart()
				b.must(queue.Table{DB: b.DB}.Recover(t.Context()))
				b.work()
				b.await("PaymentAuthorized", facts+` LIMIT 1`, "o")
				if step == "authorize" {
					b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
				}
				b.await("PaymentAuthorized,PaymentProcessed", facts, "o")
				if got := b.captures(); got != "pay-o 2500" {
					t.Errorf("provider: got %q, want one capture", got)
				}
			})
		}
	}
}

// When the provider is called, for either step, the key it gets is on disk already.
func TestKeyStoredBeforeEachStep(t *testing.T) {
	b := newProvided(t)
	b.Provider = stepping{b.Provider, func(c Charge) {
		if stored := b.read(`SELECT key FROM payment WHERE order_id = $1`, c.OrderID); stored != c.Key || stored != chargeKey("o") {
			t.Errorf("sent the key %q, stored was %q", c.Key, stored)
		}
	}}
	b.work()
	b.must(b.hear(toHold("o", "fails_twice"), "o"))
	b.await("PaymentAuthorized", facts, "o")
	b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
	b.await("PaymentAuthorized,PaymentProcessed", facts, "o")
}

// A stepping provider calls look before it holds or captures.
type stepping struct {
	Provider
	look func(Charge)
}

func (s stepping) Authorize(ctx context.Context, c Charge) Answer {
	s.look(c)
	return s.Provider.Authorize(ctx, c)
}

func (s stepping) Capture(ctx context.Context, c Charge) Answer {
	s.look(c)
	return s.Provider.Capture(ctx, c)
}
