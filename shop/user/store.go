package user

import (
	"embed"
	"io/fs"

	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the tables of this service.
func Migrations() fs.FS { return migrations }

// insert fails if the identifier is taken: whoever calls has looked, under its key's lock.
func insert(tx *store.Tx, u User) error {
	return tx.Exec(`INSERT INTO users (id, name, email, role, created) VALUES ($1, $2, $3, $4, $5)`,
		u.ID, u.Name, u.Email, u.Role, u.Created)
}

func find(tx *store.Tx, id string) (u User, found bool, err error) {
	found, err = tx.Row([]any{&u.ID, &u.Name, &u.Email, &u.Role, &u.Created},
		`SELECT id, name, email, role, created FROM users WHERE id = $1`, id)
	return u, found, err
}
