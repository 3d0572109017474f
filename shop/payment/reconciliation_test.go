package payment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	_ "modernc.org/sqlite" // to write into the provider's ledger behind its back
)

// newLedgers has both ledgers, and settles at once.
func newLedgers(t *testing.T) *provided {
	b := newProvided(t)
	b.Ledger = Reconciliation{Settle: time.Microsecond, Page: 3}
	b.Longest = 20 * time.Millisecond
	b.work()
	return b
}

// falsify changes the provider's ledger behind its back.
func (b *provided) falsify(query string, args ...any) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+b.ledger+"?_pragma=busy_timeout(5000)")
	b.must(err)
	defer db.Close()
	_, err = db.Exec(query, args...)
	b.must(err)
}

// reconcileOnce takes one page, as a worker would, and returns how long it is to the next.
func (b *bench) reconcileOnce() (rest time.Duration, err error) {
	b.Helper()
	m, err := message.Encode("provider", reconcile{})
	b.must(err)
	handlers := b.Queues()
	h := handlers[len(handlers)-1]
	got, err := h.Call(b.Context(), m)
	if err != nil {
		return 0, err
	}
	_, err = b.DB.Update(b.Context(), []string{"provider"}, func(tx *store.Tx) error {
		b.must(h.Record(context.Background(), tx, m, got))
		return nil
	})
	b.must(err)
	b.must(b.DB.View(b.Context(), func(tx *store.Tx) error {
		var due time.Time
		_, err := tx.Row([]any{&due}, `SELECT due FROM job WHERE id = $1`, reconcileID)
		rest = time.Until(due)
		return err
	}))
	return rest, nil
}

// round compares both ledgers to the end, and returns how many pages that took.
func (b *bench) round() (pages int) {
	b.Helper()
	for rest := time.Duration(0); rest < 10*time.Second; pages++ {
		var err error
		if rest, err = b.reconcileOnce(); err != nil || pages > 100 {
			b.Fatalf("page %d: %v", pages, err)
		}
	}
	return pages
}

const (
	inTheOpen = `SELECT order_id || ' ' || kind FROM discrepancy WHERE resolved = 0 AND found > 0 ORDER BY 1`
	remembers = `SELECT order_id || ' ' || kind FROM discrepancy WHERE resolved > 0 ORDER BY 1`
	inDoubt   = `SELECT CAST(COUNT(*) AS TEXT) FROM discrepancy WHERE resolved = 0 AND found = 0`
	chargesAt = `INSERT INTO charge (key, n, order_id, amount, currency, status, reference, at) VALUES `
	refundsAt = `INSERT INTO refund (key, n, charge_key, order_id, amount, currency, reference, at) VALUES `
)

// paid, unpaid, ends and back take an order to a state, with the real provider.
func (b *provided) paid(o string) {
	b.must(b.hear(created(o, "ok"), o))
	b.await("PaymentProcessed", facts, o)
}

func (b *provided) unpaid(o string) {
	b.must(b.hear(created(o, "unavailable"), o))
	b.await("PaymentFailed", facts, o)
}

func (b *provided) over(o string) { b.must(b.hear(contract.OrderCancelled{OrderID: o}, o)) }

func (b *provided) back(o string) {
	b.paid(o)
	b.over(o)
	b.await("PaymentProcessed,PaymentRefunded", facts, o)
}

func now() int64 { return time.Now().UnixMicro() }

