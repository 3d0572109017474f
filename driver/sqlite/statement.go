package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

// statements are the prepared statements of one connection, by their text.
type statements struct {
	conn     *sqlite.Conn
	prepared map[string]*sqlite.Stmt
}

func newStatements(c *sqlite.Conn) *statements {
	return &statements{conn: c, prepared: map[string]*sqlite.Stmt{}}
}

// exec runs one of the driver's own statements, which return no rows.
func (ss *statements) exec(query string, args ...any) error {
	s, err := ss.bind(query, args)
	if err != nil {
		return err
	}
	_, err = s.Step()
	return errors.Join(err, s.Reset())
}

// bind prepares a statement, once, and gives it its parameters.
func (ss *statements) bind(query string, args []any) (*sqlite.Stmt, error) {
	s, ok := ss.prepared[query]
	if !ok {
		var err error
		if s, err = ss.conn.Prepare(numbered(query)); err != nil {
			return nil, wrap(query, err)
		}
		ss.prepared[query] = s
	}
	if n := s.BindParamCount(); n != len(args) {
		return nil, fmt.Errorf("%s: %d parameters, want %d", firstLine(query), len(args), n)
	}
	for i, a := range args {
		if err := bind(s, i+1, a); err != nil {
			return nil, fmt.Errorf("%s: parameter %d: %w", firstLine(query), i+1, err)
		}
	}
	return s, nil
}

// numbered turns $N into ?N: SQLite takes $2 as a name, and binds names in the order
// in which they appear. What stands between single quotes is text and stays; a quote in
// a comment would be taken for its begin, so statements have none.
func numbered(query string) string {
	var b strings.Builder
	quoted := false
	for i, r := range query {
		if r == '\'' {
			quoted = !quoted
		}
		if r == '$' && !quoted && i+1 < len(query) && query[i+1] >= '1' && query[i+1] <= '9' {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// bind stores a value as the service's SQL expects it on every database: times as
// microseconds, booleans as 0 and 1, and no bytes as none, which is not NULL. Whatever
// else a caller brings is refused rather than stored in a way that only SQLite reads.
func bind(s *sqlite.Stmt, i int, arg any) error {
	switch a := arg.(type) {
	case nil:
		s.BindNull(i)
	case string:
		s.BindText(i, a)
	case []byte:
		if a == nil {
			a = []byte{}
		}
		s.BindBytes(i, a)
	case int64:
		s.BindInt64(i, a)
	case int:
		s.BindInt64(i, int64(a))
	case bool:
		s.BindBool(i, a)
	case time.Time:
		s.BindInt64(i, a.UnixMicro())
	case *int64:
		if a == nil {
			s.BindNull(i)
		} else {
			s.BindInt64(i, *a)
		}
	default:
		return fmt.Errorf("cannot store a %T", arg)
	}
	return nil
}

// scan copies the columns of the current row: SQLite's own memory is gone with the next
// step. NULL is the zero value, except into a pointer to a pointer, where it is nil.
func scan(s *sqlite.Stmt, dest []any) error {
	if n := s.ColumnCount(); n != len(dest) {
		return fmt.Errorf("%d columns into %d destinations", n, len(dest))
	}
	for i, d := range dest {
		switch d := d.(type) {
		case nil:
		case *string:
			*d = s.ColumnText(i)
		case *[]byte:
			*d = make([]byte, s.ColumnLen(i))
			s.ColumnBytes(i, *d)
		case *int64:
			*d = s.ColumnInt64(i)
		case *int:
			*d = int(s.ColumnInt64(i))
		case *bool:
			*d = s.ColumnInt64(i) != 0
		case *time.Time:
			*d = time.Time{}
			if !s.ColumnIsNull(i) {
				*d = time.UnixMicro(s.ColumnInt64(i)).UTC()
			}
		case **int64:
			*d = nil
			if !s.ColumnIsNull(i) {
				n := s.ColumnInt64(i)
				*d = &n
			}
		default:
			return fmt.Errorf("cannot scan column %d into a %T", i, d)
		}
	}
	return nil
}

// firstLine is enough to find a statement by.
func firstLine(query string) string {
	line, _, more := strings.Cut(strings.TrimSpace(query), "\n")
	if more {
		return line + " …"
	}
	return line
}
