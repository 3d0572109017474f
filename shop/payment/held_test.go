package payment

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

const holdsAt = `INSERT INTO hold (key, n, order_id, amount, currency, method, reference, at) VALUES `

// held takes an order to where its money is held, and dropped to where it is no more.
func (b *provided) held(o string) {
	b.must(b.hear(toHold(o, "ok"), o))
	b.await("PaymentAuthorized", facts, o)
}

func (b *provided) dropped(o string) {
	b.held(o)
	b.must(b.hear(contract.VoidPayment{OrderID: o}, o))
	b.await("PaymentAuthorized,PaymentVoided", facts, o)
}

// A hold that nobody wants is found, and is voided where it is our own.
func TestForgottenHolds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(*provided)
		wrong  func(*provided)
		kind   string
		mended bool
	}{
		{"given up here, and still held there", func(b *provided) { b.dropped("o") },
			func(b *provided) { b.falsify(`DELETE FROM charge WHERE key = 'pay-o'`) }, "hold_unwanted", true},
		{"held there after it was given up", func(b *provided) { b.unpaid("o") },
			func(b *provided) {
				b.falsify(`DELETE FROM charge WHERE key = 'pay-o'`)
				b.falsify(holdsAt+`('pay-o', 900, 'o', 2500, 'USD', 'ok', 'au_x', ?)`, now())
			}, "hold_unwanted", true},
		{"held there, ended here before it began", func(b *provided) { b.over("o") },
			func(b *provided) {
				b.falsify(holdsAt+`('pay-o', 900, 'o', 2500, 'USD', 'ok', 'au_x', ?)`, now())
			}, "hold_unwanted", true},
		{"of an order that nobody knows", func(*provided) {},
			func(b *provided) {
				b.falsify(holdsAt+`('pay-o', 900, 'o', 2500, 'USD', 'ok', 'au_x', ?)`, now())
			}, "hold_unknown", false},
		{"under another key", func(b *provided) { b.paid("o") },
			func(b *provided) {
				b.falsify(holdsAt+`('again', 900, 'o', 2500, 'USD', 'ok', 'au_x', ?)`, now())
			}, "hold_unknown", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newLedgers(t)
			for i := range 4 { // others, of which nothing is wrong
				b.held(fmt.Sprint("a", i))
			}
			b.dropped("b")
			tt.before(b)
			tt.wrong(b)
			b.round()
			if got := b.read(inTheOpen); got != "" {
				t.Errorf("taken for wrong at first sight: %q", got)
			}
			b.later()
			b.round()
			if got := b.read(inTheOpen); got != "o "+tt.kind {
				t.Fatalf("found %q, want o %s", got, tt.kind)
			}
			if !tt.mended {
				b.falsify(`INSERT INTO charge (key, n, order_id, amount, currency, status, reference, at) SELECT key, 1000, order_id, amount, currency, 'voided', 'ch_x', ? FROM hold WHERE n = 900`, now())
			}
			b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE id <> $1`, reconcileID)
			b.round()
			if got := b.read(inTheOpen) + b.read(remembers); got != "o "+tt.kind {
				t.Errorf("then %q, want it remembered", got)
			}
			if got := b.peek(heldMoney); strings.Contains(got, "pay-o") || strings.Count(got, "pay-a") != 4 {
				t.Errorf("held are %s, want the four others", got)
			}
		})
	}
}

// later makes what was seen as old as it has to be.
func (b *bench) later() { b.exec(`UPDATE discrepancy SET seen = 1`) }

// Orders that are held, captured and called off beside the comparison are no discrepancy,
// however late the word of it is read.
func TestNoFalseAlarmAboutHolds(t *testing.T) {
	b := newLedgers(t)
	b.Ledger = Reconciliation{Settle: 100 * time.Millisecond, Page: 7}
	methods := []string{"ok", "declined_late", "fails_twice", "timeout_captured", "timeout_lost", "ok"}
	const orders = 60
	for i := range orders {
		o := fmt.Sprint("o", i)
		b.must(b.hear(toHold(o, methods[i%len(methods)]), o))
		if i%10 == 0 {
			_, err := b.reconcileOnce()
			b.must(err)
		}
	}
	b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE id <> $1`, reconcileID)
	for i := range orders {
		o := fmt.Sprint("o", i)
		switch status := b.read(`SELECT status FROM payment WHERE order_id = $1`, o); {
		case i%4 == 0:
			b.must(b.hear(contract.VoidPayment{OrderID: o}, o))
		case status == "authorized":
			b.must(b.hear(contract.CapturePayment{OrderID: o}, o))
		}
		if i%10 == 0 {
			_, err := b.reconcileOnce()
			b.must(err)
		}
	}
	b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE id <> $1`, reconcileID)
	for tick, rounds := time.NewTicker(50*time.Millisecond), 0; rounds < 6; rounds++ {
		b.round()
		<-tick.C
	}
	if got := b.read(`SELECT order_id || ' ' || entry || ' ' || kind || ' ' || ours || ' ' || theirs FROM discrepancy`); got != "" {
		t.Errorf("in doubt: %s", got)
	}
}

// A payment says where it stands, in words for customers.
func TestShowInTwoSteps(t *testing.T) {
	b := newBench(t)
	see := func(want string) {
		t.Helper()
		answer, err := b.get("o")
		b.must(err)
		v := answer.Body.(view)
		kinds := []string{v.Status}
		for _, a := range v.Attempts {
			kinds = append(kinds, a.Kind+" "+a.Status)
		}
		if got := strings.Join(kinds, ", "); got != want || len(v.Postings) > 0 {
			t.Errorf("got %s with %d postings, want %s with none", got, len(v.Postings), want)
		}
	}
	b.must(b.hear(toHold("o", "ok"), "o"))
	see("authorizing")
	b.must(b.answer(authorize{asked()}, Authorized))
	see("authorized, authorize authorized")
	b.must(b.hear(contract.CapturePayment{OrderID: "o"}, "o"))
	see("capturing, authorize authorized")
	b.must(b.hear(contract.VoidPayment{OrderID: "o"}, "o"))
	see("voiding, authorize authorized")
	b.must(b.answer(capture{asked()}, Unknown))
	b.must(b.answer(lookup{asked()}, Authorized))
	b.must(b.answer(void{asked()}, Voided))
	see("voided, authorize authorized, capture unknown, lookup authorized, void voided")
}
