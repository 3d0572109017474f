package shipping

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "GET /api/shipments/{orderId}", Handle: s.get},
		{Pattern: "GET /api/shipments/{orderId}/label.pdf", Handle: s.getLabel},
	}
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
	d := document{OrderID: s.order, Status: s.status, Carrier: s.label.Carrier, TrackingNumber: s.label.Tracking, Events: s.events()}
	if !s.label.Pickup.IsZero() && (s.status == shipped || s.status == delivered) {
		d.PickupAt = &s.label.Pickup
	}
	return d
}

// events are what happened to a shipment, as it happened: the carrier tells later what came
// before a recall.
func (s shipment) events() (all []event) {
	add := func(what string, at time.Time) {
		if !at.IsZero() {
			all = append(all, event{what, at})
		}
	}
	if s.status != ended || !s.stopped.Equal(s.created) { // else it was never wanted
		add(string(wanted), s.created)
	}
	add(string(shipped), s.shipped)
	if s.status == ended {
		add(string(ended), s.stopped)
	} else {
		add(string(recalled), s.stopped)
	}
	for _, step := range steps {
		add(string(step), *s.way.at(step))
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.Time.Compare(b.Time) })
	return all
}

func (s *Service) get(r *http.Request) (door.Answer, error) {
	found, err := s.find(r)
	return door.Answer{Body: found.document()}, err
}

// getLabel prints the label anew: what is stored is enough, and it comes out the same. A
// parcel that is to come back has one that takes nothing anywhere, so it is not given out.
func (s *Service) getLabel(r *http.Request) (door.Answer, error) {
	found, err := s.find(r)
	switch {
	case err != nil:
		return door.Answer{}, err
	case found.shipped.IsZero():
		return door.Answer{}, door.NotFound("label")
	case !found.stopped.IsZero():
		return door.Answer{}, door.Conflict("recalled", "The order has ended, and its parcel is called back.")
	}
	pdf, err := s.carrier().Print(r.Context(), Parcel{Key: found.order, Wanted: found.created, Lines: found.lines}, found.label)
	name := mime.FormatMediaType("attachment", map[string]string{"filename": "label-" + found.label.Tracking + ".pdf"})
	return door.Answer{Type: "application/pdf", Body: pdf, Header: http.Header{"Content-Disposition": {name}}}, err
}

// find returns the shipment that a request is about.
func (s *Service) find(r *http.Request) (found shipment, err error) {
	err = s.DB.View(r.Context(), func(tx *store.Tx) (err error) {
		found, err = load(tx, r.PathValue("orderId"))
		return err
	})
	if errors.Is(err, ErrUnknown) {
		err = door.NotFound("shipment")
	}
	return found, err
}
