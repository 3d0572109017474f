package order

import (
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
)

// Read this page from top to bottom: it is how all services together fulfil an order. The
// code behind a line is in the service's own messages.go.

// A Step is one thing that a service does because something has happened.
type Step struct {
	After []message.Kind // any of these; a Cause where it is no event
	Who   string         // the service
	Does  string
	Says  message.Kind // what has happened then; nil: nothing that others follow
	Else  message.Kind // and if it cannot be done
}

// A Cause is what begins a flow from outside: a request, or time.
type Cause string

// Kind is what the cause is called.
func (c Cause) Kind() string { return string(c) }

// Flow is how an order flows, choreographed: nobody conducts, each service knows what to
// do after what. Every service follows exactly these events, which a test checks; the
// diagram and the table in flow.md are made from it.
func Flow() []Step {
	return []Step{
		// The catalogue, before there is any order.
		{After: on(Cause("POST /api/users")), Who: "user", Does: "registers the user", Says: contract.UserRegistered{}},
		{After: on(Cause("PATCH /api/users/{id}")), Who: "user", Does: "changes the profile", Says: contract.UserUpdated{}},
		{After: on(Cause("POST /api/products")), Who: "product", Does: "lists the product", Says: contract.ProductCreated{}},
		{After: on(Cause("PATCH /api/products/{id}")), Who: "product", Does: "changes what the catalogue shows", Says: contract.ProductUpdated{}},
		{After: on(Cause("PATCH /api/products/{id}")), Who: "product", Does: "changes the price, keeps the old one in its history", Says: contract.ProductPriceUpdated{}},
		{After: on(contract.ProductCreated{}), Who: "inventory", Does: "puts the first stock on the shelf"},
		{After: on(contract.ProductPriceUpdated{}), Who: "inventory", Does: "notes what its stock is worth"},

		// An order that goes well.
		{After: on(Cause("POST /api/orders")), Who: "order", Does: "accepts the order and sets its deadline", Says: contract.OrderCreated{}},
		{After: on(contract.OrderCreated{}), Who: "payment", Does: "captures the money, under a key stored before (choreographed, parallel)", Says: contract.PaymentProcessed{}, Else: contract.PaymentFailed{}},
		{After: on(contract.PaymentProcessed{}), Who: "inventory", Does: "reserves the stock, all lines or none (choreographed)", Says: contract.InventoryUpdated{}, Else: contract.InventoryUpdateFailed{}},
		{After: on(contract.OrderCreated{}), Who: "inventory", Does: "reserves the stock at once (parallel)", Says: contract.InventoryUpdated{}, Else: contract.InventoryUpdateFailed{}},
		{After: on(contract.PaymentProcessed{}), Who: "order", Does: "notes that it is paid"},
		{After: on(contract.InventoryUpdated{}), Who: "order", Does: "confirms the order, lifts its deadline", Says: contract.OrderConfirmed{}},
		{After: on(contract.InventoryUpdated{}), Who: "shipping", Does: "gets a label and hands the parcel over (choreographed)", Says: contract.OrderShipped{}},
		{After: on(contract.OrderShipped{}), Who: "order", Does: "completes the order", Says: contract.OrderCompleted{}},
		{After: on(contract.OrderCompleted{}), Who: "inventory", Does: "takes what was reserved off the shelf"},
		{After: on(Cause("its carrier's word")), Who: "shipping", Does: "follows the parcel until it arrives", Says: contract.ShipmentDelivered{}},
		{After: on(contract.ShipmentDelivered{}), Who: "order", Does: "notes that the parcel has arrived"},

		// Where the order conducts: it asks, and is answered.
		{After: on(Cause("its turn to be reserved")), Who: "order", Does: "asks for the stock (orchestrated)", Says: contract.ReserveStock{}},
		{After: on(contract.ReserveStock{}), Who: "inventory", Does: "reserves the stock, all lines or none (orchestrated)", Says: contract.InventoryUpdated{}, Else: contract.InventoryUpdateFailed{}},
		{After: on(Cause("its turn to be released")), Who: "order", Does: "asks to undo that (orchestrated)", Says: contract.ReleaseStock{}},
		{After: on(contract.ReleaseStock{}), Who: "inventory", Does: "frees what it reserved, reserves nothing more (orchestrated)", Says: contract.StockReleased{}},
		{After: on(Cause("its turn to be shipped")), Who: "order", Does: "asks for the parcel (orchestrated, parallel)", Says: contract.ShipOrder{}},
		{After: on(contract.ShipOrder{}), Who: "shipping", Does: "gets a label and hands the parcel over (orchestrated, parallel)", Says: contract.OrderShipped{}},

		// An order that does not.
		{After: on(contract.PaymentFailed{}), Who: "order", Does: "fails the order", Says: contract.OrderFailed{}},
		{After: on(contract.InventoryUpdateFailed{}), Who: "order", Does: "fails the order: out of stock", Says: contract.OrderFailed{}},
		{After: on(contract.InventoryUpdateFailed{}), Who: "payment", Does: "gives the money back", Says: contract.PaymentRefunded{}},
		{After: on(Cause("its deadline")), Who: "order", Does: "fails the order unless it is confirmed: timed out", Says: contract.OrderFailed{}},
		{After: on(Cause("POST /api/orders/{id}/cancel")), Who: "order", Does: "cancels the order unless it has ended", Says: contract.OrderCancelled{}},

		// What was done for it is undone; what comes later finds that it has ended.
		{After: on(contract.OrderFailed{}, contract.OrderCancelled{}), Who: "payment", Does: "gives back what it has, takes nothing more", Says: contract.PaymentRefunded{}},
		{After: on(contract.OrderFailed{}, contract.OrderCancelled{}), Who: "inventory", Does: "frees what it reserved, reserves nothing more", Says: contract.StockReleased{}},
		{After: on(contract.OrderFailed{}, contract.OrderCancelled{}), Who: "shipping", Does: "recalls the parcel, sends nothing more", Says: contract.ShipmentRecalled{}},
		{After: on(contract.PaymentRefunded{}), Who: "order", Does: "notes that the money went back"},
		{After: on(contract.ShipmentRecalled{}), Who: "order", Does: "notes that the parcel is recalled"},

		// What all of it adds up to. No order waits for that.
		{After: on(contract.OrderCreated{}, contract.OrderCompleted{}, contract.OrderFailed{}, contract.OrderCancelled{}, contract.PaymentRefunded{},
			contract.ProductCreated{}, contract.ProductUpdated{}, contract.ProductPriceUpdated{}, contract.UserRegistered{}), Who: "analytics", Does: "counts it, once"},
		// People are told. No order waits for that.
		{After: on(contract.UserRegistered{}, contract.OrderCreated{}, contract.PaymentProcessed{}, contract.OrderShipped{}, contract.ShipmentDelivered{},
			contract.OrderFailed{}, contract.OrderCancelled{}, contract.PaymentRefunded{}), Who: "notification", Does: "writes to the customer, if there is a mail server", Says: contract.NotificationSent{}, Else: contract.NotificationFailed{}},
	}
}

func on(events ...message.Kind) []message.Kind { return events }
