package twin

import (
	"github.com/tidewire/tidewire/bench/wire"
	"zombiezen.com/go/sqlite"
)

// A connection prepares each statement once.
type connection struct {
	*sqlite.Conn
	statements map[string]*statement
}

// A statement is bound from left to right, then run.
type statement struct {
	*sqlite.Stmt
	bound int
}

func (c *connection) do(query string) *statement {
	s, ok := c.statements[query]
	if !ok {
		prepared, err := c.Prepare(query)
		wire.Must(err)
		s = &statement{Stmt: prepared}
		c.statements[query] = s
	}
	s.bound = 0
	return s
}

func (s *statement) text(v string) *statement {
	s.bound++
	s.BindText(s.bound, v)
	return s
}

func (s *statement) int(v int64) *statement {
	s.bound++
	s.BindInt64(s.bound, v)
	return s
}

func (s *statement) bytes(v []byte) *statement {
	s.bound++
	s.BindBytes(s.bound, v)
	return s
}

func (s *statement) null() *statement {
	s.bound++
	s.BindNull(s.bound)
	return s
}

// run runs a statement that returns nothing of interest.
func (s *statement) run() { s.rows(func() {}) }

// rows calls row for each row.
func (s *statement) rows(row func()) {
	for {
		more, err := s.Step()
		wire.Must(err)
		if !more {
			break
		}
		row()
	}
	wire.Must(s.Reset())
}

// found reports whether there was a row, and calls row for it.
func (s *statement) found(row func()) (found bool) {
	s.rows(func() { found = true; row() })
	return found
}

// blob copies a column.
func (s *statement) blob(column int) []byte {
	b := make([]byte, s.ColumnLen(column))
	s.ColumnBytes(column, b)
	return b
}
