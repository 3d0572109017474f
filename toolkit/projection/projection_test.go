package projection_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestRebuild":                    TestRebuild,
		"TestCompare":                    TestCompare,
		"TestKilledAnywhere":             TestKilledAnywhere,
		"TestAnotherFold":                TestAnotherFold,
		"TestOneAtATime":                 TestOneAtATime,
		"TestCancel":                     TestCancel,
		"TestPoison":                     TestPoison,
		"TestAnotherLog":                 TestAnotherLog,
		"TestAtATimeOfWriting":           TestAtATimeOfWriting,
		"TestTwoInstances":               TestTwoInstances,
		"TestLostAgainAndAgain":          TestLostAgainAndAgain,
		"TestEarly":                      TestEarly,
		"TestWhatNoEventSays":            TestWhatNoEventSays,
		"TestAStoppedPartitionHoldsNone": TestAStoppedPartitionHoldsNone,
	})
}

// The shop of these tests: a count of each key's own facts, written in their commit, and of
// what others have said of it, which a reader writes.
const tables = `-- +goose Up
CREATE TABLE tab (
	id    TEXT   NOT NULL PRIMARY KEY,
	own   BIGINT NOT NULL CHECK (own >= 0),
	heard BIGINT NOT NULL,
	place BIGINT,              -- drawn, when it has more than nine
	named TEXT   NOT NULL
);
CREATE INDEX tab_own ON tab (own, id);
CREATE TABLE total (name TEXT NOT NULL, day BIGINT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (name, day));`

type own struct{ N int }

func (own) Kind() string { return "own" }

type news struct{ N int }

func (news) Kind() string { return "news" }

// A pub has a database with a projection, and follows another one's log.
type pub struct {
	*testing.T
	open      func() (*store.DB, stream.Log)
	db, other *store.DB
	logs      map[string]stream.Log
	driver    *mortal // of db
	p         projection.Projection
	poison    func(stream.Entry) error
}

func newPub(t *testing.T) *pub {
	b := &pub{T: t, logs: map[string]stream.Log{}}
	b.open = databases.WithLog(t, "pub", fstest.MapFS{"migrations/00001_pub.sql": {Data: []byte(tables)}}, func(d store.Driver) store.Driver {
		b.driver = &mortal{Driver: d}
		return b.driver
	})
	b.db, b.logs["pub"] = b.open()
	b.other, b.logs["other"] = databases.WithLog(t, "other", nil)()
	tab := projection.Columns([]string{"id", "own", "heard", "place", "named"}, "own", "heard", "place")
	tab[3].Null, tab[3].Apart, tab[4].Apart = true, true, true
	b.p = projection.Projection{Name: "tabs",
		Tables:  []projection.Table{{Name: "tab", Columns: tab, Keys: 1}, {Name: "total", Keys: 2, Columns: projection.Columns([]string{"name", "day", "n"}, "day", "n")}},
		Sources: []projection.Source{{Log: "pub", Want: func(kind string) bool { return kind == "own" }}, {Log: "other", Want: func(kind string) bool { return kind == "news" }}},
		Fold:    b.fold}
	return b
}

// A mortal driver dies at some change, and is no use from there on.
type mortal struct {
	store.Driver
	dying atomic.Bool
	left  atomic.Int64
	died  func()
}

func (m *mortal) Update(ctx context.Context, c store.Change) error {
	if m.dying.Load() && m.left.Add(-1) < 0 {
		m.died()
		return fmt.Errorf("killed: %w", context.Canceled)
	}
	return m.Driver.Update(ctx, c)
}

func (m *mortal) Alone() bool {
	a, ok := m.Driver.(store.Alone)
	return ok && a.Alone()
}

