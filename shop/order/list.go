package order

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A filter says which orders a list has; "" is any.
type filter struct {
	user, status string
	limit        int
	after        string // key of the last order of the page before; "" for the first page
}

// A page is some rows, and the key of the last where there are more.
type page struct {
	rows []row
	last string
}

// newest lists orders, those that were accepted last first.
func newest(tx *store.Tx, f filter) (page, error) {
	before, id := time.UnixMicro(math.MaxInt64), ""
	if f.after != "" {
		var err error
		if before, id, err = splitKey(f.after); err != nil {
			return page{}, err
		}
	}
	where, args := f.where(`(created, id) < ($1, $2)`, before, id)
	// One more row than asked for tells whether there is another page.
	rows, err := list(tx, fmt.Sprintf(`%s ORDER BY created DESC, id DESC LIMIT %d`, where, f.limit+1), args)
	if err != nil || len(rows) <= f.limit {
		return page{rows: rows}, err
	}
	rows = rows[:f.limit]
	end := rows[len(rows)-1]
	return page{rows: rows, last: fmt.Sprintf("%d:%s", end.Created.UnixMicro(), end.Terms.OrderID)}, nil
}

// final lists orders that have ended, in the order in which they did. Only those up to
// settled are sure to have none still to come between them. There is always a last key,
// to go on from.
func final(tx *store.Tx, f filter, settled int64) (page, error) {
	var after int64
	if f.after != "" {
		var err error
		if after, err = strconv.ParseInt(f.after, 10, 64); err != nil || after < 0 {
			return page{}, door.BadCursor()
		}
	}
	where, args := f.where(`ended > $1 AND ended <= $2`, after, settled)
	rows, err := list(tx, fmt.Sprintf(`%s ORDER BY ended LIMIT %d`, where, f.limit), args)
	if len(rows) > 0 {
		after = rows[len(rows)-1].Ended
	}
	return page{rows: rows, last: strconv.FormatInt(after, 10)}, err
}

// where adds what f asks for to a condition with two arguments.
func (f filter) where(condition string, args ...any) (string, []any) {
	if f.user != "" {
		args = append(args, f.user)
		condition += fmt.Sprintf(` AND user_id = $%d`, len(args))
	}
	switch s := State(f.status); {
	case f.status == "":
	case s.ended():
		args = append(args, f.status)
		condition += fmt.Sprintf(` AND status = $%d`, len(args))
	default: // few among many: let the index on ended find them
		args = append(args, f.status)
		condition += fmt.Sprintf(` AND ended IS NULL AND status = $%d`, len(args))
	}
	return condition, args
}

// list reads rows. where is a condition made of this package's own words only; whatever a
// customer gave is among args.
func list(tx *store.Tx, where string, args []any) (rows []row, err error) {
	err = tx.Rows(`SELECT `+columns+` FROM orders WHERE `+where, args, func(scan func(...any) error) error {
		r, err := scanned(scan)
		rows = append(rows, r)
		return err
	})
	return rows, err
}

// splitKey reads the key of newest: when an order was accepted, and its id.
func splitKey(key string) (time.Time, string, error) {
	micros, id, ok := strings.Cut(key, ":")
	n, err := strconv.ParseInt(micros, 10, 64)
	if !ok || err != nil || n < 0 || !door.ValidID(id) {
		return time.Time{}, "", door.BadCursor()
	}
	return time.UnixMicro(n), id, nil
}
