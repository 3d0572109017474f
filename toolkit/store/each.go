package store

import (
	"errors"
	"fmt"
	"iter"
)

// Each runs do for every i of keys as if one after another, and returns the first error
// with the i that seems to be at fault, len(keys) where it is none.
//
// On a database that is a round trip away, those without a key in common take turns:
// one runs until it asks the database something, then the next, and what they have
// asked goes there together. So do decides on the rows of its keys alone, and waits for
// nothing that another one holds.
func (tx *Tx) Each(keys [][]string, do func(tx *Tx, i int) error) (at int, err error) {
	together, ok := tx.conn.(Together)
	if !ok || len(keys) < 2 {
		for i := range keys {
			if err := caught(func() error { return do(tx, i) }); err != nil {
				return i, err
			}
		}
		return len(keys), nil
	}
	turns := tx.turns(keys, do)
	defer func() {
		for _, t := range turns {
			t.stop()
		}
	}()
	for {
		var asked []*turn
		for i, t := range turns {
			if !t.ready() {
				continue
			}
			if _, more := t.next(); more {
				asked = append(asked, t)
			} else if t.over = true; t.err != nil {
				return i, t.err
			}
		}
		if len(asked) == 0 {
			return len(keys), nil
		}
		if at, err := answer(together, asked); err != nil {
			return at, err
		}
	}
}

// A turn is one call of do, as a coroutine: it stops wherever it asks the database.
type turn struct {
	Conn   // of the transaction
	i      int
	before []*turn // that must be over first
	next   func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	asks   *Question
	over   bool
	err    error // of do
}

// turns returns a turn for every i, each behind the last one before it that has a key in
// common.
func (tx *Tx) turns(keys [][]string, do func(tx *Tx, i int) error) []*turn {
	turns, last := make([]*turn, len(keys)), map[string]*turn{}
	for i := range keys {
		t := &turn{Conn: tx.conn, i: i}
		mine := *tx
		mine.conn = t
		t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
			t.yield = yield
			t.err = caught(func() error { return do(&mine, i) })
		})
		for _, key := range keys[i] {
			if b := last[key]; b != nil && b != t {
				t.before = append(t.before, b)
			}
			last[key] = t
		}
		turns[i] = t
	}
	return turns
}

// caught turns a panic of do into an error: it is that one's, and nobody else's.
func caught(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
	}()
	return do()
}

func (t *turn) ready() bool {
	if t.over {
		return false
	}
	for _, b := range t.before {
		if !b.over {
			return false
		}
	}
	return true
}

// answer asks what turns want to know, and names the one at fault.
func answer(c Together, asked []*turn) (at int, err error) {
	questions := make([]*Question, len(asked))
	for n, t := range asked {
		questions[n] = t.asks
	}
	err = c.Ask(questions)
	at = asked[0].i
	for _, t := range asked {
		if err != nil && t.asks.Err != nil {
			at = t.i
		}
	}
	return at, err
}

var (
	errStopped = errors.New("store: another change of the transaction failed")
	errAsking  = errors.New("store: a row function runs no statement")
)

// Query stops here until the answer is there.
func (t *turn) Query(query string, args []any, row func(scan func(dest ...any) error) error) error {
	q := &Question{Query: query, Args: args}
	if row != nil {
		q.Row = func(scan func(...any) error) error { return caught(func() error { return row(scan) }) }
	}
	return t.ask(q)
}

// Next stops here until a number is drawn.
func (t *turn) Next() (n int64, err error) {
	err = t.ask(&Question{Next: &n})
	return n, err
}

func (t *turn) ask(q *Question) error {
	if t.asks != nil {
		return errAsking
	}
	t.asks = q
	defer func() { t.asks = nil }()
	if !t.yield(struct{}{}) {
		return errStopped
	}
	return q.Err
}
