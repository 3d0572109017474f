package order

import (
	"slices"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
)

// Read this page from top to bottom: it is what all services do because of each other. The
// code behind a line is in the service's own messages.go. Where an order is conducted, its
// way is the list in saga.go, whose lines stand here too.

// A Step is one thing that a service does because something has happened.
type Step struct {
	Style string         // of the orders with which it is done; "": of all
	After []message.Kind // any of these; a Cause where it is no message
	Who   string         // the service
	Does  string
	Says  message.Kind // what has happened then, or the command that it sends; nil: nothing that others follow
	Else  message.Kind // and if it cannot be done
}

// A Cause is what begins a flow from outside: a request, or time.
type Cause string

// Kind is what the cause is called.
func (c Cause) Kind() string { return string(c) }

// Flow is how orders flow, in each style. Every service follows exactly these messages,
// which a test checks; the diagrams and the tables of flow.md are made from it.
func Flow() []Step {
	return slices.Concat(catalogue(), accepted(), conducted(), choreographed(), parallel(), ends(), afterwards())
}

// catalogue is what there is before any order.
func catalogue() []Step {
	return []Step{
		{After: on(Cause("POST /api/users")), Who: "user", Does: "registers the user", Says: contract.UserRegistered{}},
		{After: on(Cause("PATCH /api/users/{id}")), Who: "user", Does: "changes the profile", Says: contract.UserUpdated{}},
		{After: on(Cause("POST /api/products")), Who: "product", Does: "lists the product", Says: contract.ProductCreated{}},
		{After: on(Cause("PATCH /api/products/{id}")), Who: "product", Does: "changes what the catalogue shows", Says: contract.ProductUpdated{}},
		{After: on(Cause("PATCH /api/products/{id}")), Who: "product", Does: "changes the price, keeps the old one in its history", Says: contract.ProductPriceUpdated{}},
		{After: on(contract.ProductCreated{}), Who: "inventory", Does: "puts the first stock on the shelf"},
		{After: on(contract.ProductPriceUpdated{}), Who: "inventory", Does: "notes what its stock is worth"},
	}
}

// accepted is how every order begins.
func accepted() []Step {
	return []Step{
		{After: on(Cause("POST /api/orders")), Who: "order", Does: "accepts the order and sets its deadline", Says: contract.OrderCreated{}},
		{After: on(Cause("POST /api/orders, the user service away")), Who: "order", Does: "accepts the order; whether there is its user is asked later", Says: contract.OrderReceived{}},
		{After: on(Cause("the user service is back")), Who: "order", Does: "begins the order, or fails it: unknown user", Says: contract.OrderCreated{}, Else: contract.OrderFailed{}},
	}
}

// choreographed is an order for which nobody conducts: each service knows what to do after
// what, one after the other.
func choreographed() []Step {
	const style = contract.Choreographed
	return []Step{
		{style, on(contract.OrderCreated{}), "payment", "captures the money, under a key stored before", contract.PaymentProcessed{}, contract.PaymentFailed{}},
		{style, on(contract.PaymentProcessed{}), "inventory", "reserves the stock, all lines or none", contract.InventoryUpdated{}, contract.InventoryUpdateFailed{}},
		{style, on(contract.InventoryUpdated{}), "shipping", "gets a label and hands the parcel over", contract.OrderShipped{}, nil},
		{style, on(contract.InventoryUpdated{}), "order", "confirms the order, lifts its deadline", contract.OrderConfirmed{}, nil},
		{style, on(contract.OrderShipped{}), "order", "completes the order", contract.OrderCompleted{}, nil},
		{style, on(contract.PaymentFailed{}), "order", "fails the order", contract.OrderFailed{}, nil},
		{style, on(contract.InventoryUpdateFailed{}), "order", "fails the order: out of stock", contract.OrderFailed{}, nil},
		{style, on(contract.InventoryUpdateFailed{}), "payment", "gives the money back", contract.PaymentRefunded{}, nil},
	}
}