// fold does in memory what tell and hear do with SQL.
func (b *pub) fold(rows *projection.Rows, entries []stream.Entry) error {
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	if err := rows.Load("tab", keys...); err != nil {
		return err
	}
	for _, e := range entries {
		if b.poison != nil {
			if err := b.poison(e); err != nil {
				return err
			}
		}
		var has, heard, n int64
		scan, found, err := rows.Get("tab", e.Key)
		if err == nil && found {
			err = scan(nil, &has, &heard, nil, nil)
		}
		if err != nil {
			return err
		}
		has, heard = has+is(e.Kind == "own"), heard+is(e.Kind == "news")
		place := any(nil)
		if has > 9 {
			place = projection.Carried{Else: projection.Drawn{}}
		}
		if err := rows.Put("tab", e.Key, has, heard, place, projection.Carried{Else: "nobody"}); err != nil {
			return err
		}
		scan, found, err = rows.Get("total", projection.Key(e.Kind, 7))
		if err == nil && found {
			err = scan(nil, nil, &n)
		}
		if err != nil {
			return err
		}
		if err := rows.Put("total", e.Kind, 7, n+1); err != nil {
			return err
		}
	}
	return nil
}

func is(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// tell says an own fact, and writes its rows in the same commit.
func (b *pub) tell(key string) {
	b.Helper()
	b.update(b.db, func(tx *store.Tx) error {
		if err := tx.Lock(key, "total"); err != nil {
			return err
		}
		var has int64
		found, err := tx.Row([]any{&has}, `INSERT INTO tab (id, own, heard, place, named) VALUES ($1, 1, 0, NULL, $2) ON CONFLICT (id) DO UPDATE SET own = tab.own + 1 RETURNING own`, key, "name of "+key)
		if err != nil || !found {
			return errors.Join(err, fmt.Errorf("found %v", found))
		}
		if has == 10 {
			n, err := tx.Next()
			if err != nil {
				return err
			}
			if err := tx.Exec(`UPDATE tab SET place = $1 WHERE id = $2`, n, key); err != nil {
				return err
			}
		}
		if err := b.count(tx, "own"); err != nil {
			return err
		}
		return tx.Append(key, own{})
	})
}

func (b *pub) count(tx *store.Tx, name string) error {
	return tx.Exec(`INSERT INTO total (name, day, n) VALUES ($1, 7, 1) ON CONFLICT (name, day) DO UPDATE SET n = total.n + 1`, name)
}

// hear is the handler of news.
func (b *pub) hear(_ context.Context, tx *store.Tx, m message.Of[news]) error {
	if err := tx.Lock("total"); err != nil {
		return err
	}
	if err := b.count(tx, "news"); err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO tab (id, own, heard, place, named) VALUES ($1, 0, 1, NULL, $2) ON CONFLICT (id) DO UPDATE SET heard = tab.heard + 1`, m.Key, "name of "+m.Key)
}

// say has the other one say news.
func (b *pub) say(keys ...string) {
	b.Helper()
	b.update(b.other, func(tx *store.Tx) error {
		for _, key := range keys {
			if err := tx.Append(key, news{}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *pub) update(db *store.DB, change func(*store.Tx) error) {
	b.Helper()
	if _, err := db.Update(b.Context(), nil, change); err != nil {
		b.Fatal(err)
	}
}

// reader is what follows the other one's log.
func (b *pub) reader(instance string) *stream.Reader {
	return &stream.Reader{DB: b.db, Log: b.logs["other"], Name: "other", Process: &run.Process{Instance: instance},
		Handlers: []stream.Handler{stream.On("other", b.hear)}}
}

// during runs parts while do runs.
func (b *pub) during(do func(), parts ...func(context.Context) error) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- run.All(ctx, parts...) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	do()
}

// caughtUp waits until the reader has read everything.
func (b *pub) caughtUp() {
	b.Helper()
	b.during(func() {
		b.eventually("the reader does not catch up", func() bool {
			var at []store.Position
			for p := range store.Partitions {
				at = append(at, store.Position{Partition: p})
			}
			err := b.db.View(b.Context(), func(tx *store.Tx) error {
				return tx.Rows(`SELECT partition, seq FROM position WHERE log = 'other'`, nil, func(scan func(...any) error) error {
					var p store.Position
					err := scan(&p.Partition, &p.Seq)
					at[p.Partition] = p
					return err
				})
			})
			if err != nil {
				b.Fatal(err)
			}
			n, err := b.logs["other"].Behind(b.Context(), at)
			return err == nil && n == 0
		})
	}, b.reader("reader").Run)
}

// history says a little of everything.
func (b *pub) history(n int) {
	b.Helper()
	for i := range n {
		b.tell(fmt.Sprint("key ", i%17))
		b.say(fmt.Sprint("key ", i%23), fmt.Sprint("key ", i%3))
	}
	b.caughtUp()
}

func (b *pub) rebuilder(instance string) *projection.Rebuilder {
	return &projection.Rebuilder{Projection: b.p, DB: b.db, Logs: b.logs, Process: &run.Process{Instance: instance}, Lease: 300 * time.Millisecond}
}

// ask asks for a rebuild.
func (b *pub) ask(r *projection.Rebuilder, o projection.Order) (s projection.Status, err error) {
	_, err = b.db.Update(b.Context(), nil, func(tx *store.Tx) (err error) { s, err = r.Ask(tx, o); return err })
	return s, err
}

// rebuilt asks, and runs the rebuilder to the end.
func (b *pub) rebuilt(o projection.Order) (s projection.Status) {
	b.Helper()
	r := b.rebuilder("one")
	if _, err := b.ask(r, o); err != nil {
		b.Fatal(err)
	}
	b.during(func() { s = b.ends(r) }, r.Run)
	return s
}

// ends waits for the end of a rebuild.
func (b *pub) ends(r *projection.Rebuilder) (s projection.Status) {
	b.Helper()
	defer func() {
		if s.Running() {
			b.Logf("it is still %+v", s)
		}
	}()
	b.eventually("the rebuild does not end", func() bool {
		var err error
		if s, err = r.Status(b.Context()); err != nil {
			b.Fatal(err)
		}
		return !s.Running()
	})
	return s
}

func (b *pub) eventually(otherwise string, is func() bool) {
	b.Helper()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-deadline:
			b.Fatal(otherwise)
		case <-time.After(3 * time.Millisecond):
		}
	}
}

// rows is everything in the tables in use, as one text.
func (b *pub) rows() string {
	b.Helper()
	var all []string
	err := b.db.View(b.Context(), func(tx *store.Tx) error {
		all = nil
		return tx.Rows(`SELECT id || ': ' || CAST(own AS TEXT) || ' ' || CAST(heard AS TEXT) || ' ' || CAST(COALESCE(place, 0) AS TEXT) || ' ' || named FROM tab
			UNION ALL SELECT name || ' ' || CAST(day AS TEXT) || ' ' || CAST(n AS TEXT) FROM total`, nil, func(scan func(...any) error) error {
			var row string
			err := scan(&row)
			all = append(all, row)
			return err
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// tidy checks that a rebuild that is over has left nothing behind.
func (b *pub) tidy() {
	b.Helper()
	for _, table := range []string{"tab", "total"} {
		err := b.db.View(b.Context(), func(tx *store.Tx) error {
			_, err := tx.Row([]any{nil}, `SELECT count(*) FROM `+store.ShadowOf(table))
			return err
		})
		if err == nil {
			b.Errorf("the shadow of %s is still there", table)
		}
	}
	if n := b.number(`SELECT count(*) FROM rebuild_position`); n != 0 {
		b.Errorf("%d positions are still there", n)
	}
}

func (b *pub) number(query string, args ...any) (n int64) {
	b.Helper()
	err := b.db.View(b.Context(), func(tx *store.Tx) error { _, err := tx.Row([]any{&n}, query, args...); return err })
	if err != nil {
		b.Fatal(err)
	}
	return n
}
