package product

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
)

func TestWith(t *testing.T) {
	was := Product{ID: "p", Name: "Laptop", Price: 120000, Currency: "USD", Description: "Grey.", Category: "computers", Version: 4}
	name, price := "Tablet", money.Text("5")
	for _, c := range []struct {
		name string
		c    change
		want func(*Product)
	}{
		{"nothing", change{}, func(*Product) {}},
		{"name", change{Name: &name}, func(p *Product) { p.Name = "Tablet" }},
		{"price", change{Price: &price}, func(p *Product) { p.Price = 500 }},
		{"description", change{Description: door.Text{Given: true, Value: "Blue."}}, func(p *Product) { p.Description = "Blue." }},
		{"description removed", change{Description: door.Text{Given: true}}, func(p *Product) { p.Description = "" }},
		{"category removed", change{Category: door.Text{Given: true}}, func(p *Product) { p.Category = "" }},
		{"everything", change{Name: &name, Price: &price, Description: door.Text{Given: true}, Category: door.Text{Given: true, Value: "c"}},
			func(p *Product) { p.Name, p.Price, p.Description, p.Category = "Tablet", 500, "", "c" }},
	} {
		want := was
		c.want(&want)
		if got, faults := was.with(c.c); got != want || len(faults) > 0 {
			t.Errorf("%s: got %+v, %v, want %+v", c.name, got, faults, want)
		}
	}
}

func TestWithFaults(t *testing.T) {
	text := func(s string) *string { return &s }
	amount := func(s money.Text) *money.Text { return &s }
	for _, c := range []struct {
		name string
		c    change
		want string // the fields, each with its cause
	}{
		{"blank name", change{Name: text(" ")}, "name no-name"},
		{"two lines", change{Name: text("a\nb")}, "name bad-name"},
		{"no price", change{Price: amount("")}, "price no-price"},
		{"words for a price", change{Price: amount("free")}, "price bad-price"},
		{"too many decimals", change{Price: amount("1.005")}, "price bad-price"},
		{"nothing to pay", change{Price: amount("0")}, "price price-out-of-range"},
		{"category", change{Category: door.Text{Given: true, Value: "a\x1b"}}, "category bad-category"},
		{"long description", change{Description: door.Text{Given: true, Value: strings.Repeat("a", 10_001)}}, "description description-too-long"},
		{"id", change{ID: []byte(`"p"`)}, "id cannot-be-changed"},
		{"currency", change{Currency: []byte(`"EUR"`)}, "currency cannot-be-changed"},
		{"stock", change{Stock: []byte(`5`)}, "stock cannot-be-changed"},
		{"all of it", change{ID: []byte(`1`), Name: text(""), Price: amount("x")}, "id cannot-be-changed name no-name price bad-price"},
	} {
		var got []string
		_, faults := Product{ID: "p", Name: "A", Price: 1, Currency: "USD"}.with(c.c)
		for _, f := range faults {
			got = append(got, f.Field, f.Cause)
		}
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%s: got faults %v, want %v", c.name, got, want)
		}
	}
}
