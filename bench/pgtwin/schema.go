package pgtwin

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tidewire/tidewire/bench/wire"
)

// A schema is the tables of one service.
type schema struct {
	pool *pgxpool.Pool
	name string

	hinting sync.Mutex
	hints   []chan struct{} // for whoever follows the journal,
	jobs    []chan struct{} // or works on the queue

	mu      sync.Mutex
	settled int64
	looked  time.Time
}

// A batch is statements that are one commit, and what they have done.
type batch struct {
	pgx.Batch
	*schema
	now         int64 // microseconds
	facts, sent bool
}

func (s *schema) batch() *batch { return &batch{schema: s, now: time.Now().UnixMicro()} }

// table names a table in full.
func (s *schema) table(name string) string { return s.name + "." + name }

// write sends b as a transaction of its own.
func (b *batch) write() {
	wire.Must(b.pool.SendBatch(context.Background(), &b.Batch).Close())
	b.wake()
}

// in sends b as the end of a transaction.
func (b *batch) in(tx *pgxpool.Conn) {
	b.Queue("COMMIT")
	wire.Must(tx.SendBatch(context.Background(), &b.Batch).Close())
	b.wake()
}

func (b *batch) wake() {
	b.hinting.Lock()
	defer b.hinting.Unlock()
	if b.facts {
		give(b.hints)
	}
	if b.sent {
		give(b.schema.jobs)
	}
}

func give(hints []chan struct{}) {
	for _, h := range hints {
		select {
		case h <- struct{}{}:
		default:
		}
	}
}

// watch adds a channel to a list of them.
func (s *schema) watch(list *[]chan struct{}) chan struct{} {
	hint := make(chan struct{}, 1)
	hint <- struct{}{} // there may be something already
	s.hinting.Lock()
	defer s.hinting.Unlock()
	*list = append(*list, hint)
	return hint
}

// fenceWait is the pause between looks whether the older transactions are over.
const fenceWait = 500 * time.Microsecond

// end returns the sequence up to which no row can appear any more. Those who ask while
// somebody looks get what the next one finds.
func (s *schema) end() int64 {
	ctx, called := context.Background(), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked.After(called) {
		return s.settled
	}
	looked := time.Now()
	c, err := s.pool.Acquire(ctx)
	wire.Must(err)
	defer c.Release()
	var last, drawn, oldest int64
	wire.Must(c.QueryRow(ctx, `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM `+s.table("journal_seq")).Scan(&last))
	if last > s.settled {
		wire.Must(c.QueryRow(ctx, `SELECT pg_current_xact_id()::text::bigint`).Scan(&drawn))
	}
	for oldest <= drawn && last > s.settled {
		wire.Must(c.QueryRow(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint`).Scan(&oldest))
		if oldest <= drawn {
			time.Sleep(fenceWait)
		}
	}
	s.settled, s.looked = last, looked
	return last
}
