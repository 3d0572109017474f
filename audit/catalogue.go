package audit

import (
	"errors"
	"fmt"
	"strings"
)

// prices checks that what a product costs is the end of its history, and that each entry
// of that was said. Products, their history and their events are of one snapshot.
func (a *audit) prices() promise {
	told := `(SELECT key, ` + a.dialect.text("body", "price") + ` AS price, ROW_NUMBER() OVER (PARTITION BY key ORDER BY seq) + 1 AS n
		FROM product.journal WHERE kind = 'ProductPriceUpdated')`
	return promise{name: "a price is the end of its history", probes: []probe{
		{of: count("product.product"), bad: `SELECT 'product ' || p.id || ' costs ' || p.price || ', its history ends in ' || COALESCE(CAST(h.price AS TEXT), 'nothing') FROM product.product p
			LEFT JOIN (SELECT product_id, MAX(n) AS n FROM product.price GROUP BY product_id) last ON last.product_id = p.id
			LEFT JOIN product.price h ON h.product_id = p.id AND h.n = last.n WHERE h.price IS DISTINCT FROM p.price`},
		{of: count("product.price"), bad: `SELECT 'product ' || product_id || ' had ' || COUNT(*) || ' prices, from ' || MIN(n) || ' to ' || MAX(n) FROM product.price
			GROUP BY product_id HAVING MIN(n) <> 1 OR MAX(n) <> COUNT(*) OR SUM(n) * 2 <> COUNT(*) * (COUNT(*) + 1)`},
		{bad: `SELECT 'product ' || h.product_id || ' has a price and is not there' FROM product.price h
			LEFT JOIN product.product p ON p.id = h.product_id WHERE p.id IS NULL`},
		{bad: `SELECT 'product ' || h.product_id || ': price ' || n.n || CASE WHEN n.at <= h.at THEN ' is not later than the one before' ELSE ' is the one before' END
			FROM product.price h JOIN product.price n ON n.product_id = h.product_id AND n.n = h.n + 1 WHERE n.at <= h.at OR n.price = h.price`},
		{bad: `SELECT 'product ' || h.product_id || ' has had the price ' || h.price || ' and said ' || COALESCE(CAST(t.price AS TEXT), 'nothing') FROM product.price h
			LEFT JOIN ` + told + ` t ON t.key = h.product_id AND t.n = h.n WHERE h.n > 1 AND CAST(t.price AS BIGINT) IS DISTINCT FROM h.price`},
		{bad: `SELECT 'product ' || t.key || ' said the price ' || t.price || ' and never had it' FROM ` + told + ` t
			LEFT JOIN product.price h ON h.product_id = t.key AND h.n = t.n WHERE h.product_id IS NULL`},
	}}
}

// found checks that the search index is that of the catalogue: each product is found by
// the first word of its name.
func (a *audit) found() promise {
	return promise{name: "every product is found", probes: []probe{
		{of: count("spoken"), bad: `SELECT 'product ' || p.id || ' is not found by ' || s.word FROM spoken s JOIN product.product p ON p.seq = s.seq
			LEFT JOIN (` + a.dialect.found + `) f ON f.word = s.word AND f.seq = s.seq WHERE f.seq IS NULL`},
	}}
}

// profiles checks that every change of a user was said.
func profiles() promise {
	return promise{name: "every change of a profile was said", probes: []probe{
		{of: count(`"user".users`), bad: `SELECT 'user ' || u.id || ' is at version ' || u.version || ' and said ' || COUNT(f.id) || ' changes' FROM "user".users u
			LEFT JOIN fact_user f ON f.kind = 'UserUpdated' AND f.key = u.id GROUP BY u.id, u.version HAVING u.version <> COUNT(f.id) + 1`},
	}}
}

// listen notes the first word of each product's name.
func (a *audit) listen() {
	type name struct {
		seq  int64
		word string
	}
	var names []name
	err := a.each(`SELECT seq, name FROM product.product`, func(scan func(...any) error) error {
		var n name
		err := scan(&n.seq, &n.word)
		if n.word = firstWord(n.word); n.word != "" {
			names = append(names, n)
		}
		return err
	})
	if err == nil {
		err = a.guard(func() error {
			in := inserter{audit: a, table: "spoken", columns: []string{"seq", "word"}}
			for _, n := range names {
				if err := in.add(n.seq, n.word); err != nil {
					return errors.Join(err, in.close())
				}
			}
			return in.close()
		})
	}
	if err != nil {
		a.missing = append(a.missing, fmt.Sprintf("names of products: %v", err))
	}
}

// firstWord returns how the first word of a name begins, in small letters: as far as it is
// of ASCII, which needs no rules about accents. "" is a name that begins otherwise.
func firstWord(name string) string {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}
	name = strings.TrimLeftFunc(name, func(r rune) bool { return r < 0x80 && other(r) })
	if end := strings.IndexFunc(name, other); end >= 0 {
		name = name[:end]
	}
	return strings.ToLower(name[:min(len(name), longestWord)])
}

// longestWord is how much of a word is searched.
const longestWord = 50
