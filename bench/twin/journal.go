package twin

import (
	"time"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/toolkit/message"
)

// A tx is what a change sees of its transaction.
type tx struct {
	*connection
	now   int64 // microseconds
	seq   int64 // the last number that was drawn
	facts bool  // the commit has facts,
	sent  bool  // jobs that are due,
	drawn bool  // or a number that no fact shows
}

// An envelope is a message with its body encoded.
type envelope struct {
	id, kind, key, trace string
	seq                  int64
	time                 int64 // microseconds
	body                 []byte
}

// say appends a fact that e has caused. Version 0 is none.
func (t *tx) say(e envelope, version int64, fact message.Kind) {
	t.append(e, version, fact.Kind(), wire.Encode(fact))
}

func (t *tx) append(e envelope, version int64, kind string, body []byte) {
	t.enter(e, "public", version, Line{kind, body})
}

// ask appends a command that e has caused.
func (t *tx) ask(e envelope, command message.Kind) {
	t.command(e, command.Kind(), wire.Encode(command))
}

func (t *tx) command(e envelope, kind string, body []byte) {
	t.enter(e, "command", 0, Line{kind, body})
}

func (t *tx) enter(e envelope, class string, version int64, l Line) {
	t.seq++
	t.facts = true
	s := t.do(`INSERT INTO journal (partition, seq, id, kind, class, key, version, time, cause, trace, body)
		VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`).int(t.seq).text(wire.NewID()).text(l.Kind).text(class).text(e.key)
	if version > 0 {
		s.int(version)
	} else {
		s.null()
	}
	s.int(t.now).text(e.id).text(e.trace).bytes(l.Body).run()
}

// A job is work for later.
type job struct {
	id, queue, kind string // id: "" for a new one
	due             int64  // microseconds; 0 is now
	body            []byte
}

// send puts a job that e has caused into a queue.
func (t *tx) send(e envelope, j job) {
	if j.id == "" {
		j.id = wire.NewID()
	}
	if j.due == 0 {
		j.due, t.sent = t.now, true
	}
	t.do(`INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`).
		text(j.id).text(j.queue).text(j.kind).text(e.key).int(t.now).text(e.id).text(e.trace).bytes(j.body).int(j.due).run()
}

const lease = 3 * time.Second

// claim takes jobs of a queue that are due.
func (t *tx) claim(queue string) (jobs []envelope) {
	s := t.do(`UPDATE job SET due = ?, lease = ? WHERE id IN (SELECT id FROM job WHERE queue = ? AND dead = 0 AND due <= ? ORDER BY due LIMIT 256)
		RETURNING id, kind, key, trace, body`).int(t.now + lease.Microseconds()).text(wire.NewID()).text(queue).int(t.now)
	s.rows(func() {
		jobs = append(jobs, envelope{id: s.ColumnText(0), kind: s.ColumnText(1), key: s.ColumnText(2), trace: s.ColumnText(3), body: s.blob(4)})
	})
	return jobs
}

func (t *tx) finish(id string) { t.do(`DELETE FROM job WHERE id = ?`).text(id).run() }
