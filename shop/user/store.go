package user

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

const columns = `id, name, email, role, created, version`

// dest lists where the columns go.
func (u *User) dest() []any {
	return []any{&u.ID, &u.Name, &u.Email, &u.Role, &u.Created, &u.Version}
}

// insert fails if the identifier is taken: whoever calls has looked, under its key's lock.
func insert(tx *store.Tx, u User) error {
	asked, err := u.digest()
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO users (`+columns+`, asked) VALUES ($1, $2, $3, $4, $5, $6, $7)`, u.ID, u.Name, u.Email, u.Role, u.Created, u.Version, asked)
}

// isFirst reports whether u is what its user was registered as, whatever it is now.
func isFirst(tx *store.Tx, u User) (bool, error) {
	asked, err := u.digest()
	if err != nil {
		return false, err
	}
	return tx.Row([]any{nil}, `SELECT 1 FROM users WHERE id = $1 AND asked = $2`, u.ID, asked)
}

// update stores all of u that can change.
func update(tx *store.Tx, u User) error {
	return tx.Exec(`UPDATE users SET name = $2, email = $3, version = $4 WHERE id = $1`, u.ID, u.Name, u.Email, u.Version)
}

func find(tx *store.Tx, id string) (u User, found bool, err error) {
	found, err = tx.Row(u.dest(), `SELECT `+columns+` FROM users WHERE id = $1`, id)
	return u, found, err
}

// contacts returns what there is of ids, in no order.
func contacts(tx *store.Tx, ids []string) (all []contract.Contact, err error) {
	var in strings.Builder
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
		fmt.Fprintf(&in, ", $%d", i+1)
	}
	err = tx.Rows(`SELECT id, name, email FROM users WHERE id IN (`+in.String()[2:]+`)`, args, func(scan func(...any) error) error {
		var c contract.Contact
		err := scan(&c.UserID, &c.Name, &c.Email)
		all = append(all, c)
		return err
	})
	return all, err
}
