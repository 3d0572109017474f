package shipping

import (
	"errors"
	"slices"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// ErrUnknown: there is no shipment for this order.
var ErrUnknown = errors.New("no such shipment")

// A status is where a shipment stands.
type status string

const (
	none      status = ""
	wanted    status = "wanted"  // its label is being made
	shipped   status = "shipped" // the carrier has it, or will fetch it
	delivered status = "delivered"
	recalled  status = "recalled" // the carrier is to bring it back
	returned  status = "returned"
	ended     status = "ended" // nothing was sent, and nothing will be
)

// A shipment is the parcel of an order.
type shipment struct {
	order                     string
	status                    status
	label                     Label
	lines                     []contract.Line
	way                       way
	moves                     time.Time // when the carrier is asked about it; zero: it is at rest
	shipped, stopped, created time.Time // zero: not yet
}

// A way is when a parcel came to each of the steps; zero: it did not.
type way [len(steps)]time.Time

var steps = [...]Step{PickedUp, InTransit, OutForDelivery, Delivered, Returned}

// at is when the parcel came to a step.
func (w *way) at(s Step) *time.Time { return &w[slices.Index(steps[:], s)] }

// labelled is what a new label makes of a shipment: its order may have ended meanwhile.
func (s status) labelled() status {
	switch s {
	case wanted:
		return shipped
	case ended:
		return recalled
	}
	return s
}

// over is what the end of its order makes of a shipment. A parcel that was delivered is
// fetched back.
func (s status) over() status {
	switch s {
	case none, wanted:
		return ended
	case shipped, delivered:
		return recalled
	}
	return s
}

// underway reports whether the carrier has still something to do with the parcel.
func (s status) underway() bool { return s == shipped || s == recalled }

// arrived is what the way of a parcel makes of its shipment. One that is recalled is not
// delivered any more: what the carrier handed over in spite of it comes back.
func (s status) arrived(w way) status {
	switch {
	case s == shipped && !w.at(Delivered).IsZero():
		return delivered
	case s == recalled && !w.at(Returned).IsZero():
		return returned
	}
	return s
}

// follow adds what the carrier tells. A step is taken once, and steps that it has and the
// shop has not are passed over; its clock may be behind ours, so what happens later is not
// before what came earlier.
func (s *shipment) follow(j Journey) {
	for _, scan := range j.Scans {
		if !slices.Contains(steps[:], scan.Step) || !s.way.at(scan.Step).IsZero() {
			continue
		}
		at := scan.Time
		for _, before := range append(s.way[:], s.shipped) {
			at = later(at, before)
		}
		*s.way.at(scan.Step) = at
	}
	s.status = s.status.arrived(s.way)
}

// waybill is the parcel as the carrier is asked about it.
func (s shipment) waybill() Waybill {
	w := Waybill{Label: s.label}
	if s.status == recalled {
		w.Recalled = s.stopped
	}
	return w
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
