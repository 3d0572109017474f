package shipping

import (
	"errors"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// A Service is the shipping service.
type Service struct {
	DB      *store.DB
	Carrier Carrier      // Courier
	Meter   metric.Meter // of parcels that are overdue; none
}

func (s *Service) carrier() Carrier {
	if s.Carrier == nil {
		return Courier{}
	}
	return s.Carrier
}

// A label is work: one call to the carrier.
type label struct {
	OrderID string          `json:"orderId"` // the key of the call, too
	Lines   []contract.Line `json:"lines"`
	Wanted  time.Time       `json:"wanted"`
}

// Kind is the name of the message.
func (label) Kind() string { return "label" }

// Queue is where shipping's calls wait.
func (label) Queue() string { return "shipping_labels" }

// An outcome is what a message did. Nothing ends without one.
type outcome string

const (
	asked  outcome = "asked"    // the carrier, soon
	sent   outcome = "sent"     // the parcel
	called outcome = "called"   // it back
	buried outcome = "buried"   // left a tombstone: nothing had been sent
	again  outcome = "again"    // nothing: it was done before
	said   outcome = "said"     // again what was done before
	late   outcome = "too late" // nothing: the order has ended
)

// want wants the parcel of an order whose stock was taken.
func (s *Service) want(tx *store.Tx, order string, lines []contract.Line) (outcome, error) {
	before, err := load(tx, order)
	switch {
	case err == nil && !before.stopped.IsZero():
		return late, nil
	case err == nil:
		return again, nil
	case !errors.Is(err, ErrUnknown):
		return "", err
	}
	if err := insert(tx, shipment{order: order, status: wanted, lines: lines}); err != nil {
		return "", err
	}
	return asked, tx.Send(order, label{OrderID: order, Lines: lines, Wanted: tx.Now})
}

// ship does what want does for whoever asks for it: he gets his answer once more where it
// was given before. Nobody waits for the parcel of an order that has ended.
func (s *Service) ship(tx *store.Tx, order string, lines []contract.Line) (outcome, error) {
	did, err := s.want(tx, order, lines)
	if err != nil || did != again {
		return did, err
	}
	p, err := load(tx, order)
	if err != nil || p.shipped.IsZero() {
		return again, err // its label is being made, and is the answer
	}
	return said, p.sayShipped(tx)
}

func (s shipment) sayShipped(tx *store.Tx) error {
	return tx.Append(s.order, contract.OrderShipped{OrderID: s.order, Carrier: s.label.Carrier, TrackingNumber: s.label.Tracking})
}

// send records the label of a parcel. If its order has ended meanwhile, the carrier is to
// bring back what it has.
func (s *Service) send(tx *store.Tx, order string, l Label) (outcome, error) {
	p, err := load(tx, order)
	if err != nil {
		return "", err
	}
	next := p.status.labelled()
	if next == p.status {
		return again, nil
	}
	p.status, p.label, p.shipped, p.moves = next, l, tx.Now, l.Next
	if next == recalled {
		p.stopped, p.moves = tx.Now, tx.Now
	}
	if err := save(tx, p); err != nil {
		return "", err
	}
	if next == recalled {
		return called, tx.Append(order, contract.ShipmentRecalled{OrderID: order})
	}
	return sent, p.sayShipped(tx)
}

// end stops the shipment of an order that has ended. If there is none yet, it leaves a
// tombstone, so that stock that is heard of later sends nothing.
func (s *Service) end(tx *store.Tx, order string, lines []contract.Line) (outcome, error) {
	p, err := load(tx, order)
	if errors.Is(err, ErrUnknown) {
		return buried, insert(tx, shipment{order: order, status: p.status.over(), lines: lines, stopped: tx.Now})
	}
	if err != nil {
		return "", err
	}
	next := p.status.over()
	if next == p.status {
		return again, nil
	}
	p.status, p.stopped = next, tx.Now
	if next == recalled {
		p.moves = tx.Now // the carrier is to hear of it soon
	}
	if err := save(tx, p); err != nil {
		return "", err
	}
	if next == recalled {
		return called, tx.Append(order, contract.ShipmentRecalled{OrderID: order})
	}
	return buried, nil
}
