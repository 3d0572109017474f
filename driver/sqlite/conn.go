package sqlite

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"zombiezen.com/go/sqlite"
)

// A conn is a store.Conn: the connection, for as long as a change may use it. Its
// mutex is held whenever SQLite is called, so that the writer can take it away.
type conn struct {
	stmts *statements
	draw  func(kept bool) int64 // nil in a View
	fresh []stream.Entry        // what was appended,
	sure  bool                  // once, and as the last thing: no savepoint has undone it

	mu     sync.Mutex
	ended  bool
	active *sqlite.Stmt
}

var _ store.Conn = (*conn)(nil)

var errEnded = errors.New("sqlite: used after its change ended")

// Exec steps to the end: a statement with RETURNING would otherwise stay half done, and
// keep the savepoint from being released.
func (c *conn) Exec(query string, args ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errEnded
	}
	c.sure = false
	s, err := c.stmts.bind(query, args)
	if err != nil {
		return err
	}
	for {
		more, err := s.Step()
		if err != nil || !more {
			return wrap(query, errors.Join(err, s.Reset()))
		}
	}
}

// Query reads row by row, so that a large result costs no memory. A statement that is
// left half read, by an error or a panic of row, is reset by end.
func (c *conn) Query(query string, args []any, row func(scan func(dest ...any) error) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errEnded
	}
	c.sure = false
	s, err := c.stmts.bind(query, args)
	if err != nil {
		return err
	}
	c.active = s
	columns := func(dest ...any) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ended {
			return errEnded
		}
		return scan(s, dest)
	}
	for {
		more, err := s.Step()
		if err == nil && more {
			err = c.unlocked(row, columns)
		}
		if c.ended {
			return errEnded // whoever ended it has reset the statement
		}
		if err != nil || !more {
			c.active = nil
			return wrap(query, errors.Join(err, s.Reset()))
		}
	}
}

// unlocked calls row without the mutex: a change that hangs there can be revoked.
func (c *conn) unlocked(row func(func(...any) error) error, columns func(...any) error) error {
	c.mu.Unlock()
	defer c.mu.Lock()
	return row(columns)
}

// Lock has nothing to do: there is one writer.
func (c *conn) Lock(...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errEnded
	}
	return nil
}

// Append writes rows with numbers drawn one by one. A unique index makes the second of
// two equal versions the conflict: the id of a message is not looked at.
func (c *conn) Append(msgs []message.Message) ([]int64, error) {
	seqs := make([]int64, len(msgs))
	first := len(c.fresh) == 0
	for i, m := range msgs {
		seq, err := c.number(false)
		if err != nil {
			return nil, err
		}
		seqs[i] = seq
		var version any
		if m.Version > 0 {
			version = m.Version
		}
		err = c.Exec(`INSERT INTO journal (partition, seq, id, kind, class, key, version, time, cause, trace, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			store.Partition(m.Key), seq, m.ID, m.Kind, string(m.Class), m.Key, version, m.Time, m.Cause, m.Trace, m.Body)
		if sqlite.ErrCode(err) == sqlite.ResultConstraintUnique {
			return nil, fmt.Errorf("%w: %s has a version %d", store.ErrConflict, m.Key, m.Version)
		}
		if err != nil {
			return nil, err
		}
		if err := c.appended(stream.Entry{Position: store.Position{Partition: store.Partition(m.Key), Seq: seq, ID: m.ID}, Message: m}); err != nil {
			return nil, err
		}
	}
	c.sure = first
	return seqs, nil
}

// appended remembers a row for the writer, which reads it as soon as the change has ended
// or was revoked.
func (c *conn) appended(row stream.Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errEnded
	}
	c.fresh = append(c.fresh, row)
	return nil
}

// Next draws a number that a restart must not draw again.
func (c *conn) Next() (int64, error) { return c.number(true) }

// number draws one; it is kept if no row of the journal will show it.
func (c *conn) number(kept bool) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return 0, errEnded
	}
	if c.draw == nil {
		return 0, errors.New("sqlite: a View draws no numbers")
	}
	return c.draw(kept), nil
}

// end makes the connection useless to its change, also to one that goes on in another
// goroutine, before anybody else gets it.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if err := c.reset(); err != nil {
		return // the statement's own error, which its change has seen
	}
}

// reset ends a statement that a change left half read. The mutex is held.
func (c *conn) reset() error {
	if c.active == nil {
		return nil
	}
	s := c.active
	c.active = nil
	return s.Reset()
}

// wrap names the statement: a service's log shows which one, without its values.
func wrap(query string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", firstLine(query), explain(err))
}
