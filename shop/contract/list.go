package contract

import "embed"

// A Contract is one message that crosses a service boundary.
type Contract struct {
	Data Kind   // of its type, empty; one with a Queue asks the service of that queue for something
	By   string // the service that says it; the stream that bears it has the same name
	Asks bool   // a question, or the answer behind it: no stream bears it, and it is stored nowhere
}

// A Kind is the data of a message.
type Kind interface{ Kind() string }

// All are the contracts, by who says them. Who follows an event is in the flow of an order.
func All() []Contract {
	by := map[string][]Kind{
		Users:    {UserRegistered{}, UserUpdated{}},
		Products: {ProductCreated{}, ProductUpdated{}, ProductPriceUpdated{}},
		Orders: {OrderReceived{}, OrderCreated{}, OrderConfirmed{}, OrderCompleted{}, OrderFailed{}, OrderCancelled{},
			ReserveStock{}, ReleaseStock{}, AuthorizePayment{}, CapturePayment{}, VoidPayment{}, ShipOrder{}},
		Payments:      {PaymentAuthorized{}, PaymentVoided{}, PaymentProcessed{}, PaymentFailed{}, PaymentRefunded{}},
		Inventory:     {InventoryUpdated{}, InventoryUpdateFailed{}, StockReleased{}},
		Shipping:      {OrderShipped{}, ShipmentDelivered{}, ShipmentRecalled{}},
		Notifications: {NotificationSent{}, NotificationFailed{}},
	}
	var all []Contract
	for _, who := range []string{Users, Products, Orders, Payments, Inventory, Shipping, Notifications} {
		for _, data := range by[who] {
			all = append(all, Contract{Data: data, By: who})
		}
	}
	return append(all, Contract{Data: CheckStock{}, By: Orders, Asks: true}, Contract{Data: StockChecked{}, By: Inventory, Asks: true})
}

//go:embed schema/*.json example/*.json
var texts embed.FS

// Schema is the JSON Schema (draft 2020-12) of the data of a kind, as others were told of it;
// false for a kind that is no contract.
func Schema(kind string) ([]byte, bool) {
	text, err := texts.ReadFile("schema/" + kind + ".json")
	return text, err == nil
}

// Example is a message of a kind as it was said once, as a CloudEvent in structured mode; false
// for a kind that is no contract.
func Example(kind string) ([]byte, bool) {
	text, err := texts.ReadFile("example/" + kind + ".json")
	return text, err == nil
}