// parallel is an order that payment and inventory take at once; the order joins their
// answers. One refusal undoes the other.
func parallel() []Step {
	const style = contract.Parallel
	return []Step{
		{style, on(contract.OrderCreated{}), "payment", "captures the money, under a key stored before", contract.PaymentProcessed{}, contract.PaymentFailed{}},
		{style, on(contract.OrderCreated{}), "inventory", "reserves the stock, all lines or none", contract.InventoryUpdated{}, contract.InventoryUpdateFailed{}},
		{style, on(contract.PaymentProcessed{}, contract.InventoryUpdated{}), "order", "confirms the order once it has both, lifts its deadline", contract.OrderConfirmed{}, nil},
		{style, on(contract.PaymentProcessed{}, contract.InventoryUpdated{}), "order", "asks for the parcel once it has both", contract.ShipOrder{}, nil},
		{style, on(contract.ShipOrder{}), "shipping", "gets a label and hands the parcel over", contract.OrderShipped{}, nil},
		{style, on(contract.OrderShipped{}), "order", "completes the order", contract.OrderCompleted{}, nil},
		{style, on(contract.PaymentFailed{}), "order", "fails the order", contract.OrderFailed{}, nil},
		{style, on(contract.InventoryUpdateFailed{}), "order", "fails the order: out of stock", contract.OrderFailed{}, nil},
		{style, on(contract.InventoryUpdateFailed{}), "payment", "gives the money back", contract.PaymentRefunded{}, nil},
	}
}

// ends is how an order ends otherwise: what was done for it is undone, and what comes later
// finds that it has ended.
func ends() []Step {
	return []Step{
		{After: on(Cause("its deadline")), Who: "order", Does: "fails the order unless it is confirmed: timed out", Says: contract.OrderFailed{}},
		{After: on(Cause("POST /api/orders/{id}/cancel")), Who: "order", Does: "cancels the order unless it has ended", Says: contract.OrderCancelled{}},
		{After: on(contract.OrderFailed{}, contract.OrderCancelled{}), Who: "payment", Does: "gives back what it took, and takes nothing more", Says: contract.PaymentRefunded{}, Else: contract.PaymentFailed{}},
		{After: on(contract.OrderFailed{}, contract.OrderCancelled{}), Who: "payment", Does: "lets go what it holds", Says: contract.PaymentVoided{}},
		{After: on(contract.OrderFailed{}, contract.OrderCancelled{}), Who: "inventory", Does: "frees what it reserved, reserves nothing more", Says: contract.StockReleased{}},
		{After: on(contract.OrderFailed{}, contract.OrderCancelled{}), Who: "shipping", Does: "recalls the parcel, sends nothing more", Says: contract.ShipmentRecalled{}},
	}
}

// afterwards is what no order waits for.
func afterwards() []Step {
	return []Step{
		{After: on(contract.OrderCompleted{}), Who: "inventory", Does: "takes what was reserved off the shelf"},
		{After: on(Cause("its carrier's word")), Who: "shipping", Does: "follows the parcel until it arrives", Says: contract.ShipmentDelivered{}},
		{After: on(contract.PaymentAuthorized{}, contract.PaymentProcessed{}, contract.PaymentVoided{}, contract.PaymentRefunded{}), Who: "order", Does: "notes how far the payment is"},
		{After: on(contract.InventoryUpdated{}, contract.StockReleased{}), Who: "order", Does: "notes how far the stock is"},
		{After: on(contract.ShipmentDelivered{}, contract.ShipmentRecalled{}), Who: "order", Does: "notes where the parcel is"},
		{After: on(contract.OrderCreated{}, contract.OrderCompleted{}, contract.OrderFailed{}, contract.OrderCancelled{}, contract.PaymentRefunded{},
			contract.ProductCreated{}, contract.ProductUpdated{}, contract.ProductPriceUpdated{}, contract.UserRegistered{}), Who: "analytics", Does: "counts it, once"},
		{After: on(contract.UserRegistered{}, contract.OrderCreated{}, contract.PaymentProcessed{}, contract.OrderShipped{}, contract.ShipmentDelivered{},
			contract.OrderFailed{}, contract.OrderCancelled{}, contract.PaymentRefunded{}), Who: "notification", Does: "writes to the customer, if there is a mail server", Says: contract.NotificationSent{}, Else: contract.NotificationFailed{}},
	}
}

func on(events ...message.Kind) []message.Kind { return events }
