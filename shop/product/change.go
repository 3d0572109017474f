package product

import (
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
)

// A change is what a client wants to be different about a product. What it does not name
// stays as it is; null removes a description and a category.
type change struct {
	Name        *string     `json:"name"`
	Price       *money.Text `json:"price"`
	Description door.Text   `json:"description"`
	Category    door.Text   `json:"category"`

	// Fields of a product that stay. They are read to say why.
	ID       jsontext.Value `json:"id"`
	Currency jsontext.Value `json:"currency"`
	Stock    jsontext.Value `json:"stock"`
}

// with returns p as c wants it, or all that is not acceptable about that.
func (p Product) with(c change) (Product, []door.Field) {
	if c.Name != nil {
		p.Name = *c.Name
	}
	if c.Description.Given {
		p.Description = c.Description.Value
	}
	if c.Category.Given {
		p.Category = c.Category.Value
	}
	faults := append(c.fixed(), p.faults()...)
	if c.Price != nil {
		minor, more := price(*c.Price, p.Currency)
		p.Price, faults = minor, append(faults, more...)
	}
	return p, faults
}

// fixed lists what nobody changes.
func (c change) fixed() (faults []door.Field) {
	for _, f := range []struct {
		given       jsontext.Value
		field, told string
	}{
		{c.ID, "id", "cannot be changed, as orders and stock go by it: create another product"},
		{c.Currency, "currency", "cannot be changed, as all its prices are in it: create a product in the other currency"},
		{c.Stock, "stock", "cannot be changed, as it is what there was to begin with: POST /api/inventory/{productId}/restock adds to it"},
	} {
		if f.given != nil {
			faults = append(faults, door.Field{Cause: "cannot-be-changed", Field: f.field, Detail: f.told})
		}
	}
	return faults
}
