package payment

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// A Reconciliation says how the provider's ledger is compared with ours. The zero value
// is the default.
type Reconciliation struct {
	Every  time.Duration // from the end of a round to the next; 1m
	Settle time.Duration // age of an entry, before which its answer may be on its way; 1m
	Whole  time.Duration // from a pass over all of the ledger to the next; 168h
	Page   int           // entries that are asked for at a time; 500
}

func (r Reconciliation) every() time.Duration  { return cmp.Or(r.Every, time.Minute) }
func (r Reconciliation) settle() time.Duration { return cmp.Or(r.Settle, time.Minute) }
func (r Reconciliation) page() int             { return cmp.Or(r.Page, 500) }

// A bookmark is how far the ledgers have been compared.
type bookmark struct {
	place       string
	upto        time.Time
	watched     string
	begun, done time.Time // the last pass from the beginning, and the last round
}

// over returns b when a round is over: back at the beginning if it is time for that, for
// of what was compared before, either ledger may have lost something since.
func (b bookmark) over(now time.Time, whole time.Duration) bookmark {
	b.done = now
	switch {
	case b.begun.UnixMicro() == 0: // that was the first
		b.begun = now
	case now.Sub(b.begun) >= whole:
		b.place, b.upto, b.begun = "", time.UnixMicro(0), now
	}
	return b
}

// A suspicion is a movement of which the ledgers seem to say different things.
type suspicion struct {
	movement
	theirs claim
}

// A comparison is what came of a page of the provider's ledger.
type comparison struct {
	from, to bookmark
	end      bool // there is no more to compare for now
	suspects []suspicion
}

// compare reads the next page of the provider's ledger and what we have beside it. It
// only suspects, outside any transaction; recordCompared decides. Neither ledger changes
// what it says, so what agrees once agrees for ever, and costs no row and no lock.
func (s *Service) compare(ctx context.Context, _ message.Of[reconcile]) (c comparison, err error) {
	defer func() {
		if err != nil { // however long it lasts: nobody is to blame, and nobody gives up
			err = failure.Wait(s.Ledger.every()/2, err)
		}
	}()
	if err := s.DB.View(ctx, func(tx *store.Tx) error { c.from, err = loadBookmark(tx); return err }); err != nil {
		return c, err
	}
	page, err := s.Provider.Ledger(ctx, c.from.place, s.Ledger.page())
	if err != nil {
		return c, err
	}
	settled := page.Now.Add(-s.Ledger.settle()).Truncate(time.Microsecond)
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		c, err = c.from.compare(tx, page.Entries, settled, s.Ledger.page())
		return err
	})
	return c, err
}

// compare compares entries behind b with what we have of the same time. A page that is
// not full is the last.
func (b bookmark) compare(tx *store.Tx, entries []Entry, settled time.Time, full int) (comparison, error) {
	c := comparison{from: b, to: b, end: len(entries) < full}
	for i, e := range entries {
		if e.At.After(settled) {
			entries, c.end = entries[:i], true
			break
		}
	}
	c.to.upto = settled
	if !c.end { // the latest: a clock may have been set back
		c.to.upto = slices.MaxFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) }).At
	}
	ours, more, err := madeBetween(tx, b.upto, c.to.upto, 2*full)
	if err != nil {
		return c, err
	}
	if more { // as far as both go
		c.to.upto, c.end = ours[len(ours)-1].made, false
		for i, e := range entries {
			if e.At.After(c.to.upto) {
				entries = entries[:i]
				break
			}
		}
	}
	if len(entries) > 0 {
		c.to.place = entries[len(entries)-1].Cursor
	}
	if c.to.upto.Before(b.upto) { // the provider's clock went back
		c.to.upto = b.upto
	}
	c.suspects, err = suspect(tx, entries, ours)
	return c, err
}

// suspect returns what the two sides do not agree about. What was in doubt before, and
// turns up now, is told once more: with what the provider says of it.
func suspect(tx *store.Tx, entries []Entry, ours []made) (suspects []suspicion, err error) {
	theirs, orders := map[movement]claim{}, []string{}
	for _, e := range entries {
		if hold, over := e.releases(); over {
			theirs[hold] = claim{}
			orders = append(orders, e.OrderID)
		}
		if m, c, moved := e.movement(); moved {
			theirs[m] = c
			orders = append(orders, m.orderID)
		}
	}
	for _, m := range ours {
		orders = append(orders, m.orderID)
	}
	stands, err := standsOf(tx, orders)
	if err != nil {
		return nil, err
	}
	before, err := openOf(tx, orders)
	if err != nil {
		return nil, err
	}
	for m, c := range theirs {
		if _, doubted := before[m]; doubted || stands[m.orderID].differ(m, c.words) != "" {
			suspects = append(suspects, suspicion{m, c})
		}
	}
	for _, o := range ours {
		m := stands[o.orderID].movement(o.orderID, o.kind)
		if _, doubted := before[m]; theirs[m] == (claim{}) && !doubted {
			suspects = append(suspects, suspicion{movement: m})
		}
	}
	return suspects, nil
}

// reconcileID names the one job that comes again: there are never two.
const reconcileID = "payment-reconciliation"