// Each way in which the ledgers can differ is found once, and is resolved when they do not
// differ any more.
func TestDiscrepancies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(*provided) // what happens to the order o
		wrong  func(*provided) // and to one of the ledgers
		kind   string          // of what is found
		right  func(*provided) // nil: it is mended
	}{
		{"captured there, of an order that nobody knows", func(*provided) {},
			func(b *provided) {
				b.falsify(chargesAt+`('pay-o', 900, 'o', 2500, 'USD', 'captured', 'ch_x', ?)`, now())
			}, "capture_unknown",
			func(b *provided) { b.falsify(`UPDATE charge SET status = 'voided' WHERE key = 'pay-o'`); b.forget() }},
		{"captured there under another key", func(b *provided) { b.paid("o") },
			func(b *provided) {
				b.falsify(chargesAt+`('again', 900, 'o', 2500, 'USD', 'captured', 'ch_x', ?)`, now())
			}, "capture_unknown",
			func(b *provided) { b.forget() }},
		{"another amount", func(b *provided) { b.paid("o") },
			func(b *provided) { b.falsify(`UPDATE charge SET amount = 2400 WHERE key = 'pay-o'`) }, "capture_differs",
			func(b *provided) { b.falsify(`UPDATE charge SET amount = 2500 WHERE key = 'pay-o'`) }},
		{"another currency", func(b *provided) { b.paid("o") },
			func(b *provided) { b.falsify(`UPDATE charge SET currency = 'EUR' WHERE key = 'pay-o'`) }, "capture_differs",
			func(b *provided) { b.falsify(`UPDATE charge SET currency = 'USD' WHERE key = 'pay-o'`) }},
		{"another reference", func(b *provided) { b.paid("o") },
			func(b *provided) { b.exec(`UPDATE payment SET reference = 'ch_x' || reference WHERE order_id = 'o'`) }, "capture_differs",
			func(b *provided) { b.exec(`UPDATE payment SET reference = SUBSTR(reference, 5) WHERE order_id = 'o'`) }},
		{"captured there, given up here", func(b *provided) { b.unpaid("o") },
			func(b *provided) {
				b.falsify(`UPDATE charge SET status = 'captured', order_id = 'o', amount = 2500, currency = 'USD' WHERE key = 'pay-o'`)
			}, "capture_unwanted", nil},
		{"captured there, ended here before it began", func(b *provided) { b.over("o") },
			func(b *provided) {
				b.falsify(chargesAt+`('pay-o', 900, 'o', 2500, 'USD', 'captured', 'ch_x', ?)`, now())
			}, "capture_unwanted", nil},
		{"captured here only", func(b *provided) { b.paid("o") },
			func(b *provided) { b.falsify(`UPDATE charge SET status = 'declined' WHERE key = 'pay-o'`) }, "capture_missing",
			func(b *provided) { b.falsify(`UPDATE charge SET status = 'captured' WHERE key = 'pay-o'`) }},
		{"refunded there by hand", func(b *provided) { b.paid("o") },
			func(b *provided) {
				b.falsify(refundsAt+`('by hand', 900, 'pay-o', 'o', 2500, 'USD', 're_x', ?)`, now())
			}, "refund_unknown",
			func(b *provided) { b.forget() }},
		{"refunded there only", func(b *provided) { b.paid("o") },
			func(b *provided) {
				b.falsify(refundsAt+`('refund-o', 900, 'pay-o', 'o', 2500, 'USD', 're_x', ?)`, now())
			}, "refund_unknown",
			func(b *provided) { b.over("o"); b.await("PaymentProcessed,PaymentRefunded", facts, "o") }},
		{"refunded here only", func(b *provided) { b.back("o") },
			func(b *provided) { b.falsify(`UPDATE refund SET order_id = 'x', key = 'refund-x'`) }, "refund_missing",
			func(b *provided) { b.falsify(`UPDATE refund SET order_id = 'o', key = 'refund-o'`); b.forgetAbout("x") }},
		{"another amount refunded", func(b *provided) { b.back("o") },
			func(b *provided) { b.falsify(`UPDATE refund SET amount = 100`) }, "refund_differs",
			func(b *provided) { b.falsify(`UPDATE refund SET amount = 2500`) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newLedgers(t)
			for i := range 4 { // others, of which nothing is wrong
				b.paid(fmt.Sprint("a", i))
			}
			tt.before(b)
			tt.wrong(b)
			b.round()
			open := func() string { return b.read(inTheOpen + ` LIMIT 1`) }
			if got, want := open(), "o "+tt.kind; got != want {
				t.Fatalf("found %q, want %q", got, want)
			}
			since := b.read(`SELECT CAST(found AS TEXT) FROM discrepancy WHERE order_id = 'o'`)
			if tt.right == nil {
				b.await("refunded", `SELECT status FROM payment WHERE order_id = 'o'`)
				b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE id <> $1`, reconcileID)
			} else {
				b.round()
				if got := b.read(`SELECT CAST(found AS TEXT) FROM discrepancy WHERE order_id = 'o'`); got != since || open() != "o "+tt.kind {
					t.Errorf("found again: %s at %s, was at %s", open(), got, since)
				}
				tt.right(b)
			}
			b.again()
			b.round()
			if got := b.read(inTheOpen); got != "" {
				t.Errorf("still open: %q", got)
			}
			if got := b.read(remembers); tt.right == nil && got != "o "+tt.kind {
				t.Errorf("remembered %q, want that it was mended", got)
			}
		})
	}
}

// forget is what an operator does to settle the case with the provider: here, that it is gone.
func (b *provided) forget() {
	b.falsify(`DELETE FROM refund WHERE key = 'by hand'`)
	b.falsify(`DELETE FROM charge WHERE key = 'again'`)
	b.exec(`UPDATE discrepancy SET theirs = ''`)
}

func (b *provided) forgetAbout(order string) {
	b.exec(`UPDATE discrepancy SET theirs = '' WHERE order_id = $1`, order)
}

// again begins the next pass at the beginning, as after a week.
func (b *bench) again() { b.exec(`UPDATE reconciliation SET place = '', upto = 0`) }

// Beside live traffic, with all its lost answers, nothing is taken for wrong.
func TestNoFalseAlarm(t *testing.T) {
	b := newLedgers(t)
	b.Ledger = Reconciliation{Settle: 100 * time.Millisecond, Page: 7}
	b.faults(`{"duplicate":true}`)
	methods := []string{"ok", "declined", "fails_twice", "timeout_captured", "timeout_lost", "slow"}
	const orders = 90
	for i := range orders {
		o := fmt.Sprint("o", i)
		b.must(b.hear(created(o, methods[i%len(methods)]), o))
		if i%4 == 0 {
			b.over(o)
		}
		if i%10 == 0 {
			_, err := b.reconcileOnce()
			b.must(err)
		}
	}
	b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE id <> $1`, reconcileID)
	for tick, rounds := time.NewTicker(50*time.Millisecond), 0; rounds < 4; rounds++ { // past the last that has not settled
		b.round()
		<-tick.C
	}
	if got := b.read(`SELECT order_id || ' ' || entry || ' ' || kind || ' ' || ours || ' ' || theirs FROM discrepancy`); got != "" {
		t.Errorf("in doubt: %s", got)
	}
	if got, want := b.read(`SELECT place FROM reconciliation`), b.lastCursor(); got != want {
		t.Errorf("compared up to %s, the ledger goes to %s", got, want)
	}
}

func (b *provided) lastCursor() (cursor string) {
	page, err := b.Provider.Ledger(b.Context(), "", 1000)
	b.must(err)
	return page.Entries[len(page.Entries)-1].Cursor
}

// Money whose answer is on its way is looked at again, and is no discrepancy.
func TestOnItsWayIsNotWrong(t *testing.T) {
	b := newProvided(t)
	b.Ledger = Reconciliation{Settle: time.Microsecond}
	b.must(b.hear(created("o", "ok"), "o")) // no worker: the answer is lost
	b.Provider.Charge(t.Context(), asked().Charge)
	b.round()
	if got := b.read(inTheOpen) + b.read(inDoubt); got != "1" {
		t.Errorf("got %s, want one that is in doubt and none that is open", got)
	}
	b.work()
	b.await("PaymentProcessed", facts, "o")
	b.round()
	if got := b.read(`SELECT order_id FROM discrepancy`); got != "" {
		t.Errorf("answered, and still in doubt: %s", got)
	}
}

// Each entry is read once: the next round begins where the last one ended.
func TestCursorMoves(t *testing.T) {
	b := newLedgers(t)
	for i := range 8 {
		b.paid(fmt.Sprint("o", i))
	}
	if got := b.round(); got != 3 {
		t.Errorf("8 entries by 3: %d pages, want 3", got)
	}
	if got := b.round(); got != 1 {
		t.Errorf("nothing new: %d pages, want 1", got)
	}
	b.exec(`UPDATE reconciliation SET begun = 1`) // long ago
	b.round()
	if got := b.round(); got != 3 {
		t.Errorf("from the beginning: %d pages, want 3", got)
	}
}

// Many that are wrong at once are found in pieces, none is passed over.
func TestManyDiscrepancies(t *testing.T) {
	b := newLedgers(t)
	for i := range 10 {
		b.paid(fmt.Sprint("o", i))
	}
	b.falsify(`UPDATE charge SET amount = 1`)
	b.round()
	if got := strings.Count(b.read(inTheOpen), "capture_differs"); got != 10 {
		t.Errorf("found %d of 10", got)
	}
	n, done, err := countDiscrepancies(t.Context(), b.DB)
	if err != nil || n != 10 || time.Since(done) > time.Minute {
		t.Errorf("measured %d, done at %v, %v", n, done, err)
	}
}

// A page that another instance has recorded meanwhile changes nothing.
func TestPageComparedTwice(t *testing.T) {
	b := newLedgers(t)
	b.paid("o")
	late, err := b.compare(t.Context(), message.Of[reconcile]{})
	b.must(err)
	b.round()
	at := b.read(`SELECT place || ' ' || upto FROM reconciliation`)
	late.suspects = append(late.suspects, suspicion{movement: movement{"o", captureEntry, "pay-o"}})
	_, err = b.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		return b.recordCompared(t.Context(), tx, message.Of[reconcile]{}, late)
	})
	b.must(err)
	if got := b.read(`SELECT place || ' ' || upto FROM reconciliation`); got != at || b.read(`SELECT order_id FROM discrepancy`) != "" {
		t.Errorf("got %s, want %s and nothing in doubt", got, at)
	}
}

