package shipping

import (
	"errors"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// ErrUnknown: there is no shipment for this order.
var ErrUnknown = errors.New("no such shipment")

// A status is where a shipment stands.
type status string

const (
	none     status = ""
	wanted   status = "wanted" // its label is being made
	shipped  status = "shipped"
	recalled status = "recalled" // the carrier has it, and is to bring it back
	ended    status = "ended"    // nothing was sent, and nothing will be
)

// A shipment is the parcel of an order.
type shipment struct {
	order                     string
	status                    status
	label                     Label
	lines                     []contract.Line
	shipped, stopped, created time.Time // zero: not yet
}

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

// over is what the end of its order makes of a shipment.
func (s status) over() status {
	switch s {
	case none, wanted:
		return ended
	case shipped:
		return recalled
	}
	return s
}
