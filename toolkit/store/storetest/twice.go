package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Twice returns d, but it runs every change, undoes it, and runs it again, as a driver
// may: what a change accumulates outside its transaction shows. Handlers are tested on
// it.
func Twice(d store.Driver) store.Driver { return twice{d} }

type twice struct{ store.Driver }

// Alone is the driver's.
func (t twice) Alone() bool {
	a, ok := t.Driver.(store.Alone)
	return ok && a.Alone()
}

func (t twice) Update(ctx context.Context, c store.Change) error {
	run := c.Run
	c.Run = func(conn store.Conn, now time.Time) error {
		if err := conn.Exec("SAVEPOINT twice"); err != nil {
			return err
		}
		if err := run(conn, now); err != nil {
			return err
		}
		if err := errors.Join(conn.Exec("ROLLBACK TO SAVEPOINT twice"), conn.Exec("RELEASE SAVEPOINT twice")); err != nil {
			return err
		}
		return run(conn, now)
	}
	return t.Driver.Update(ctx, c)
}

type said struct{ N int }

func (said) Kind() string { return "said" }

func twices() []test {
	return []test{
		// What a DB remembers of the first run is not said again.
		{"a change runs twice and happens once", func(k *desk) {
			db := store.Open("suite", Twice(k.d))
			for i := range 3 {
				_, err := db.Update(k.ctx, []string{"a"}, func(tx *store.Tx) error {
					var n int64
					if _, err := tx.Row([]any{&n}, `SELECT n FROM counter WHERE name = 'a'`); err != nil {
						return err
					}
					if err := tx.Exec(`INSERT INTO counter (name, n) VALUES ('a', $1) ON CONFLICT (name) DO UPDATE SET n = excluded.n`, n+1); err != nil {
						return err
					}
					_, err := tx.AppendAfter(store.Place{Version: int64(i)}, "a", said{i})
					return err
				})
				k.must(err)
			}
			k.wantCount("a", 3)
			if got := k.journal("a"); len(got) != 3 {
				k.Errorf("the journal has %d facts, want 3", len(got))
			}
		}},
		// Twice itself works: it would else hide what it is for.
		{"a change that accumulates is caught", func(k *desk) {
			ran := 0
			k.must(k.update(Twice(k.d), nil, func(store.Conn) error { ran++; return nil }))
			if ran != 2 {
				k.Errorf("the change ran %d times, want 2", ran)
			}
		}},
	}
}

// row is a row of the journal.
type row struct {
	seq int64
	message.Message
}

// journal reads what was said about a key, in the order of the journal.
func (k *desk) journal(key string) (rows []row) {
	k.Helper()
	k.must(k.d.View(k.ctx, func(c store.Conn) error {
		rows = nil
		return c.Query(`SELECT seq, id, kind, class, key, version, time, cause, trace, body FROM journal
			WHERE partition = $1 AND key = $2 ORDER BY seq`, []any{store.Partition(key), key}, func(scan func(...any) error) error {
			var r row
			var class string
			err := scan(&r.seq, &r.ID, &r.Kind, &class, &r.Key, &r.Version, &r.Time, &r.Cause, &r.Trace, &r.Body)
			r.Class = message.Class(class)
			rows = append(rows, r)
			return err
		})
	}))
	return rows
}
