package pgtwin

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/toolkit/message"
)

// An envelope is a message with its body encoded.
type envelope struct {
	id, kind, key, trace string
	seq                  int64
	time                 int64 // microseconds
	body                 []byte
}

// say appends a fact that e has caused. Version 0 is none. Its transaction must have
// written something before: see the fence.
func (b *batch) say(e envelope, version int64, fact message.Kind) {
	b.append(e, version, fact.Kind(), wire.Encode(fact))
}

func (b *batch) append(e envelope, version int64, kind string, body []byte) {
	b.facts = true
	b.Queue(`INSERT INTO `+b.table("journal")+` (partition, id, kind, class, key, version, time, cause, trace, body)
		VALUES (0, $1, $2, 'public', $3, nullif($4::bigint, 0), $5, $6, $7, $8)`, wire.NewID(), kind, e.key, version, b.now, e.id, e.trace, body)
}

// A job is work for later.
type job struct {
	id, queue, kind string // id: "" for a new one
	due             int64  // microseconds; 0 is now
	body            []byte
}

// send puts a job that e has caused into a queue.
func (b *batch) send(e envelope, j job) {
	if j.id == "" {
		j.id = wire.NewID()
	}
	if j.due == 0 {
		j.due, b.sent = b.now, true
	}
	b.Queue(`INSERT INTO `+b.table("job")+` (id, queue, kind, key, time, cause, trace, body, due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		j.id, j.queue, j.kind, e.key, b.now, e.id, e.trace, j.body, j.due)
}

func (b *batch) finish(ids ...string) {
	b.Queue(`DELETE FROM `+b.table("job")+` WHERE id = ANY($1)`, ids)
}

const (
	batchSize = 256
	lease     = 3 * time.Second
)

// A follower handles facts of one schema in another: a batch, and how far it has got, in
// one commit.
type follower struct {
	from, to *schema
	log      string
	kinds    []string
	handle   func(*batch, []envelope) // writes what the facts cause
	rest     time.Duration            // in which facts gather, after a batch that was not full
}

// run follows for ever.
func (f follower) run() {
	start := f.to.batch()
	start.Queue(`INSERT INTO `+f.to.table("position")+` (subscription, log, partition) VALUES ('twin', $1, 0) ON CONFLICT DO NOTHING`, f.log)
	start.write()
	hint := f.from.watch(&f.from.hints)
	for seq := int64(0); ; {
		end := f.from.end()
		if end == seq {
			<-hint
			continue
		}
		facts, last, full := f.read(seq, end)
		if seq = last.seq; len(facts) > 0 {
			b := f.to.batch()
			b.Queue(`UPDATE `+f.to.table("position")+` SET seq = $1, id = $2 WHERE subscription = 'twin' AND log = $3 AND partition = 0`, last.seq, last.id, f.log)
			f.handle(b, facts)
		}
		if !full {
			time.Sleep(f.rest)
		}
	}
}

// read returns facts that f handles, the last that was looked at, and whether there may be
// more.
func (f follower) read(seq, end int64) (facts []envelope, last envelope, full bool) {
	rows, err := f.from.pool.Query(context.Background(), `SELECT seq, id, kind, key, trace, time, CASE WHEN kind = ANY($3) THEN body END FROM `+f.from.table("journal")+`
		WHERE partition = 0 AND seq > $1 AND seq <= $2 ORDER BY seq LIMIT $4`, seq, end, f.kinds, batchSize)
	wire.Must(err)
	last.seq = end // numbers that nobody used
	count := 0
	for rows.Next() {
		var e envelope
		wire.Must(rows.Scan(&e.seq, &e.id, &e.kind, &e.key, &e.trace, &e.time, &e.body))
		if e.body != nil {
			facts = append(facts, e)
		}
		if count++; count == batchSize || len(facts) > 0 {
			last = e
		}
	}
	wire.Must(rows.Err())
	return facts, last, count == batchSize
}

// A worker does the jobs of a queue: a claim, then the calls all at once, then what came
// of them in one commit.
type worker struct {
	in    *schema
	queue string
	store func([]envelope) // calls, and writes
}

// run works for ever.
func (w worker) run(shifts int) {
	hint := w.in.watch(&w.in.jobs)
	var shift sync.WaitGroup
	for range shifts {
		shift.Go(func() {
			for range hint {
				for jobs := w.claim(); len(jobs) > 0; jobs = w.claim() {
					w.store(jobs)
				}
			}
		})
	}
	shift.Wait()
}

func (w worker) claim() []envelope {
	now := time.Now()
	rows, err := w.in.pool.Query(context.Background(), `UPDATE `+w.in.table("job")+` AS j SET due = $1, lease = $2 FROM (
			SELECT id FROM `+w.in.table("job")+` WHERE queue = $3 AND dead = 0 AND due <= $4 ORDER BY due LIMIT $5 FOR UPDATE SKIP LOCKED) AS d
		WHERE j.id = d.id RETURNING j.id, j.key, j.trace, j.body`, now.Add(lease).UnixMicro(), wire.NewID(), w.queue, now.UnixMicro(), batchSize)
	wire.Must(err)
	jobs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e envelope, err error) {
		return e, row.Scan(&e.id, &e.key, &e.trace, &e.body)
	})
	wire.Must(err)
	return jobs
}
