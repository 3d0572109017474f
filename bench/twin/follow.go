package twin

import (
	"strconv"
	"sync"
	"time"

	"github.com/tidewire/tidewire/bench/wire"
)

// A follower handles facts of one database in another: a batch, and how far it has got,
// in one commit. What can be done before the transaction, is: a handler returns the rest.
type follower struct {
	from, to *database
	log      string
	handle   handlers
	last     func(*tx)       // ends a batch; nil: nothing does
	rest     time.Duration   // in which facts gather, after a batch that was not full
	after    func()          // a batch is on disk; nil: nothing is
	stop     <-chan struct{} // nil: never
}

// handlers are by the kind of what they handle.
type handlers map[string]func(envelope) func(*tx)

const followSize = 512

// run follows until it is stopped.
func (f follower) run() {
	f.to.update(func(t *tx) {
		t.do(`INSERT INTO position (subscription, log, partition) VALUES ('twin', ?, 0) ON CONFLICT DO NOTHING`).text(f.log).run()
	})
	c, err := connect(f.from.path, readOnly, "PRAGMA cache_size=-2000")
	wire.Must(err)
	hint := f.from.watch(&f.from.journal)
	for at := (envelope{}); ; {
		facts, changes := f.read(c, &at)
		if facts == 0 {
			select {
			case <-hint:
				continue
			case <-f.stop:
				wire.Must(c.Close())
				return
			}
		}
		if len(changes) > 0 {
			f.to.update(func(t *tx) {
				t.do(`UPDATE position SET seq = ?, id = ? WHERE subscription = 'twin' AND log = ? AND partition = 0`).int(at.seq).text(at.id).text(f.log).run()
				for _, change := range changes {
					change(t)
				}
				if f.last != nil {
					f.last(t)
				}
			})
			if f.after != nil {
				f.after()
			}
		}
		if facts < followSize {
			time.Sleep(f.rest)
		}
	}
}

// read prepares what follows facts, as far as f handles them, takes at to the last one,
// and returns how many there were.
func (f follower) read(c *connection, at *envelope) (facts int, changes []func(*tx)) {
	s := c.do(`SELECT seq, id, kind, key, trace, time, body FROM journal WHERE partition = 0 AND seq > ? ORDER BY seq LIMIT ` + strconv.Itoa(followSize)).int(at.seq)
	s.rows(func() {
		facts++
		*at = envelope{seq: s.ColumnInt64(0), id: s.ColumnText(1), kind: s.ColumnText(2)}
		if prepare := f.handle[at.kind]; prepare != nil {
			e := *at
			e.key, e.trace, e.time, e.body = s.ColumnText(3), s.ColumnText(4), s.ColumnInt64(5), s.blob(6)
			changes = append(changes, prepare(e))
		}
	})
	return facts, changes
}

// A worker does the jobs of a queue: a claim, then the calls all at once, then what came
// of them in one commit.
type worker struct {
	in    *database
	queue string
	call  func(envelope) func(*tx) // what is to be stored
}

// run works for ever. While one batch is called, the next one can be claimed.
func (w worker) run(shifts int) {
	hint := w.in.watch(&w.in.jobs)
	var shift sync.WaitGroup
	for range shifts {
		shift.Go(func() {
			for range hint {
				for w.batch() {
				}
			}
		})
	}
	shift.Wait()
}

// batch does what is due, and reports whether that was anything.
func (w worker) batch() bool {
	var jobs []envelope
	w.in.update(func(t *tx) { jobs = t.claim(w.queue) })
	if len(jobs) == 0 {
		return false
	}
	changes := make([]func(*tx), len(jobs))
	var calls sync.WaitGroup
	for i, j := range jobs {
		calls.Go(func() { changes[i] = w.call(j) })
	}
	calls.Wait()
	w.in.update(func(t *tx) {
		for i, change := range changes {
			change(t)
			t.finish(jobs[i].id)
		}
	})
	return true
}
