package product

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
)

// A Product is one thing that can be ordered.
type Product struct {
	ID          string
	Name        string
	Price       int64 // in minor units of Currency
	Currency    string
	Stock       *int64 // to begin with; nil: not tracked, never runs out
	Description string
	Category    string
	Created     time.Time
	Seq         int64 // its place in lists
	Version     int64 // 1, and one more with every change
}

const (
	maxName        = 200    // characters, of a category too
	maxDescription = 10_000 // characters
	maxStock       = 1_000_000_000
)

// same reports whether a client that asks for p asks for what q is. Prices are compared
// as money: 5 and "5.00" are the same.
func (p Product) same(q Product) bool {
	stock := p.Stock == nil && q.Stock == nil || p.Stock != nil && q.Stock != nil && *p.Stock == *q.Stock
	return stock && p.Name == q.Name && p.Price == q.Price && p.Currency == q.Currency &&
		p.Description == q.Description && p.Category == q.Category
}

// digest tells what a client asks for as p from anything else that it could ask for.
func (p Product) digest() (string, error) {
	return door.Digest(p.ID, p.Name, p.Price, p.Currency, p.Stock, p.Description, p.Category)
}

// faults lists what is not acceptable about p, its price apart.
func (p Product) faults() []door.Field {
	var faults []door.Field
	fault := func(is bool, cause, field, detail string) {
		if is {
			faults = append(faults, door.Field{Cause: cause, Field: field, Detail: detail})
		}
	}
	fault(!door.ValidID(p.ID), "bad-id", "id", door.IDRule)
	fault(p.ID == "categories", "bad-id", "id", "must not be categories, where the list of them is")
	fault(strings.TrimSpace(p.Name) == "", "no-name", "name", "must be given")
	fault(!line(p.Name), "bad-name", "name", "must be one line of at most 200 characters, without control characters")
	fault(!line(p.Category), "bad-category", "category", "must be one line of at most 200 characters, without control characters")
	fault(utf8.RuneCountInString(p.Description) > maxDescription, "description-too-long", "description", "must have at most 10000 characters")
	fault(strings.ContainsFunc(p.Description, control), "bad-description", "description", "must not have control characters")
	fault(p.Stock != nil && (*p.Stock < 0 || *p.Stock > maxStock), "stock-out-of-range", "stock", "must be from 0 to 1000000000")
	return faults
}

// line reports whether s is one line of text, not too long.
func line(s string) bool {
	return utf8.RuneCountInString(s) <= maxName && door.OneLine(s)
}

// control reports whether r is a control character other than those that text has.
func control(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// price reads a price, from 0.01 to 999,999,999.99 of any currency.
func price(text money.Text, currency string) (int64, []door.Field) {
	if text == "" {
		return 0, []door.Field{{Cause: "no-price", Field: "price", Detail: "must be given"}}
	}
	minor, err := money.Parse(string(text), currency)
	if errors.Is(err, money.ErrCurrency) {
		return 0, []door.Field{{Cause: "unknown-currency", Field: "currency", Detail: "must be a code of ISO 4217, such as USD"}}
	}
	if err != nil {
		return 0, []door.Field{{Cause: "bad-price", Field: "price", Detail: "is " + err.Error()}}
	}
	// A currency with three decimals has amounts below 0.01, one without has none.
	one, err := money.Parse("1", currency)
	if err != nil {
		return 0, []door.Field{{Cause: "unknown-currency", Field: "currency", Detail: "is an " + err.Error()}}
	}
	if minor*100 < one || minor > one*1_000_000_000-max(one/100, 1) {
		return 0, []door.Field{{Cause: "price-out-of-range", Field: "price", Detail: "must be from 0.01 to 999999999.99"}}
	}
	return minor, nil
}
