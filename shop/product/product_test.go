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
		want string // the fields that are not acceptable, each with its cause
	}{
		{"plain", func(*request) {}, ""},
		{"no stock left", func(b *request) { b.Stock = new(int64(0)) }, ""},
		{"yen", func(b *request) { b.Currency = text("JPY") }, ""},
		{"lines in a description", func(b *request) { b.Description = "one\r\n\ttwo" }, ""},
		{"longest name", func(b *request) { b.Name = strings.Repeat("本", 200) }, ""},
		{"nothing", func(b *request) { *b = request{} }, "name no-name price no-price"},
		{"blank name", func(b *request) { b.Name = " " }, "name no-name"},
		{"long name", func(b *request) { b.Name = strings.Repeat("本", 201) }, "name bad-name"},
		{"two lines", func(b *request) { b.Name = "a\nb" }, "name bad-name"},
		{"category", func(b *request) { b.Category = "a\x00" }, "category bad-category"},
		{"bell", func(b *request) { b.Description = "\a" }, "description bad-description"},
		{"long description", func(b *request) { b.Description = strings.Repeat("a", 10_001) }, "description description-too-long"},
		{"negative stock", func(b *request) { b.Stock = new(int64(-1)) }, "stock stock-out-of-range"},
		{"too much stock", func(b *request) { b.Stock = new(int64(1_000_000_001)) }, "stock stock-out-of-range"},
		{"currency", func(b *request) { b.Currency = text("usd") }, "currency unknown-currency"},
		{"no currency", func(b *request) { b.Currency = text("") }, "currency unknown-currency"},
		{"id", func(b *request) { b.ID = text("a b") }, "id bad-id"},
		{"everything", func(b *request) { b.ID, b.Name, b.Price = text(""), "", "free" }, "id bad-id name no-name price bad-price"},
	} {
		b := laptop()
		c.set(&b)
		var got []string
		_, err := (&Service{}).product(b)
		for _, f := range fieldsOf(t, err) {
			got = append(got, f.Field, f.Cause)
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

// A detail is read behind the name of its field, so it needs a verb.
func TestFaultsOfAPrice(t *testing.T) {
	for _, c := range []struct {
		text            money.Text
		currency        string
		cause, sentence string
	}{
		{"", "USD", "no-price", "price must be given"},
		{"free", "USD", "bad-price", `price is no amount of money: "free" is not made of digits`},
		{"0.001", "USD", "bad-price", `price is no amount of money: USD has 2 decimals, "0.001" has 3`},
		{"9999999999999", "USD", "bad-price", `price is no amount of money: "9999999999999" is too large`},
		{"0", "USD", "price-out-of-range", "price must be from 0.01 to 999999999.99"},
		{"1", "XYZ", "unknown-currency", "currency must be a code of ISO 4217, such as USD"},
	} {
		_, faults := price(c.text, c.currency)
		if len(faults) != 1 || faults[0].Cause != c.cause || faults[0].Field+" "+faults[0].Detail != c.sentence {
			t.Errorf("price(%s, %s): got %+v, want %s: %s", c.text, c.currency, faults, c.cause, c.sentence)
		}
	}
}
