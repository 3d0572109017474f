package shipping

import (
	"errors"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{{Pattern: "GET /api/shipments/{orderId}", Handle: s.get}}
}

// A document is a shipment as customers see it.
type document struct {
	OrderID        string     `json:"orderId"`
	Status         status     `json:"status"`
	Carrier        string     `json:"carrier,omitempty"`
	TrackingNumber string     `json:"trackingNumber,omitempty"`
	PickupAt       *time.Time `json:"pickupAt,omitempty"`
	Events         []event    `json:"events"`
}

type event struct {
	Type string    `json:"type"`
	Time time.Time `json:"time"`
}

func (s shipment) document() document {
	d := document{OrderID: s.order, Status: s.status, Carrier: s.label.Carrier, TrackingNumber: s.label.Tracking,
		Events: []event{{string(wanted), s.created}}}
	if s.status == ended && s.stopped.Equal(s.created) {
		d.Events = nil // it was never wanted
	}
	if !s.label.Pickup.IsZero() && s.status == shipped {
		d.PickupAt = &s.label.Pickup
	}
	if !s.shipped.IsZero() {
		d.Events = append(d.Events, event{string(shipped), s.shipped})
	}
	if !s.stopped.IsZero() {
		d.Events = append(d.Events, event{string(s.status), s.stopped})
	}
	return d
}

func (s *Service) get(r *http.Request) (door.Answer, error) {
	var found shipment
	err := s.DB.View(r.Context(), func(tx *store.Tx) (err error) {
		found, err = load(tx, r.PathValue("orderId"))
		return err
	})
	if errors.Is(err, ErrUnknown) {
		return door.Answer{}, door.NotFound("shipment")
	}
	return door.Answer{Body: found.document()}, err
}
