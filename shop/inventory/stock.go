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
	price            int64 // of one
	currency         string
}

// A movement is why stock changes: goods come or go. What is reserved and what is free
// again has not moved.
type movement struct {
	product, order string
	kind           kind
	quantity       int64 // more than 0 comes, less goes
	reason         string
}

// A kind is what moves stock.
type kind string

const (
	initial  kind = "initial"    // what a new product begins with
	restock  kind = "restock"    // what came
	adjusted kind = "adjustment" // what was counted, broken or found, for a reason
	sent     kind = "shipped"    // what left for an order
)

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
