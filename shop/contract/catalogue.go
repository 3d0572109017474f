package contract

// Products is the stream of what happens to the catalogue, keyed by product.
const Products = "product"

// ProductCreated says that a product can be ordered.
type ProductCreated struct {
	ProductID string `json:"productId"`
	Name      string `json:"name"`
	Price     int64  `json:"price"`
	Currency  string `json:"currency"`
	Stock     *int64 `json:"stock,omitempty"` // to begin with; nil: not tracked, never runs out
}

// Users is the stream of what happens to users, keyed by user.
const Users = "user"

// UserRegistered says that there is a new user. Who it is stays with the user service.
type UserRegistered struct {
	UserID string `json:"userId"`
}

// Kind is the name of the contract.
func (ProductCreated) Kind() string { return "ProductCreated" }

// Kind is the name of the contract.
func (UserRegistered) Kind() string { return "UserRegistered" }

// A Product is what the catalogue answers about a product that can be ordered.
type Product struct {
	ID       string
	Name     string
	Price    int64
	Currency string
}
