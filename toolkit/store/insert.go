package store

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// rows are what a change adds to one table.
type rows struct {
	into, conflict string
	width          int
	values         []any // width for each row
}

// portion is how many rows one statement adds at most.
const portion = 64

// Insert adds a row at the end of the change, in one statement with the others that the
// change adds there: it is for rows that no handler reads, as what is handled before the
// end does not see them. into names the table and its columns, as "entry (id, amount)";
// conflict is what follows the values, as "ON CONFLICT DO NOTHING", or "". An error of the
// statement is one of the change, and not of the message that added the row.
func (tx *Tx) Insert(into, conflict string, values ...any) error {
	if tx.reading {
		return errors.New("store: a View inserts nothing")
	}
	for _, r := range tx.added {
		if r.into != into || r.conflict != conflict {
			continue
		}
		if r.width != len(values) {
			return fmt.Errorf("store: %d values for %s, where %d were", len(values), into, r.width)
		}
		r.values = append(r.values, values...)
		return nil
	}
	tx.added = append(tx.added, &rows{into: into, conflict: conflict, width: len(values), values: values})
	return nil
}

// flush writes the rows in portions of a power of two, so that few statements serve all
// numbers of rows.
func (r *rows) flush(tx *Tx) error {
	for left := r.values; len(left) > 0; {
		n := 1 << (bits.Len(uint(min(portion, len(left)/r.width))) - 1)
		if err := tx.Exec(r.statement(n), left[:n*r.width]...); err != nil {
			return err
		}
		left = left[n*r.width:]
	}
	return nil
}

// statement is the INSERT of n rows.
func (r *rows) statement(n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + r.into + " VALUES ")
	for i := range n * r.width {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%r.width == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	b.WriteString(") " + r.conflict)
	return b.String()
}
