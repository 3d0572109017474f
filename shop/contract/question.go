package contract

// CheckStock asks inventory whether there is as much as this of each product, each named
// once. The answer is of this moment, and nothing is reserved by it.
type CheckStock struct {
	Wanted []Demand `json:"wanted"`
}

// A Demand is how much of a product is wanted.
type Demand struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// StockChecked answers CheckStock. A product that inventory does not know, or that is not
// tracked, does not lack.
type StockChecked struct {
	Lacking []string `json:"lacking,omitempty"` // products of which there is less
}

// Kind is the name of the contract.
func (CheckStock) Kind() string { return "CheckStock" }

// Queue is where inventory is asked.
func (CheckStock) Queue() string { return "inventory_questions" }

// Kind is the name of the contract.
func (StockChecked) Kind() string { return "StockChecked" }
