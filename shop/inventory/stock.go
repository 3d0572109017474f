package inventory

import (
	"errors"

	"github.com/tidewire/tidewire/shop/contract"
)

// ErrUnknown: inventory has not heard of this product.
var ErrUnknown = errors.New("no such product")

// maxOnHand is how much of a product there can be: what every reader of JSON can count.
const maxOnHand = 1<<53 - 1

// A stock is how much there is of a product.
type stock struct {
	product          string
	tracked          bool // false: it never runs out
	onHand, reserved int64
}

// lacks reports whether there is less than a quantity.
func (s stock) lacks(quantity int64) bool { return s.tracked && s.onHand-s.reserved < quantity }

// A demand is how much of one product an order wants.
type demand struct {
	product  string
	quantity int64
}

// demands sums the lines of an order for each product, in the order in which they come:
// two lines of one product want it twice.
func demands(lines []contract.Line) (sum []demand) {
next:
	for _, l := range lines {
		for i := range sum {
			if sum[i].product == l.ProductID {
				sum[i].quantity += l.Quantity
				continue next
			}
		}
		sum = append(sum, demand{l.ProductID, l.Quantity})
	}
	return sum
}

// A status is what became of the stock for an order.
type status string

const (
	none     status = "" // nothing yet
	taken    status = "taken"
	refused  status = "refused"
	released status = "released"
	ended    status = "ended"
)

// An outcome is what a message did. Nothing ends without one.
type outcome string

const (
	took    outcome = "took"     // all lines
	lacked  outcome = "lacked"   // a product: took nothing
	gave    outcome = "gave"     // back what was taken
	buried  outcome = "buried"   // left a tombstone: nothing had been taken
	shelved outcome = "shelved"  // a new product
	again   outcome = "again"    // nothing: it was done before
	late    outcome = "too late" // nothing: the order has ended
)
