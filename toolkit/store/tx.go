package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/message"
)

// A Tx is a transaction in progress. It is used by one goroutine, and is of no use
// after the change it was given to has returned.
type Tx struct {
	// Now is the only clock of a handler: the database's, and it never steps back
	// while the process lives.
	Now time.Time

	conn    Conn
	db      *DB
	reading bool
	from    message.Message // what is being handled: the cause of what is said
	*said
}

// said is what the change has said so far, and what it is to write at its end.
type said struct {
	facts    []message.Message
	seqs     []int64
	work     []job
	gathered []Gatherer
	added    []*rows
	then     []func()
}

// job is a message on its way into a queue.
type job struct {
	message.Message
	queue string
	due   time.Time
}

// Exec runs a statement that returns no rows. Its error may come from a later
// statement, or from the commit.
func (tx *Tx) Exec(query string, args ...any) error { return tx.conn.Exec(query, args...) }

// Row reads the first row of a query into dest, and reports whether there was one.
func (tx *Tx) Row(dest []any, query string, args ...any) (found bool, err error) {
	err = tx.conn.Query(query, args, func(scan func(...any) error) error {
		if found {
			return nil
		}
		found = true
		return scan(dest...)
	})
	return found, err
}

// Rows calls row for each row of a query, with a function that copies its columns.
func (tx *Tx) Rows(query string, args []any, row func(scan func(dest ...any) error) error) error {
	return tx.conn.Query(query, args, row)
}

// Lock holds the locks of more keys until the end, as the keys of Update. Whoever
// locks twice in one transaction answers for the order.
func (tx *Tx) Lock(keys ...string) error { return tx.conn.Lock(keys...) }

// Next draws a number that is larger than all before it, and that Settled covers.
func (tx *Tx) Next() (int64, error) { return tx.conn.Next() }

// A Place is how far the history of a key goes.
type Place struct {
	Version int64 // of the last fact; 0 if there is none
	Time    time.Time
}

// Append says a fact about key to whoever follows this service's journal.
func (tx *Tx) Append(key string, fact message.Kind) error {
	m, err := tx.say(key, fact)
	if err == nil {
		tx.facts = append(tx.facts, m)
	}
	return err
}

// AppendAfter says the next fact in the history of key, and returns its place. It is
// later than the one before, whatever the clock says. If there is one already, the
// change fails with ErrConflict.
func (tx *Tx) AppendAfter(last Place, key string, fact message.Kind) (Place, error) {
	m, err := tx.say(key, fact)
	if err != nil {
		return last, err
	}
	m.Version = last.Version + 1
	if !m.Time.After(last.Time) {
		m.Time = last.Time.Add(time.Microsecond)
	}
	tx.facts = append(tx.facts, m)
	return Place{Version: m.Version, Time: m.Time}, nil
}

// Said returns what the change has said about key so far, in order. The journal does not
// show it before it is committed: whoever decides on a history adds it.
func (tx *Tx) Said(key string) (said []message.Message) {
	for _, m := range tx.facts {
		if m.Key == key {
			said = append(said, m)
		}
	}
	return said
}

// Written returns the last position in each partition that the change has appended to. It
// is known once the change is on disk, which is in Then.
func (tx *Tx) Written() (last []Position) {
	if len(tx.seqs) == 0 {
		return nil
	}
	for p := range Partitions {
		if at := tx.last(p); at.Seq > 0 {
			last = append(last, at)
		}
	}
	return last
}

// Send asks for work, as soon as this is committed: of a queue of this service, or
// through the journal of another one's.
func (tx *Tx) Send(key string, work message.Work) error { return tx.SendAt(tx.Now, key, work) }

// SendAt asks for work of this service that is not to begin before due.
func (tx *Tx) SendAt(due time.Time, key string, work message.Work) error {
	return tx.SendAs("", due, key, work)
}

