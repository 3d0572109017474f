package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// lostTwice is how many owners a partition loses, without progress between them,
// before it is read in careful mode.
const lostTwice = 2

// leases are the partitions of a log that are ours, among all instances of a subscription.
// They are used by one goroutine.
type leases struct {
	db                          *store.DB // where the table position is
	subscription, log, instance string
	lease                       time.Duration
	counted                     bool // how many owners are lost without progress: a message may be at fault
	held                        map[int]*held
	holdAt                      time.Time    // when they are to be renewed
	looked                      map[int]bool // whether what was stopped still must be; once in a session
}

func newLeases(db *store.DB, subscription, log, instance string, lease time.Duration) *leases {
	return &leases{db: db.Background(), subscription: subscription, log: log, instance: instance, lease: cmp.Or(lease, 3*time.Second), held: map[int]*held{}, looked: map[int]bool{}}
}

// held is a partition that is ours.
type held struct {
	stored   store.Position // in the database
	at       store.Position // how far was read; ahead of stored by what nobody wants
	identity string         // of the log
	token    int64
	skipped  int
	struck   bool            // its last owner was lost
	parked   map[string]bool // keys that wait in it
}

// forget lets all go without giving them back: they are ours to take again.
func (l *leases) forget() {
	clear(l.held)
	l.holdAt = time.Time{}
}

// A move takes the position of a partition from where a batch starts to its end.
type move struct {
	held *held
	to   store.Position
}

// moves returns the moves past entries, by partition.
func (l *leases) moves(entries []Entry) []move {
	var moves []move
	for _, e := range entries {
		h := l.held[e.Partition]
		i := slices.IndexFunc(moves, func(m move) bool { return m.held == h })
		if i < 0 {
			moves = append(moves, move{held: h, to: e.Position})
		} else {
			moves[i].to = e.Position
		}
	}
	slices.SortFunc(moves, func(a, b move) int { return cmp.Compare(a.to.Partition, b.to.Partition) })
	return moves
}

// fence moves positions as the first thing of a transaction, all in one statement: there
// are as many as partitions in a batch. If one of them is not where we left it, or has
// another owner, nothing of the transaction happens.
func (l *leases) fence(tx *store.Tx, moves []move) error {
	args, rows := []any{l.subscription, l.log}, make([]string, len(moves))
	for i, m := range moves {
		n := len(args)
		rows[i] = fmt.Sprintf("(CAST($%d AS BIGINT), CAST($%d AS BIGINT), $%d, $%d, CAST($%d AS BIGINT), CAST($%d AS BIGINT))", n+1, n+2, n+3, n+4, n+5, n+6)
		args = append(args, m.to.Partition, m.to.Seq, m.to.ID, m.held.identity, m.held.token, m.held.stored.Seq)
	}
	left := len(moves)
	err := tx.Rows(`UPDATE position SET seq = move.column2, id = move.column3, identity = move.column4, strikes = 0, careful = 0
		FROM (VALUES `+strings.Join(rows, ", ")+`) AS move
		WHERE subscription = $1 AND log = $2 AND partition = move.column1 AND token = move.column5 AND seq = move.column6 AND stopped = ''
		RETURNING token`, args, func(func(...any) error) error { left--; return nil })
	if err == nil && left > 0 {
		err = errLost
	}
	return err
}

// stay is fence for a transaction that does not move: it holds the position's row.
func (l *leases) stay(tx *store.Tx, h *held) error {
	ours, err := tx.Row([]any{nil}, `UPDATE position SET token = token WHERE subscription = $1 AND log = $2 AND partition = $3 AND token = $4 RETURNING token`,
		l.subscription, l.log, h.at.Partition, h.token)
	if err == nil && !ours {
		err = errLost
	}
	return err
}

func (l *leases) moved(moves []move) {
	for _, m := range moves {
		m.held.stored, m.held.at, m.held.skipped, m.held.struck = m.to, m.to, 0, false
	}
	l.db.Hint(followed)
}

// A row of the table position.
type row struct {
	store.Position
	identity, owner, stopped string
	token, strikes           int64
	until                    time.Time
}

// hold renews the leases that are ours, gives back what is more than our share, and
// takes what is free up to it: take begins with a partition. In the same change also looks
// for something else, unless it is nil.
func (l *leases) hold(ctx context.Context, take func(context.Context, row) error, also func(*store.Tx) error) error {
	began := time.Now()
	var taken, kept []row
	_, err := l.db.Update(ctx, nil, func(tx *store.Tx) (err error) {
		if taken, kept, err = l.share(tx); err == nil && also != nil {
			err = also(tx)
		}
		return err
	})
	if err != nil {
		return err
	}
	l.keep(kept)
	for _, r := range taken {
		if err := take(ctx, r); err != nil {
			l.forget()
			return err
		}
	}
	l.holdAt = began.Add(l.lease / 3)
	if l.db.Alone() && len(l.held) > 0 {
		l.holdAt = began.Add(time.Minute) // nobody else can take anything
	}
	return nil
}

