package shipping

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// Parcels that are under way have one piece of work between them, not one each: it asks
// the carrier about those that move, and sends itself again for when the next one does.

// Tracking is the queue of that work. No order waits for it.
const Tracking = "shipping_tracking"

// A track is work: to ask the carrier about the parcels of which there may be something to
// tell by a time.
type track struct {
	Until time.Time `json:"until"`
}

// Kind is the name of the message.
func (track) Kind() string { return "track" }

// Queue is where the work waits.
func (track) Queue() string { return Tracking }

const (
	theTracking = "tracking" // the id of the work, and the key whose lock whoever sends it holds

	chunk    = 200              // parcels in one question, and in one commit
	patience = 10 * time.Second // with a carrier that does not answer
	pause    = time.Second      // before it is asked again what it should know by now
	loss     = time.Hour        // before it is asked again where a parcel is that it has lost
	every    = time.Second      // it is made sure that the work is there
	bound    = time.Minute      // beyond which a parcel is overdue
)

// An answer is what the carrier said of the parcel of an order.
type answer struct {
	asked   Waybill
	journey Journey
}

// ask asks the carrier. That it does not answer is no parcel's fault: the work comes again
// until it does, and what is overdue meanwhile is measured.
func (s *Service) ask(ctx context.Context, m message.Of[track]) (map[string]answer, error) {
	var parcels []shipment
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		parcels, err = moving(tx, m.Data.Until, chunk)
		return err
	})
	if err != nil {
		return nil, failure.Wait(patience, err)
	}
	if len(parcels) == 0 {
		return nil, nil
	}
	waybills := make([]Waybill, len(parcels))
	for i, p := range parcels {
		waybills[i] = p.waybill()
	}
	journeys, err := s.carrier().Track(ctx, waybills)
	if err == nil && len(journeys) != len(waybills) {
		err = fmt.Errorf("the carrier was asked about %d parcels and told of %d", len(waybills), len(journeys))
	}
	if err != nil {
		return nil, failure.Wait(patience, err)
	}
	answers := make(map[string]answer, len(parcels))
	for i, p := range parcels {
		answers[p.order] = answer{waybills[i], journeys[i]}
	}
	return answers, nil
}

// heed stores what the carrier said, and asks for the work again.
func (s *Service) heed(_ context.Context, tx *store.Tx, m message.Of[track], answers map[string]answer) error {
	orders := make([]string, 0, len(answers))
	for order := range answers {
		orders = append(orders, order)
	}
	if err := tx.Lock(orders...); err != nil { // the driver takes them in its one order
		return err
	}
	parcels, err := moving(tx, m.Data.Until, chunk)
	if err != nil {
		return err
	}
	for _, p := range parcels {
		// One that was recalled while the carrier was asked is asked about again.
		if a, ok := answers[p.order]; ok && a.asked.Recalled.Equal(p.waybill().Recalled) {
			if err := s.arrive(tx, p, a.journey); err != nil {
				return err
			}
		}
	}
	_, err = resend(tx, `SELECT min(moves) FROM shipment WHERE moves IS NOT NULL`)
	return err
}

// arrive takes the word of the carrier on a parcel, which is asked about again as long as
// it is neither where it was to go nor back.
func (s *Service) arrive(tx *store.Tx, p shipment, j Journey) error {
	before := p.status
	p.follow(j)
	switch p.moves = j.Next; {
	case !p.status.underway():
		p.moves = time.Time{}
	case p.moves.IsZero(): // it is at a loss: nothing is to come, and the parcel has not arrived
		p.moves = tx.Now.Add(loss)
	case !p.moves.After(tx.Now): // its clock is behind ours
		p.moves = tx.Now.Add(pause)
	}
	if err := advance(tx, p); err != nil || p.status == before || p.status != delivered {
		return err
	}
	return tx.Append(p.order, contract.ShipmentDelivered{OrderID: p.order, TrackingNumber: p.label.Tracking, DeliveredAt: *p.way.at(Delivered)})
}

// resend asks for the work at the time that a query answers, or now if that is past, and
// reports whether there was one.
func resend(tx *store.Tx, query string, args ...any) (sent bool, err error) {
	var next time.Time
	if _, err := tx.Row([]any{&next}, query, args...); err != nil || next.IsZero() {
		return false, err
	}
	due := later(next, tx.Now)
	return true, tx.SendAs(theTracking, due, theTracking, track{Until: due})
}

// unasked is when the first parcel moves, if the work is not there by then. Work that is
// due, out, was put off or is dead is there: whoever has it, or is about to, sends it again.
const unasked = `SELECT first.moves FROM (SELECT min(moves) AS moves FROM shipment WHERE moves IS NOT NULL) first
	WHERE first.moves IS NOT NULL AND NOT EXISTS (SELECT 1 FROM job
		WHERE id = $1 AND (due <= first.moves OR due <= $2 OR lease <> '' OR past <> '' OR dead <> 0))`

// ensure sends the work if it is not there, or due too late: no order has to care for it.
func (s *Service) ensure(ctx context.Context) error {
	needed := false
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		needed, err = tx.Row([]any{nil}, unasked, theTracking, tx.Now)
		return err
	})
	if err != nil || !needed {
		return err
	}
	_, err = s.DB.Background().Update(ctx, []string{theTracking}, func(tx *store.Tx) error {
		return hasten(tx)
	})
	return err
}

// hasten sends the work if it is not there by the time it is needed. It takes the row of the
// work first, and looks then: no worker can take it in between, and find its lease ended.
func hasten(tx *store.Tx) error {
	if err := tx.Exec(`UPDATE job SET due = due WHERE id = $1 AND lease = ''`, theTracking); err != nil {
		return err
	}
	_, err := resend(tx, unasked, theTracking, tx.Now)
	return err
}

// Run makes sure, until ctx is done, that somebody asks where the parcels are.
func (s *Service) Run(ctx context.Context) error {
	stop, err := s.measure()
	if err != nil {
		return err
	}
	defer stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	troubled := false
	for {
		err := s.ensure(ctx)
		if err != nil && !troubled && ctx.Err() == nil {
			slog.Warn("parcels cannot be followed for now", "error", err)
		}
		troubled = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// measure makes the instruments, and returns what ends them.
func (s *Service) measure() (stop func(), err error) {
	if s.Meter == nil {
		return func() {}, nil
	}
	overdue, err := s.Meter.Int64ObservableGauge("tidewire.shipping.overdue", metric.WithDescription("Parcels of which the carrier should have told a minute ago."))
	if err != nil {
		return nil, err
	}
	reg, err := s.Meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		n, err := s.overdue(ctx, time.Now())
		if err == nil {
			o.ObserveInt64(overdue, n)
		}
		return err
	}, overdue)
	if err != nil {
		return nil, err
	}
	return func() { _ = reg.Unregister() }, nil // it only fails if it was never registered
}

func (s *Service) overdue(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, `SELECT count(*) FROM shipment WHERE moves < $1`, now.Add(-bound))
		return err
	})
	return n, err
}
