package queuetest

import (
	"context"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
)

// parcelled is what a newer program sends instead of a parcel.
type parcelled struct{ Number int }

func (parcelled) Kind() string  { return "parcel.2" }
func (parcelled) Queue() string { return name }

// waits: what an old program cannot read is not dead, and a newer one does it.
func waits(k *desk) {
	k.send(3)
	k.update(func(tx *store.Tx) error { return tx.Send("3", parcelled{3}) })
	stop := k.start(k.worker(queue.Do(deliver, post), long))
	k.await("3 done and 1 that waits", func() bool {
		return k.one(`SELECT count(*) FROM posted`) == 3 && k.one(`SELECT count(*) FROM job WHERE dead = 0 AND lease = '' AND due > time + 30000000 AND past LIKE '%"attempts":0%'`) == 1
	})
	stop()
	k.update(func(tx *store.Tx) error { return tx.Exec(`UPDATE job SET due = $1`, tx.Now) })
	k.start(k.worker(queue.On(func(ctx context.Context, tx *store.Tx, m message.Of[parcelled]) error {
		return tx.Exec(`INSERT INTO posted (n, outcome) VALUES ($1, 'sent')`, m.Data.Number)
	}), long))
	k.wantPosted(4, 0)
}

// wantMourned: every dead message has its problem, and it was said of each.
func (k *desk) wantMourned() {
	k.Helper()
	k.must(k.db.View(k.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT j.id, j.key, j.past, j.problem, j.died, s.body, s.cause FROM job j
			LEFT JOIN journal s ON s.kind = 'DeadLettered' AND s.class = 'audit' AND s.key = 'dead:' || j.id WHERE j.dead = 1`, nil, func(scan func(...any) error) error {
			m := message.Message{Kind: "DeadLettered"}
			var id, key, past, problem string
			var died int64
			if err := scan(&id, &key, &past, &problem, &died, &m.Body, &m.Cause); err != nil {
				return err
			}
			of, err := message.Decode[message.DeadLettered](m)
			if err != nil {
				return err
			}
			h, err := failure.ParseHistory(past)
			want := message.DeadLettered{Letter: "test/" + id, Place: name, Type: of.Data.Type, Key: key, Cause: h.Cause(), Problem: failure.Problem(h.Cause())}
			if of.Data != want || m.Cause != id || problem != want.Problem || died != h.Last().UnixMicro() {
				k.Errorf("it is said that %+v by %s, and stored that it died of %q at %d; want %+v at %v", of.Data, m.Cause, problem, died, want, h.Last())
			}
			return err
		})
	}))
}
