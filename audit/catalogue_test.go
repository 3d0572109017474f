package audit

import (
	"strings"
	"testing"
)

const (
	promisePrice   = "a price is the end of its history"
	promiseFound   = "every product is found"
	promiseProfile = "every change of a profile was said"
)

// inCatalogue are wrongs of what customers see before they order, and of themselves.
func inCatalogue() []plant {
	return []plant{
		{name: "price without a history", promise: promisePrice, example: "product a costs 7,", do: in("product", `UPDATE product SET price = 7 WHERE id = 'a'`)},
		{name: "no history at all", promise: promisePrice, example: "ends in nothing", do: in("product", `DELETE FROM price WHERE product_id = 'b'`)},
		{name: "gap in a history", promise: promisePrice, example: "product a had 2 prices, from 1 to 3", do: in("product", `UPDATE price SET n = 3 WHERE product_id = 'a' AND n = 2`)},
		{name: "beginning of a history lost", promise: promisePrice, example: "from 2 to 2", do: in("product", `DELETE FROM price WHERE product_id = 'a' AND n = 1`)},
		{name: "history out of order", promise: promisePrice, example: "not later", do: in("product", `UPDATE price SET at = 1 WHERE n = 2`)},
		{name: "change that changed nothing", promise: promisePrice, example: "is the one before", do: in("product", `UPDATE price SET price = 500`)},
		{name: "history of nothing", promise: promisePrice, example: "is not there", do: in("product", `INSERT INTO price (product_id, n, price, at) VALUES ('ghost', 1, 1, 1)`)},
		{name: "price that was not said", promise: promisePrice, example: "said nothing", do: in("product", `DELETE FROM journal WHERE kind = 'ProductPriceUpdated'`)},
		{name: "another price said", promise: promisePrice, example: "said 499", do: in("product", `UPDATE journal SET body = $1 WHERE kind = 'ProductPriceUpdated'`, []byte(`{"price":499}`))},
		{name: "price that was only said", promise: promisePrice, example: "never had it", do: func(p *platform) {
			p.say("product", "ProductPriceUpdated", "b", 0, map[string]any{"price": 9})
		}},
		{name: "words lost", promise: promiseFound, example: "product b is not found by other", do: in("product", `UPDATE product SET words = '' WHERE id = 'b'`)},
		{name: "name changed and not its words", promise: promiseFound, example: "product a is not found by laptop", do: in("product", `UPDATE product SET name = 'Laptop, grey' WHERE id = 'a'`)},
		{name: "index lost", promise: promiseFound, example: "product a is not found by thing", do: func(p *platform) {
			if p.inFile("product") {
				p.exec("product", `INSERT INTO found (found) VALUES ('delete-all')`)
			} else { // an index of PostgreSQL is lost only with what it is of
				p.exec("product", `UPDATE product SET words = 'nothing'`)
			}
		}},
		{name: "profile changed without a word", promise: promiseProfile, example: "user 1 is at version 3 and said 1", do: in("user", `UPDATE users SET version = 3`)},
	}
}

// reprice gives a product another price, of which nobody has read yet.
func (p *platform) reprice(id string, n, price int) {
	p.exec("product", `UPDATE product SET price = $1, version = version + 1 WHERE id = $2`, price, id)
	p.exec("product", `INSERT INTO price (product_id, n, price, at) VALUES ($1, $2, $3, $4)`, id, n, price, p.tick())
	p.say("product", "ProductPriceUpdated", id, 0, map[string]any{"productId": id, "price": price})
}

func TestFirstWord(t *testing.T) {
	for name, want := range map[string]string{
		"Laptop":                 "laptop",
		"27-inch Monitor":        "27",
		" (French) Press":        "french",
		"O'Neil":                 "o",
		"Café":                   "caf", // how it begins is enough
		"Éclair":                 "",
		"™ Pen":                  "",
		"本":                      "",
		"!":                      "",
		"":                       "",
		strings.Repeat("Aa", 40): strings.Repeat("a", 50),
	} {
		if got := firstWord(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
