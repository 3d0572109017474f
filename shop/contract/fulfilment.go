package contract

import "time"

// Inventory is the stream of what happens to stock, keyed by order.
const Inventory = "inventory"

// InventoryUpdated says that the stock for an order is reserved: nobody else gets it.
type InventoryUpdated struct {
	OrderID string `json:"orderId"`
	Style   string `json:"style"`
	Lines   []Line `json:"lines"`
}

// InventoryUpdateFailed says that there was not enough stock for an order, and that
// none is reserved.
type InventoryUpdateFailed struct {
	OrderID   string `json:"orderId"`
	Reason    string `json:"reason"`
	ProductID string `json:"productId"` // the first that was short
}

// StockReleased says that the stock of an order is free again.
type StockReleased struct {
	OrderID string `json:"orderId"`
	Lines   []Line `json:"lines"`
}

// Shipping is the stream of what happens to shipments, keyed by order.
const Shipping = "shipping"

// OrderShipped says that the parcel of an order is on its way.
type OrderShipped struct {
	OrderID        string `json:"orderId"`
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"trackingNumber"`
}

// ShipmentDelivered says that the parcel of an order has arrived.
type ShipmentDelivered struct {
	OrderID        string    `json:"orderId"`
	TrackingNumber string    `json:"trackingNumber"`
	DeliveredAt    time.Time `json:"deliveredAt"` // by the carrier's clock
}

// ShipmentRecalled says that the shipment of an order that has ended will not arrive.
type ShipmentRecalled struct {
	OrderID string `json:"orderId"`
}

// Kind is the name of the contract.
func (InventoryUpdated) Kind() string { return "InventoryUpdated" }

// Kind is the name of the contract.
func (InventoryUpdateFailed) Kind() string { return "InventoryUpdateFailed" }

// Kind is the name of the contract.
func (StockReleased) Kind() string { return "StockReleased" }

// Kind is the name of the contract.
func (OrderShipped) Kind() string { return "OrderShipped" }

// Kind is the name of the contract.
func (ShipmentRecalled) Kind() string { return "ShipmentRecalled" }

// Kind is the name of the contract.
func (ShipmentDelivered) Kind() string { return "ShipmentDelivered" }
