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
	Category  string `json:"category,omitempty"`
}

// ProductUpdated says that the catalogue shows a product differently: its name, its
// description or its category.
type ProductUpdated struct {
	ProductID string `json:"productId"`
	Name      string `json:"name"`
	Category  string `json:"category,omitempty"`
}

// ProductPriceUpdated says that a product has another price. Orders that were accepted
// keep theirs.
type ProductPriceUpdated struct {
	ProductID string `json:"productId"`
	Price     int64  `json:"price"`
	OldPrice  int64  `json:"oldPrice"`
	Currency  string `json:"currency"` // never changes
}

// Users is the stream of what happens to users, keyed by user.
const Users = "user"

// UserRegistered says that there is a new user. Who it is stays with the user service.
type UserRegistered struct {
	UserID string `json:"userId"`
}

// UserUpdated says that a user's profile is another one.
type UserUpdated struct {
	UserID string `json:"userId"`
}

// Kind is the name of the contract.
func (ProductUpdated) Kind() string { return "ProductUpdated" }

// Kind is the name of the contract.
func (ProductPriceUpdated) Kind() string { return "ProductPriceUpdated" }

// Kind is the name of the contract.
func (UserUpdated) Kind() string { return "UserUpdated" }

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