// recordCompared stores how far the ledgers were compared, with what is suspected. At the
// end of the provider's ledger it looks at all that is in doubt once more, and decides.
func (s *Service) recordCompared(_ context.Context, tx *store.Tx, _ message.Of[reconcile], c comparison) error {
	due := tx.Now
	b, err := loadBookmark(tx)
	if err != nil {
		return err
	}
	// Else another has been here, under a lease that was lost.
	if b.place == c.from.place && b.upto.Equal(c.from.upto) && b.watched == c.from.watched {
		b = c.to
		for _, d := range c.suspects {
			if err := openDiscrepancy(tx, d); err != nil {
				return err
			}
		}
		over := false
		if c.end {
			if b.watched, over, err = s.decide(tx, b.watched); err != nil {
				return err
			}
		}
		if over {
			due = tx.Now.Add(s.Ledger.every())
			b = b.over(tx.Now, cmp.Or(s.Ledger.Whole, 7*24*time.Hour))
		}
		if err := saveBookmark(tx, b); err != nil {
			return err
		}
	}
	return tx.SendAs(reconcileID, due, "provider", reconcile{})
}

// decide looks again at movements in doubt, of orders after one, and returns the last at
// which it looked; none, and that it is over, if there are no more. It reads the payments
// without their locks: it takes only those for wrong for which nobody waits any more, and
// of those nothing changes but by an answer to what is asked here.
func (s *Service) decide(tx *store.Tx, after string) (last string, over bool, err error) {
	open, more, err := openAfter(tx, after, s.Ledger.page())
	if err != nil {
		return "", false, err
	}
	var orders []string
	for _, d := range open {
		orders = append(orders, d.orderID)
		last = d.orderID
	}
	stands, err := standsOf(tx, orders)
	if err != nil {
		return "", false, err
	}
	for _, d := range open {
		now := stands[d.orderID]
		kind := now.differ(d.movement, d.theirs.words)
		switch {
		case kind == "":
			err = resolveDiscrepancy(tx, d)
		case now.waits(d.movement):
		// It may have been given up just now: the word of that would have been read twice since.
		case d.movement.kind == holdEntry && tx.Now.Sub(d.seen) < 2*s.Ledger.settle():
		default:
			err = s.report(tx, d, kind, now)
		}
		if err != nil {
			return "", false, err
		}
	}
	if !more {
		last = ""
	}
	return last, !more, nil
}

// report tells people that something is wrong, once. Money that was captured after all is asked for
// once, under its own key, and a hold that nobody wants is voided: what then becomes of it, rules say.
func (s *Service) report(tx *store.Tx, d discrepancy, kind string, now stand) error {
	if err := confirmDiscrepancy(tx, d, kind, now.words(d.movement)); err != nil || d.confirmed {
		return err
	}
	slog.Error("the provider's ledger and ours differ", "order", d.orderID, "kind", kind, "ours", now.words(d.movement), "theirs", d.theirs.words)
	t := task{Charge: Charge{Key: d.key, OrderID: d.orderID, Amount: d.theirs.amount, Currency: d.theirs.currency}}
	switch kind {
	case unwanted:
		return tx.SendAs("mend-"+d.orderID, tx.Now, d.orderID, lookup{t})
	case holding:
		return tx.SendAs("mend-"+d.orderID, tx.Now, d.orderID, void{t})
	}
	return nil
}

// Run sees to it that the ledgers are compared for ever, and measures what is open, until
// ctx ends. Any number of instances run it.
func (s *Service) Run(ctx context.Context) error {
	stop, err := s.measure()
	if err != nil {
		return err
	}
	defer stop()
	for idle := run.NewIdler(false); ctx.Err() == nil; idle.Wait(ctx, nil) {
		if err = s.begin(ctx); err == nil || !store.Away(err) {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("reconciliation: %w", err)
	}
	<-ctx.Done()
	return nil
}

// begin sends the work that sends itself from then on, where it is not on its way. One
// that died lives again.
func (s *Service) begin(ctx context.Context) error {
	_, err := s.DB.Update(ctx, []string{"provider"}, func(tx *store.Tx) error {
		if there, err := tx.Row([]any{nil}, `SELECT id FROM job WHERE id = $1 AND dead = 0`, reconcileID); err != nil || there {
			return err
		}
		return tx.SendAs(reconcileID, tx.Now, "provider", reconcile{})
	})
	return err
}

// measure makes the instruments, and returns what ends them.
func (s *Service) measure() (stop func(), err error) {
	meter := s.Meter
	if meter == nil {
		meter = noop.Meter{}
	}
	open, err := meter.Int64ObservableGauge("tidewire.payment.discrepancies", metric.WithDescription("Movements of money of which the provider's ledger and ours say different things."))
	if err != nil {
		return nil, err
	}
	age, err := meter.Float64ObservableGauge("tidewire.payment.reconciled", metric.WithUnit("s"), metric.WithDescription("Since the provider's ledger was compared with ours to its end."))
	if err != nil {
		return nil, err
	}
	reg, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		n, done, err := countDiscrepancies(ctx, s.DB)
		if err != nil {
			return err
		}
		o.ObserveInt64(open, n)
		if !done.IsZero() {
			o.ObserveFloat64(age, time.Since(done).Seconds())
		}
		return nil
	}, open, age)
	if err != nil {
		return nil, err
	}
	return func() { _ = reg.Unregister() }, nil // it only fails if it was never registered
}
