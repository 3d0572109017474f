// Package store is a service's own database: state and messages in one commit.
//
// A handler is a transaction. Through its Tx it reads and changes the rows of its
// service, appends facts to the service's journal and sends work to its queues, and
// all of it is committed together or not at all. Nothing else is needed for an effect
// that happens once.
//
// Placeholders are $1, $2, … on every database. Times are stored as whole
// microseconds since 1970 in BIGINT columns, booleans as 0 and 1 in BIGINT columns.
package store

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Partitions is the number of partitions of every journal, from the first day on:
// a key's partition never changes.
const Partitions = 16

// Partition returns the partition of a key: FNV-1a modulo Partitions.
func Partition(key string) int {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % Partitions)
}

// A Position is a place in one journal. Sequences grow along a journal, with gaps;
// positions of different journals do not compare.
type Position struct {
	Partition int
	Seq       int64
	ID        string // of the message there: another one at that place is another journal
}

// A DB is the database of one service.
type DB struct {
	service    string
	driver     Driver
	background bool
	hints      *hints
	complained *atomic.Int64 // when, last, that it is away
	gauges     *gauges
}

// Open returns the database of a service on a driver.
func Open(service string, d Driver) *DB {
	db := &DB{service: service, driver: d, hints: &hints{waiting: map[string][]chan struct{}{}}, complained: &atomic.Int64{}, gauges: &gauges{}}
	if t, ok := d.(Teller); ok {
		t.Hear(db.hints.give)
	}
	return db
}

// Service returns the name of the service that owns db.
func (db *DB) Service() string { return db.service }

// Background returns db for work that can wait: its updates let others pass.
func (db *DB) Background() *DB {
	b := *db
	b.background = true
	return &b
}

// Alone reports whether no other process can have this database open.
func (db *DB) Alone() bool {
	a, ok := db.driver.(Alone)
	return ok && a.Alone()
}

// Hinted reports whether Watch gets a hint of whatever is committed, by whichever process.
func (db *DB) Hinted() bool {
	t, ok := db.driver.(Teller)
	return ok && t.Hearing() || db.Alone()
}

// Update runs change, which decides on the rows of keys and on no others, and
// commits it with all that it said. Nil means that it is on disk. A change may run
// more than once: it assigns, never accumulates, and touches nothing outside tx.
//
// The position is of the last fact that it appended to the partition of keys[0]; zero
// where there is none.
func (db *DB) Update(ctx context.Context, keys []string, change func(*Tx) error) (Position, error) {
	var tx *Tx
	started := db.gauges.start()
	err := db.driver.Update(ctx, Change{Keys: keys, Background: db.background, Run: func(c Conn, now time.Time) error {
		tx = &Tx{Now: now, conn: c, db: db, said: &said{}}
		tx.keep(ctx)
		if err := change(tx); err != nil {
			return err
		}
		return tx.flush()
	}})
	db.gauges.updated(ctx, db.background, started, err)
	if err != nil {
		db.complain(ctx, err)
		return Position{}, err
	}
	for _, then := range tx.then {
		then()
	}
	db.tell(tx.topics())
	if len(keys) == 0 {
		return Position{}, nil
	}
	return tx.last(Partition(keys[0])), nil
}

// tell gives a hint about topics, to other processes too.
func (db *DB) tell(topics []string) {
	db.hints.give(topics)
	if t, ok := db.driver.(Teller); ok && len(topics) > 0 {
		t.Tell(topics)
	}
}

// complain logs that the database is away, every ten seconds at most.
func (db *DB) complain(ctx context.Context, err error) {
	now := time.Now().Unix()
	if last := db.complained.Load(); Away(err) && now-last >= 10 && db.complained.CompareAndSwap(last, now) {
		slog.WarnContext(ctx, "a change could not be stored", "service", db.service, "error", err)
	}
}

// View runs read on one snapshot of the primary. What it reads may be shown, and
// nothing is decided from it.
func (db *DB) View(ctx context.Context, read func(*Tx) error) error {
	return db.driver.View(ctx, func(c Conn) error { return read(&Tx{conn: c, db: db, reading: true, said: &said{}}) })
}

// Settled returns the journal sequence up to which no more rows will appear.
func (db *DB) Settled(ctx context.Context) (int64, error) { return db.driver.Settled(ctx) }

// Close closes the database.
func (db *DB) Close() error { return db.driver.Close() }

// Journal is the topic of hints about appended facts. Every queue's name is one too.
const Journal = "journal"

// Watch returns a channel that gets a value soon after something is committed to a topic,
// by this process or, where Hinted says so, by any, and a function that ends it. It is a
// hint: a poll is the truth.
func (db *DB) Watch(topic string) (hint <-chan struct{}, stop func()) { return db.hints.watch(topic) }

// Hint tells those who watch a topic to look.
func (db *DB) Hint(topic string) { db.hints.give([]string{topic}) }

type hints struct {
	mu      sync.Mutex
	waiting map[string][]chan struct{}
}

func (h *hints) watch(topic string) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting[topic] = append(h.waiting[topic], c)
	return c, func() { h.leave(topic, c) }
}

func (h *hints) leave(topic string, c chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var rest []chan struct{}
	for _, w := range h.waiting[topic] {
		if w != c {
			rest = append(rest, w)
		}
	}
	h.waiting[topic] = rest
}

func (h *hints) give(topics []string) {
	if len(topics) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range topics {
		for _, c := range h.waiting[t] {
			select {
			case c <- struct{}{}:
			default: // one is there already
			}
		}
	}
}
