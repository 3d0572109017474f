package inventory

import (
	"errors"
	"fmt"
	"slices"
)

// A status is what became of the stock for an order.
type status string

const (
	none     status = ""         // nothing yet
	reserved status = "reserved" // on the shelf, and nobody else's
	shipped  status = "shipped"  // gone
	refused  status = "refused"  // not enough of a product
	released status = "released" // reserved once, and free again
	ended    status = "ended"    // nothing was reserved, and nothing will be
)

// An event is a message, what the order service answered, or time.
type event string

const (
	wanted    event = "PaymentProcessed" // or OrderCreated, where nobody waits for the payment
	asked     event = "ReserveStock"
	short     event = "one of these, and there is not enough"
	recalled  event = "ReleaseStock"
	completed event = "OrderCompleted"
	undone    event = "OrderFailed" // or OrderCancelled
	overdue   event = "expired, and the order goes on"
)

// An act is what is done besides changing the status, in the same commit. That stock is
// reserved is no act: whether it can be decides between wanted or asked, and short.
type act string

const (
	await      act = "wait for its reservation"
	free       act = "reserve it no longer"
	send       act = "take it off the shelf"
	extend     act = "ask again later"
	sayUpdated act = "InventoryUpdated"
	sayFailed  act = "InventoryUpdateFailed"
	sayOver    act = "InventoryUpdateFailed, for it was called off"
	sayBack    act = "StockReleased"
	sayNothing act = "StockReleased, of nothing"
)

// An outcome is what a message did. Nothing ends without one.
type outcome string

const (
	took    outcome = "took"     // reserved all lines
	lacked  outcome = "lacked"   // a product: reserved nothing
	parted  outcome = "parted"   // with what was reserved: it has left
	gave    outcome = "gave"     // back what was reserved
	buried  outcome = "buried"   // left a tombstone: nothing had been reserved
	kept    outcome = "kept"     // what is reserved, for its order goes on
	shelved outcome = "shelved"  // a new product
	priced  outcome = "priced"   // a product
	again   outcome = "again"    // nothing: it was done before
	late    outcome = "too late" // nothing: the order has ended
	early   outcome = "too early"
)

// A rule says what an event does in some statuses.
type rule struct {
	in  []status
	on  []event
	to  status // none: as it is
	do  []act
	did outcome
}

// rules are the life of a reservation: every status with every late, doubled or early
// message. An order ends once, and is completed only after its stock was reserved: what
// is not listed contradicts that, and is for an operator to see. A command is answered
// whenever it comes, by what is so; whoever sent it twice may not have heard.
var rules = []rule{
	{[]status{none}, []event{wanted, asked}, reserved, []act{sayUpdated}, took},
	{[]status{none}, []event{short}, refused, []act{sayFailed}, lacked},
	{[]status{reserved}, []event{completed}, shipped, []act{send}, parted},
	{[]status{reserved}, []event{undone, recalled}, released, []act{free, sayBack}, gave},
	{[]status{reserved}, []event{overdue}, reserved, []act{extend}, kept},

	// Early: the log of orders is another one than that of payments, and who calls something
	// off passes what is parked.
	{[]status{none}, []event{undone}, ended, nil, buried},
	{[]status{none}, []event{recalled}, ended, []act{sayNothing}, buried},
	{[]status{none}, []event{completed}, none, []act{await}, early},

	// Late and doubled.
	{[]status{reserved, shipped, refused}, []event{wanted}, none, nil, again},
	{[]status{released, ended}, []event{wanted}, none, nil, late},
	{[]status{reserved, shipped}, []event{asked}, none, []act{sayUpdated}, again},
	{[]status{refused}, []event{asked}, none, []act{sayFailed}, again},
	{[]status{released, ended}, []event{asked}, none, []act{sayOver}, late},
	{[]status{shipped}, []event{completed}, none, nil, again},
	{[]status{refused, released, ended}, []event{undone}, none, nil, again},
	{[]status{refused, released, ended}, []event{recalled}, none, []act{sayNothing}, again},
	// Whoever asked the order service was not the first.
	{[]status{shipped, refused, released, ended}, []event{overdue}, none, nil, again},
}

var errImpossible = errors.New("inventory: this cannot happen")

// next looks a status and an event up in rules.
func next(s status, e event) (rule, error) {
	for _, r := range rules {
		if slices.Contains(r.in, s) && slices.Contains(r.on, e) {
			return r, nil
		}
	}
	return rule{}, fmt.Errorf("%w: %s of an order whose stock is %q", errImpossible, e, s)
}
