package contract

// Notifications is the stream of what became of messages to people, keyed by order, or by
// user where it is about no order.
const Notifications = "notification"

// NotificationSent says that a message to a person has left.
type NotificationSent struct {
	OrderID  string `json:"orderId,omitempty"`
	UserID   string `json:"userId"`
	Channel  string `json:"channel"`  // email
	Template string `json:"template"` // created, paid, …
}

// NotificationFailed says that a message to a person will not arrive.
type NotificationFailed struct {
	OrderID  string `json:"orderId,omitempty"`
	UserID   string `json:"userId"`
	Channel  string `json:"channel"`
	Template string `json:"template"`
	Reason   string `json:"reason"` // a word; the address stays with the service
}

// A Contact is how the user service says a person is to be written to. It is never part of
// an event.
type Contact struct {
	UserID string
	Name   string
	Email  string
}

// Kind is the name of the contract.
func (NotificationSent) Kind() string { return "NotificationSent" }

// Kind is the name of the contract.
func (NotificationFailed) Kind() string { return "NotificationFailed" }
