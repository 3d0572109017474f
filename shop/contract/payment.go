package contract

// Payments is the stream of what happens to payments, keyed by order.
const Payments = "payment"

// PaymentAuthorized says that the money for an order is held: it can be taken.
type PaymentAuthorized struct {
	OrderID   string `json:"orderId"`
	Amount    int64  `json:"amount" jsonschema:"minimum=1"`
	Currency  string `json:"currency"`
	Reference string `json:"reference"` // the provider's
	Attempts  int    `json:"attempts" jsonschema:"minimum=0"`
}

// PaymentVoided says that no money of an order is held, and that none will be taken.
type PaymentVoided struct {
	OrderID  string `json:"orderId"`
	Attempts int    `json:"attempts" jsonschema:"minimum=0"`
}

// PaymentProcessed says that an order is paid: the money was captured.
type PaymentProcessed struct {
	OrderID   string `json:"orderId"`
	Style     string `json:"style"`
	Lines     []Line `json:"lines"`
	Amount    int64  `json:"amount" jsonschema:"minimum=1"`
	Currency  string `json:"currency"`
	Reference string `json:"reference"` // the provider's
	Attempts  int    `json:"attempts" jsonschema:"minimum=0"`
}

// PaymentFailed says that an order could not be paid, and that no money was kept.
type PaymentFailed struct {
	OrderID  string `json:"orderId"`
	Reason   string `json:"reason"`
	Attempts int    `json:"attempts" jsonschema:"minimum=0"`
}

// PaymentRefunded says that the money of an order went back.
type PaymentRefunded struct {
	OrderID  string `json:"orderId"`
	Amount   int64  `json:"amount" jsonschema:"minimum=1"`
	Currency string `json:"currency"`
	Attempts int    `json:"attempts,omitempty" jsonschema:"minimum=0"` // to charge it: of a charge that came after the end, nothing else was said
}

// Kind is the name of the contract.
func (PaymentAuthorized) Kind() string { return "PaymentAuthorized" }

// Kind is the name of the contract.
func (PaymentVoided) Kind() string { return "PaymentVoided" }

// Kind is the name of the contract.
func (PaymentProcessed) Kind() string { return "PaymentProcessed" }

// Kind is the name of the contract.
func (PaymentFailed) Kind() string { return "PaymentFailed" }

// Kind is the name of the contract.
func (PaymentRefunded) Kind() string { return "PaymentRefunded" }