func (l *leases) share(tx *store.Tx) (taken, kept []row, err error) {
	members, err := l.enrol(tx)
	if err != nil {
		return nil, nil, err
	}
	rows, err := l.rows(tx)
	if err != nil {
		return nil, nil, err
	}
	share := (store.Partitions + members - 1) / members
	var free []row
	for _, r := range rows {
		switch mine := r.owner == l.instance && l.held[r.Partition] != nil && l.held[r.Partition].token == r.token; {
		case mine && len(kept) < share && r.stopped == "":
			kept = append(kept, r)
		case mine:
			err = l.own(tx, r, r.token, "")
		case (r.stopped == "" || !l.looked[r.Partition]) && (r.owner == "" || r.owner == l.instance || l.db.Alone() || r.until.Before(tx.Now)):
			free = append(free, r)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := l.renew(tx, kept); err != nil {
		return nil, nil, err
	}
	wanted := min(len(free), max(0, share-len(kept)))
	for _, r := range free[wanted:] {
		if r.owner == l.instance { // ours, forgotten, and more than our share
			if err := l.own(tx, r, r.token, ""); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, r := range free[:wanted] {
		if r.owner != "" && r.owner != l.instance && l.counted {
			r.strikes++
		}
		if err := l.own(tx, r, r.token+1, l.instance); err != nil {
			return nil, nil, err
		}
		r.token++
		taken = append(taken, r)
	}
	return taken, kept, nil
}

// renew holds the partitions that are kept for one more lease.
func (l *leases) renew(tx *store.Tx, kept []row) error {
	if len(kept) == 0 || l.db.Alone() {
		return nil
	}
	left := len(kept)
	err := tx.Rows(`UPDATE position SET until = $1 WHERE subscription = $2 AND log = $3 AND owner = $4 RETURNING partition, token`,
		[]any{tx.Now.Add(l.lease), l.subscription, l.log, l.instance}, func(scan func(...any) error) error {
			var r row
			err := scan(&r.Partition, &r.token)
			if h := l.held[r.Partition]; h != nil && h.token == r.token {
				left--
			}
			return err
		})
	if err == nil && left > 0 {
		err = errLost
	}
	return err
}

// enrol says that this instance lives, and returns how many do.
func (l *leases) enrol(tx *store.Tx) (members int, err error) {
	err = tx.Exec(`INSERT INTO member (subscription, log, instance, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (subscription, log, instance) DO UPDATE SET until = excluded.until`, l.subscription, l.log, l.instance, tx.Now.Add(l.lease))
	if err != nil {
		return 0, err
	}
	if l.db.Alone() {
		return 1, tx.Exec(`DELETE FROM member WHERE subscription = $1 AND log = $2 AND instance <> $3`, l.subscription, l.log, l.instance)
	}
	if err := tx.Exec(`DELETE FROM member WHERE subscription = $1 AND log = $2 AND until < $3`, l.subscription, l.log, tx.Now); err != nil {
		return 0, err
	}
	_, err = tx.Row([]any{&members}, `SELECT count(*) FROM member WHERE subscription = $1 AND log = $2`, l.subscription, l.log)
	return max(1, members), err
}

// rows returns all partitions of the log, made where they are missing.
func (l *leases) rows(tx *store.Tx) (rows []row, err error) {
	err = tx.Rows(`SELECT partition, seq, id, identity, owner, stopped, token, strikes, until FROM position
		WHERE subscription = $1 AND log = $2 ORDER BY partition`, []any{l.subscription, l.log}, func(scan func(...any) error) error {
		var r row
		err := scan(&r.Partition, &r.Seq, &r.ID, &r.identity, &r.owner, &r.stopped, &r.token, &r.strikes, &r.until)
		rows = append(rows, r)
		return err
	})
	if err != nil || len(rows) == store.Partitions {
		return rows, err
	}
	rows = nil
	for p := range store.Partitions {
		err := tx.Exec(`INSERT INTO position (subscription, log, partition) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, l.subscription, l.log, p)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{Position: store.Position{Partition: p}})
	}
	return rows, nil
}

// own writes who owns a partition, unless somebody else was faster.
func (l *leases) own(tx *store.Tx, r row, token int64, owner string) error {
	if owner == "" {
		r.strikes = 0
	}
	done, err := tx.Row([]any{nil}, `UPDATE position SET owner = $1, token = $2, until = $3, strikes = $4
		WHERE subscription = $5 AND log = $6 AND partition = $7 AND token = $8 RETURNING token`,
		owner, token, l.until(tx), r.strikes, l.subscription, l.log, r.Partition, r.token)
	if err == nil && !done {
		err = errLost
	}
	return err
}

// until is when a lease that is taken now ends: never, where nobody else can be.
func (l *leases) until(tx *store.Tx) time.Time {
	if l.db.Alone() {
		return tx.Now.AddDate(100, 0, 0)
	}
	return tx.Now.Add(l.lease)
}

// keep forgets the partitions that are not ours any more.
func (l *leases) keep(kept []row) {
	for p := range l.held {
		if !slices.ContainsFunc(kept, func(r row) bool { return r.Partition == p }) {
			delete(l.held, p)
		}
	}
}

// release gives all partitions back, so that others need not wait for the lease.
func (l *leases) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.lease)
	defer cancel()
	_, err := l.db.Update(ctx, nil, func(tx *store.Tx) error {
		for p, h := range l.held {
			err := l.own(tx, row{Position: store.Position{Partition: p}, token: h.token}, h.token, "")
			if err != nil && !errors.Is(err, errLost) { // what was rewound meanwhile is nobody's
				return err
			}
		}
		return tx.Exec(`DELETE FROM member WHERE subscription = $1 AND log = $2 AND instance = $3`, l.subscription, l.log, l.instance)
	})
	clear(l.held)
	return err
}
