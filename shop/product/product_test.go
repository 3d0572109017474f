package product

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/money"
)

func TestAcceptable(t *testing.T) {
	text := func(s string) *string { return &s }
	laptop := func() request { return request{ID: text("p-1"), Name: "Laptop", Price: "1200"} }
	for _, c := range []struct {
		name string
		set  func(*request)
		want string // the fields that are not acceptable
	}{
		{"plain", func(*request) {}, ""},
		{"no stock left", func(b *request) { b.Stock = new(int64(0)) }, ""},
		{"yen", func(b *request) { b.Currency = text("JPY") }, ""},
		{"lines in a description", func(b *request) { b.Description = "one\r\n\ttwo" }, ""},
		{"longest name", func(b *request) { b.Name = strings.Repeat("本", 200) }, ""},
		{"nothing", func(b *request) { *b = request{} }, "name price"},
		{"blank name", func(b *request) { b.Name = " " }, "name"},
		{"long name", func(b *request) { b.Name = strings.Repeat("本", 201) }, "name"},
		{"two lines", func(b *request) { b.Name = "a\nb" }, "name"},
		{"category", func(b *request) { b.Category = "a\x00" }, "category"},
		{"bell", func(b *request) { b.Description = "\a" }, "description"},
		{"long description", func(b *request) { b.Description = strings.Repeat("a", 10_001) }, "description"},
		{"negative stock", func(b *request) { b.Stock = new(int64(-1)) }, "stock"},
		{"too much stock", func(b *request) { b.Stock = new(int64(1_000_000_001)) }, "stock"},
		{"currency", func(b *request) { b.Currency = text("usd") }, "currency"},
		{"no currency", func(b *request) { b.Currency = text("") }, "currency"},
		{"id", func(b *request) { b.ID = text("a b") }, "id"},
		{"everything", func(b *request) { b.ID, b.Name, b.Price = text(""), "", "free" }, "id name price"},
	} {
		b := laptop()
		c.set(&b)
		var got []string
		_, err := (&Service{}).product(b)
		for _, f := range fieldsOf(t, err) {
			got = append(got, f.Field)
		}
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%s: got faults %v, want %v", c.name, got, want)
		}
	}
}

func TestPrice(t *testing.T) {
	for _, c := range []struct {
		text     money.Text
		currency string
		want     int64 // 0: not acceptable
	}{
		{"1200", "USD", 120000},
		{"0.01", "USD", 1},
		{"999999999.99", "USD", 99999999999},
		{"1", "JPY", 1},
		{"999999999", "JPY", 999999999},
		{"0.010", "KWD", 10},
		{"999999999.990", "KWD", 999999999990},
		{"0", "USD", 0},
		{"0.00", "USD", 0},
		{"1000000000", "USD", 0},
		{"1000000000", "JPY", 0},
		{"0.009", "KWD", 0},
		{"999999999.991", "KWD", 0},
		{"0.001", "USD", 0},
		{"1e2", "USD", 0},
		{"1e400", "USD", 0},
		{"-1", "USD", 0},
		{"NaN", "USD", 0},
		{"$5", "USD", 0},
	} {
		got, faults := price(c.text, c.currency)
		if got != c.want || (c.want == 0) != (len(faults) == 1) {
			t.Errorf("price(%s, %s): got %d, %v, want %d", c.text, c.currency, got, faults, c.want)
		}
	}
}
