package product

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this service. The search index is another one on each
// database, behind one function, found: its query is the same on both.
func Migrations() fs.FS { return migrations }

const columns = `id, name, price, currency, stock, description, category, created, seq, version`

// dest lists where the columns go.
func (p *Product) dest() []any {
	return []any{&p.ID, &p.Name, &p.Price, &p.Currency, &p.Stock, &p.Description, &p.Category, &p.Created, &p.Seq, &p.Version}
}

// insert fails if the identifier is taken: whoever calls has looked, under its key's lock.
func insert(tx *store.Tx, p Product) error {
	asked, err := p.digest()
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO product (`+columns+`, asked, words) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		p.ID, p.Name, p.Price, p.Currency, p.Stock, p.Description, p.Category, p.Created, p.Seq, p.Version, asked, p.words())
}

// update stores all of p that can change.
func update(tx *store.Tx, p Product) error {
	return tx.Exec(`UPDATE product SET name = $2, price = $3, description = $4, category = $5, version = $6, words = $7 WHERE id = $1`,
		p.ID, p.Name, p.Price, p.Description, p.Category, p.Version, p.words())
}

func find(tx *store.Tx, id string) (p Product, found bool, err error) {
	found, err = tx.Row(p.dest(), `SELECT `+columns+` FROM product WHERE id = $1`, id)
	return p, found, err
}

// isFirst reports whether p is what its product was created as, whatever it is now.
func isFirst(tx *store.Tx, p Product) (bool, error) {
	asked, err := p.digest()
	if err != nil {
		return false, err
	}
	return tx.Row([]any{nil}, `SELECT 1 FROM product WHERE id = $1 AND asked = $2`, p.ID, asked)
}

// A query says which products a list has.
type query struct {
	words    []string // that words of theirs begin with; none: all
	category string   // exactly; "" is all
	after    int64    // Seq of the last one that was listed
	limit    int
}

// list returns the first products of a query in the order of Seq, one more than its
// limit if there are more. What is found comes in that order, so that a page of SQLite's
// is read off the index.
func list(tx *store.Tx, s query) (products []Product, err error) {
	from, seq, args := `product`, `seq`, []any{s.after}
	if len(s.words) > 0 {
		from, seq, args = `found($2) AS f JOIN product ON seq = f.rowid`, `f.rowid`, append(args, pattern(s.words))
	}
	text := `SELECT ` + columns + ` FROM ` + from + ` WHERE ` + seq + ` > $1`
	if s.category != "" {
		args = append(args, s.category)
		text += fmt.Sprintf(` AND category = $%d`, len(args))
	}
	args = append(args, int64(s.limit+1))
	text += fmt.Sprintf(` ORDER BY %s LIMIT $%d`, seq, len(args))
	err = tx.Rows(text, args, func(scan func(...any) error) error {
		var p Product
		err := scan(p.dest()...)
		products = append(products, p)
		return err
	})
	return products, err
}

// A category is one of those that products have.
type category struct {
	Name     string `json:"category"`
	Products int64  `json:"products"` // how many
}

// categories returns up to limit categories behind the one named after, in the order of
// the database.
func categories(tx *store.Tx, after string, limit int) (all []category, err error) {
	args := []any{after, int64(limit)}
	err = tx.Rows(`SELECT category, COUNT(*) FROM product WHERE category > $1 GROUP BY category ORDER BY category LIMIT $2`, args, func(scan func(...any) error) error {
		var c category
		err := scan(&c.Name, &c.Products)
		all = append(all, c)
		return err
	})
	return all, err
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
