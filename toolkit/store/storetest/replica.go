package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// RunReplica checks a driver that is store.Replicated, where the replica is there.
func RunReplica(t *testing.T, h Harness) {
	for _, tt := range replicas() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(newDesk(t, h))
		})
	}
}

func replicas() []test {
	return []test{
		{"has what was committed with a position, and before", func(k *desk) {
			db, d := store.Open("suite", k.d), k.replica()
			for n := range int64(20) {
				at := k.write(db, n)
				var read int64
				k.must(k.onReplica(d, at, &read))
				if read != n+1 {
					k.Errorf("got %d rows at %v, want %d", read, at, n+1)
				}
			}
		}},
		{"has not what was never committed, and does not wait for it", func(k *desk) {
			db, d := store.Open("suite", k.d), k.replica()
			at := k.write(db, 0)
			for _, other := range []store.Position{{Partition: at.Partition, Seq: at.Seq + 1000}, {Partition: at.Partition, Seq: at.Seq, ID: "another"}} {
				var n int64
				k.want(k.onReplica(d, other, &n), store.ErrUnavailable)
			}
		}},
		{"changes nothing", func(k *desk) {
			db, d := store.Open("suite", k.d), k.replica()
			at := k.write(db, 0)
			err := d.ViewReplica(k.ctx, at, func(c store.Conn) error { return c.Exec(`DELETE FROM thing`) })
			if err == nil {
				k.Error("a replica was changed")
			}
		}},
		{"returns the error of the read, which is its own", func(k *desk) {
			db, d := store.Open("suite", k.d), k.replica()
			at, bad := k.write(db, 0), errors.New("bad")
			k.want(d.ViewReplica(k.ctx, at, func(store.Conn) error { return bad }), bad)
		}},
		{"is stood in for by the primary", func(k *desk) {
			db := store.Open("suite", k.d)
			at := k.write(db, 0)
			var runs atomic.Int64
			k.must(db.Replica().View(k.ctx, store.Position{Partition: at.Partition, Seq: at.Seq + 1000}, func(tx *store.Tx) error {
				runs.Add(1)
				return nil
			}))
			if runs.Load() != 1 {
				k.Errorf("read %d times, want once", runs.Load())
			}
		}},
		{"ends with its context", func(k *desk) {
			db, d := store.Open("suite", k.d), k.replica()
			at := k.write(db, 0)
			ctx, cancel := context.WithCancel(k.ctx)
			cancel()
			if err := d.ViewReplica(ctx, at, func(store.Conn) error { return nil }); err == nil {
				k.Error("it was read, though nobody waits")
			}
		}},
	}
}

// replica returns the driver, once its replica has what has made the database.
func (k *desk) replica() store.Replicated {
	k.Helper()
	d, ok := k.d.(store.Replicated)
	if !ok {
		k.Fatal("the driver knows no replica")
	}
	at := k.write(store.Open("suite", k.d), -1)
	Await(k, "the replica follows", func() bool {
		return d.ViewReplica(k.ctx, at, func(store.Conn) error { return nil }) == nil
	})
	return d
}

// write stores a row, and returns the position of what it says about it.
func (k *desk) write(db *store.DB, id int64) store.Position {
	k.Helper()
	at, err := db.Update(k.ctx, []string{"k"}, func(tx *store.Tx) error {
		return errors.Join(tx.Exec(`INSERT INTO thing (id) VALUES ($1)`, id), tx.Append("k", noted{}))
	})
	k.must(err)
	return at
}

// onReplica counts the rows that a replica shows.
func (k *desk) onReplica(d store.Replicated, least store.Position, n *int64) error {
	return d.ViewReplica(k.ctx, least, func(c store.Conn) error {
		return c.Query(`SELECT count(*) FROM thing WHERE id >= 0`, nil, func(scan func(...any) error) error { return scan(n) })
	})
}

// noted is said with each row.
type noted struct{}

func (noted) Kind() string         { return "Noted" }
func (noted) Class() message.Class { return message.Public }