// SendAs is SendAt under an id of the caller's own, which a later SendAs with the same
// id replaces and Unsend takes back. Where the work has begun, its worker then finds its
// lease ended and stores nothing; where it is dead, it is alive again.
func (tx *Tx) SendAs(id string, due time.Time, key string, work message.Work) error {
	m, err := tx.say(key, work)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(work.Queue(), tx.db.service+"_") {
		m.Class = message.Command
		tx.facts = append(tx.facts, m)
		return nil
	}
	if id != "" {
		m.ID = id
		tx.work = slices.DeleteFunc(tx.work, func(j job) bool { return j.ID == id })
	}
	tx.work = append(tx.work, job{Message: m, queue: work.Queue(), due: due})
	return nil
}

// Unsend takes back work that was sent with SendAs.
func (tx *Tx) Unsend(id string) error {
	tx.work = slices.DeleteFunc(tx.work, func(j job) bool { return j.ID == id })
	return tx.Exec(`DELETE FROM job WHERE id = $1`, id)
}

// Then calls f once the change is on disk, and not if it comes to nothing: it is where
// what happened is counted. f is quick, and cannot fail.
func (tx *Tx) Then(f func()) { tx.then = append(tx.then, f) }

// Handling returns tx as it is to be used while m is handled: what is said through it
// is caused by m, and of the step that m.Trace names. It is one transaction with tx.
func (tx *Tx) Handling(m message.Message) *Tx {
	tx.from = m
	return tx
}

// say makes a message of data.
func (tx *Tx) say(key string, data message.Kind) (message.Message, error) {
	if tx.reading {
		return message.Message{}, errors.New("store: a View says nothing")
	}
	m, err := message.Encode(key, data)
	if err != nil {
		return m, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return m, err
	}
	// The span that a message names is that of the step that said it. A step that is not
	// recorded has none, and passes on the one before: no recorded one lacks its parent.
	tx.from.Trace = message.Trace(tx.from.Trace)
	m.ID, m.Time, m.Cause, m.Trace = id.String(), tx.Now, tx.from.ID, tx.from.Trace
	return m, nil
}

// flush writes what was gathered, added and said, as the last statements of the change.
func (tx *Tx) flush() error {
	for _, g := range tx.gathered {
		if err := g.Flush(tx); err != nil {
			return err
		}
	}
	for _, j := range tx.work {
		err := tx.Insert("job (id, queue, kind, key, time, cause, trace, body, due)",
			"ON CONFLICT (id) DO UPDATE SET due = excluded.due, body = excluded.body, lease = '', strikes = 0, dead = 0, past = ''",
			j.ID, j.queue, j.Kind, j.Key, j.Time, j.Cause, j.Trace, j.Body, j.due)
		if err != nil {
			return err
		}
	}
	for _, r := range tx.added {
		if err := r.flush(tx); err != nil {
			return err
		}
	}
	if len(tx.facts) == 0 {
		return nil
	}
	seqs, err := tx.conn.Append(tx.facts)
	tx.seqs = seqs
	return err
}

// soon is how long before it is due a hint about work is of use: whoever gets it polls
// often for a while.
const soon = time.Second

// topics are what a commit of tx gives hints about.
func (tx *Tx) topics() []string {
	var topics []string
	if len(tx.facts) > 0 {
		topics = append(topics, Journal)
	}
	for _, j := range tx.work {
		if j.due.Sub(tx.Now) < soon && !slices.Contains(topics, j.queue) {
			topics = append(topics, j.queue)
		}
	}
	return topics
}

// last is the position of the last fact in a partition.
func (tx *Tx) last(partition int) Position {
	for i, m := range slices.Backward(tx.facts) {
		if Partition(m.Key) == partition {
			return Position{Partition: partition, Seq: tx.seqs[i], ID: m.ID}
		}
	}
	return Position{}
}

// keep takes the trace of the request from ctx.
func (tx *Tx) keep(ctx context.Context) {
	tx.from.Trace = TraceOf(ctx)
}