// The work is there once, however many begin it, and comes again by itself. A provider
// that is away costs it no attempt.
func TestReconciliationGoesOnForEver(t *testing.T) {
	b := newProvided(t)
	b.Ledger = Reconciliation{Every: 20 * time.Millisecond, Settle: time.Microsecond}
	jobs := func() string {
		return b.read(`SELECT id || ' ' || dead FROM job WHERE queue = 'payment_reconciliation'`)
	}
	for range 2 {
		b.must(b.begin(t.Context()))
	}
	if got, want := jobs(), reconcileID+" 0"; got != want {
		t.Errorf("jobs: got %q, want %q", got, want)
	}
	b.exec(`UPDATE job SET dead = 1`)
	b.must(b.begin(t.Context()))
	if got, want := jobs(), reconcileID+" 0"; got != want {
		t.Errorf("after it died: got %q, want %q", got, want)
	}
	b.work()
	stop := b.workOn(reconcile{}.Queue())
	for i := range 3 {
		b.paid(fmt.Sprint("o", i))
		b.await(b.lastCursor(), `SELECT place FROM reconciliation`)
	}
	stop()
	b.gone()
	_, err := b.reconcileOnce()
	next := failure.Policy{}.Judge(failure.History{}, time.Now(), err)
	if !errors.Is(err, ErrAway) || next.Dead || next.Past.Attempts != 0 {
		t.Errorf("away: got %v, dead %v after %d attempts", err, next.Dead, next.Past.Attempts)
	}
}

// Run begins the work and ends with its context.
func TestRun(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Service.Run(ctx) }()
	b.await(reconcileID, `SELECT id FROM job`)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	got, err := queue.Table{DB: b.DB}.Receive(t.Context(), reconcile{}.Queue(), 2)
	if err != nil || len(got) != 1 || got[0].Kind != "reconcile" {
		t.Errorf("received %v, %v", got, err)
	}
}
