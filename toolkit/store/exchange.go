package store

import (
	"errors"
	"fmt"
)

// An Exchanger is a Conn that can put a table that was made anew in the place of one that
// is in use.
type Exchanger interface {
	// Shadow makes an empty table as another one is, with its keys, its conditions and its
	// indexes. Its name is ShadowOf the other's.
	Shadow(table string) error
	// Seize waits, for a little while, until nobody reads or writes tables and no View is
	// open, and keeps everybody out until the end of the change.
	Seize(tables ...string) error
	// Exchange gives tables that are seized the names of their shadows, and the shadows
	// theirs. Whoever comes after the commit finds what was a shadow; a View that began
	// before finds in each table what its snapshot has there.
	Exchange(tables ...string) error
	// Clear deletes a shadow, or, where that would take long, most of its rows at most. It
	// reports whether there is none any more.
	Clear(table string, most int) (gone bool, err error)
}

// ShadowOf is the name of the shadow of a table.
func ShadowOf(table string) string { return table + "_shadow" }

// ErrNoExchange: the database cannot exchange tables.
var ErrNoExchange = errors.New("the database exchanges no tables")

// Exchanger returns what exchanges tables within tx; ErrNoExchange where nothing can.
func (tx *Tx) Exchanger() (Exchanger, error) {
	e, ok := tx.conn.(Exchanger)
	if !ok || tx.reading {
		return nil, fmt.Errorf("%s: %w", tx.db.service, ErrNoExchange)
	}
	return e, nil
}
