package shipping

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// A Carrier takes parcels away. It is asked outside of every transaction, and may be asked
// the same again.
type Carrier interface {
	// Label books a parcel. Whoever asks again with the same key gets the same label.
	Label(ctx context.Context, p Parcel) (Label, error)

	// Print draws the label of a parcel as a PDF: the same bytes for the same label.
	Print(ctx context.Context, p Parcel, l Label) ([]byte, error)

	// Track tells where parcels are, one Journey for each of them, in their order. By it
	// the carrier also learns which ones it is to bring back.
	Track(ctx context.Context, parcels []Waybill) ([]Journey, error)
}

// A Parcel is what is to be sent.
type Parcel struct {
	Key    string // names it for the carrier: the order
	Wanted time.Time
	Lines  []contract.Line
}

// A Label is what a carrier answers: how to find the parcel again, and when it is fetched.
type Label struct {
	Carrier  string    `json:"carrier"`
	Tracking string    `json:"tracking"`
	Pickup   time.Time `json:"pickup"`
	Next     time.Time `json:"next"` // when there may be something to tell about it
}

// A Waybill is a parcel that the carrier has, or is to fetch.
type Waybill struct {
	Label
	Recalled time.Time // since when it is to be brought back; zero: it is to arrive
}

// A Journey is what a carrier has to tell of a parcel.
type Journey struct {
	Scans []Scan    // so far, in order
	Next  time.Time // when there may be more; zero: there is no more to come
}

// A Scan is a place on the way where a parcel was seen.
type Scan struct {
	Step Step
	Time time.Time // by the carrier's clock
}

// A Step is a stage of a parcel's way.
type Step string

// The steps of a parcel's way, in their order; a parcel that is called back ends with the
// last one instead of the one before it.
const (
	PickedUp       Step = "picked_up"
	InTransit      Step = "in_transit"
	OutForDelivery Step = "out_for_delivery"
	Delivered      Step = "delivered"
	Returned       Step = "returned"
)
