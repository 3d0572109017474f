package product

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the tables of this service.
func Migrations() fs.FS { return migrations }

const columns = `id, name, price, currency, stock, description, category, created, seq`

// dest lists where the columns go.
func (p *Product) dest() []any {
	return []any{&p.ID, &p.Name, &p.Price, &p.Currency, &p.Stock, &p.Description, &p.Category, &p.Created, &p.Seq}
}

// insert fails if the identifier is taken: whoever calls has looked, under its key's lock.
func insert(tx *store.Tx, p Product) error {
	return tx.Exec(`INSERT INTO product (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		p.ID, p.Name, p.Price, p.Currency, p.Stock, p.Description, p.Category, p.Created, p.Seq)
}

func find(tx *store.Tx, id string) (p Product, found bool, err error) {
	found, err = tx.Row(p.dest(), `SELECT `+columns+` FROM product WHERE id = $1`, id)
	return p, found, err
}

// A search says which products a list has.
type search struct {
	query    string // in the name or the description, in any case; "" is all
	category string // exactly; "" is all
	after    int64  // Seq of the last one that was listed
	limit    int
}

// list returns the first products of a search in the order of Seq, one more than its
// limit if there are more.
func list(tx *store.Tx, s search) (products []Product, err error) {
	args := []any{s.after, pattern(s.query), s.category, int64(s.limit + 1)}
	err = tx.Rows(`SELECT `+columns+` FROM product WHERE seq > $1
		AND ($2 = '%%' OR lower(name) LIKE lower($2) ESCAPE '!' OR lower(description) LIKE lower($2) ESCAPE '!')
		AND ($3 = '' OR category = $3) ORDER BY seq LIMIT $4`, args, func(scan func(...any) error) error {
		var p Product
		err := scan(p.dest()...)
		products = append(products, p)
		return err
	})
	return products, err
}

// pattern is the LIKE pattern of text that contains query, literally. Its escape is not
// the backslash, which the databases read differently in a string.
func pattern(query string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(query) + "%"
}

// lookup returns what there is of ids, in no order.
func lookup(tx *store.Tx, ids []string) ([]contract.Product, error) {
	var in strings.Builder
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
		fmt.Fprintf(&in, ", $%d", i+1)
	}
	var products []contract.Product
	err := tx.Rows(`SELECT id, name, price, currency FROM product WHERE id IN (`+in.String()[2:]+`)`, args, func(scan func(...any) error) error {
		var p contract.Product
		err := scan(&p.ID, &p.Name, &p.Price, &p.Currency)
		products = append(products, p)
		return err
	})
	return products, err
}
