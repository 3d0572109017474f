package model

import "slices"

// reader is a process's share in one partition.
type reader struct {
	p     *process
	part  int
	stage stage

	// What the owner remembers; true as long as its token is.
	was    position
	rows   []row
	limit  int // of a batch; smaller while the culprit is searched
	proved int // messages that ran alone without harm

	plan    plan
	drain   bool
	counted bool // the message of plan runs alone, and that is stored
	busy    int  // steps until its handler is through
}

type stage int

const (
	idle stage = iota
	owner
	running
	committing
)

// plan is a transaction: what it was made from, and what it makes of it.
type plan struct {
	facts        []*fact
	offset, high int
	done, gone   []*fact
	rows         []row
}

func (r *reader) step() bool {
	switch r.stage {
	case idle:
		return r.take()
	case owner:
		return r.look()
	case running:
		return r.run()
	default:
		return r.commit()
	}
}

// take takes over the partition from nobody, from oneself, or from an owner whose
// lease is over.
func (r *reader) take() bool {
	w := r.p.w
	pos := &w.pos[r.part]
	if pos.owner != 0 && pos.owner != r.p.name && pos.until > w.now {
		return false
	}
	if pos.owner != 0 && pos.owner != r.p.name {
		pos.strikes++
	}
	pos.owner, pos.until = r.p.name, w.now+lease
	pos.token++
	*r = reader{p: r.p, part: r.part, stage: owner, was: *pos, rows: slices.Clone(w.rows[r.part]), limit: most}
	return true
}

func (r *reader) careful() bool { return r.was.strikes >= 2 }

// fenced reports whether this is still the owner at the place that it remembers, and
// forgets everything if not.
func (r *reader) fenced() bool {
	w := r.p.w
	pos := w.pos[r.part]
	if w.has(Fence) && (pos.offset != r.was.offset || w.has(Token) && pos.token != r.was.token) {
		*r = reader{p: r.p, part: r.part}
		return false
	}
	return true
}

// look chooses the next transaction: what is parked and due, before the log.
func (r *reader) look() bool {
	w := r.p.w
	if r.was.until-w.now < lease/2 {
		if r.fenced() {
			w.pos[r.part].until = w.now + lease
			r.was.until = w.now + lease
		}
		return true
	}
	for i, d := range r.rows { // the operator's marks
		if j := slices.IndexFunc(w.rows[r.part], func(e row) bool { return e.seq == d.seq }); j >= 0 {
			r.rows[i].mark = w.rows[r.part][j].mark
		}
	}
	r.plan = plan{offset: r.was.offset, high: r.was.high}
	for _, d := range r.rows {
		if d.mark != "" || d.state == retry && d.due <= w.now {
			r.plan.facts, r.drain, r.stage = []*fact{w.fact(r.part, d.seq)}, true, running
			return true
		}
	}
	r.drain = false
	limit := r.limit
	if r.careful() {
		limit = 1
	}
	for _, seq := range w.topic[r.part][r.was.offset:] {
		if len(r.plan.facts) == limit {
			break
		}
		r.plan.offset++
		if seq > r.plan.high || !w.has(Sequence) {
			r.plan.facts, r.plan.high = append(r.plan.facts, w.fact(r.part, seq)), seq
		}
	}
	if r.plan.offset == r.was.offset && r.was.strikes == 0 {
		return false
	}
	r.stage = running
	return true
}

// run runs the handlers of the plan.
func (r *reader) run() bool {
	if r.p.suspects() > 0 && r.p.w.has(Alone) && !r.counted {
		return false // a counted message runs alone in its process
	}
	if r.busy > 0 {
		r.busy--
		return true
	}
	r.plan.rows = slices.Clone(r.rows)
	if r.careful() && !r.counted && len(r.plan.facts) == 1 && r.w().has(Count) && !r.blocked(r.plan.facts[0]) {
		return r.count(r.plan.facts[0])
	}
	done := r.plan.done[:0]
	for _, f := range r.plan.facts {
		if r.aside(f) {
			continue
		}
		f.runs++
		if f.runs <= f.kills && !f.repaired {
			r.p.kill()
			return true
		}
		if f.runs > f.fails || f.repaired {
			done = append(done, f)
			continue
		}
		if len(r.plan.facts) > 1 && r.w().has(Bisection) {
			r.limit, r.stage = len(r.plan.facts)/2, owner
			return true
		}
		for _, f := range r.plan.facts {
			r.fail(f)
		}
		done = nil
		break
	}
	for _, f := range done {
		r.remove(f)
	}
	r.plan.done = done
	r.stage = committing
	return true
}

func (r *reader) w() *world { return r.p.w }

// count stores that f begins alone, or that it has begun often enough.
func (r *reader) count(f *fact) bool {
	pos := &r.w().pos[r.part]
	if !r.fenced() {
		return true
	}
	if pos.counted != f.seq {
		pos.counted, pos.started = f.seq, 0
	}
	i := slices.IndexFunc(r.rows, func(d row) bool { return d.seq == f.seq })
	if pos.started == suspect && (i < 0 || r.rows[i].mark == "") {
		r.put(row{seq: f.seq, key: f.key, end: f.end, state: dead, attempts: suspect})
		pos.started, r.stage = 0, committing
		return true
	}
	pos.started++
	r.counted, r.busy = true, r.w().rng.IntN(8)
	return true
}

// aside deals with a message that is not to run: it waits behind its key, or the
// operator has marked it.
func (r *reader) aside(f *fact) bool {
	if r.drain {
		i := slices.IndexFunc(r.plan.rows, func(d row) bool { return d.seq == f.seq })
		switch d := &r.plan.rows[i]; d.mark {
		case "discard":
			r.plan.gone = []*fact{f}
			r.remove(f)
		case "redrive":
			d.state, d.due, d.attempts, d.mark = retry, r.w().now, 0, ""
		default:
			return false
		}
		return true
	}
	if r.blocked(f) {
		r.put(row{seq: f.seq, key: f.key, state: waiting})
	}
	return r.blocked(f)
}

// blocked reports whether a message of the log has to wait behind its key.
func (r *reader) blocked(f *fact) bool {
	return !r.drain && !f.end && r.w().has(Parking) &&
		slices.ContainsFunc(r.plan.rows, func(d row) bool { return d.key == f.key })
}

// fail judges a message that failed alone.
func (r *reader) fail(f *fact) {
	d := row{seq: f.seq, key: f.key, end: f.end, state: retry}
	if i := slices.IndexFunc(r.plan.rows, func(d row) bool { return d.seq == f.seq }); i >= 0 {
		d = r.plan.rows[i]
	}
	d.attempts++
	d.due = r.w().now + r.w().rng.IntN(300)
	if d.attempts >= attempts {
		d.state = dead
	}
	r.put(d)
}

func (r *reader) put(d row) {
	i, found := slices.BinarySearchFunc(r.plan.rows, d.seq, func(e row, seq int) int { return e.seq - seq })
	if found {
		r.plan.rows[i] = d
		return
	}
	r.plan.rows = slices.Insert(r.plan.rows, i, d)
}

// remove takes away the row of a message, if it has one, and makes the next one of its
// key due.
func (r *reader) remove(f *fact) {
	n := len(r.plan.rows)
	r.plan.rows = slices.DeleteFunc(r.plan.rows, func(d row) bool { return d.seq == f.seq })
	i := slices.IndexFunc(r.plan.rows, func(d row) bool { return d.key == f.key })
	if len(r.plan.rows) < n && i >= 0 && r.plan.rows[i].state == waiting {
		r.plan.rows[i].state, r.plan.rows[i].due = retry, r.w().now
	}
}

// commit is the transaction: all of the plan or nothing.
func (r *reader) commit() bool {
	w, pos := r.w(), &r.w().pos[r.part]
	if !r.fenced() {
		return true
	}
	lost := w.fault(r.p, 20)
	if lost && w.one(2) { // rolled back, which nobody learns
		*r = reader{p: r.p, part: r.part}
		return true
	}
	for _, f := range r.plan.done {
		w.effect(f)
	}
	for _, f := range r.plan.gone {
		f.gone = true
	}
	r.store()
	r.proved++
	if !r.drain && (!r.careful() || r.proved >= most || pos.offset == len(w.topic[r.part])) {
		pos.strikes = 0
	}
	if r.counted {
		pos.started = 0
	}
	if lost && w.has(Forget) {
		*r = reader{p: r.p, part: r.part}
		return true
	}
	if lost {
		return true // and once more
	}
	r.was, r.rows = *pos, slices.Clone(r.plan.rows)
	r.counted, r.stage, r.plan = false, owner, plan{}
	if r.limit == 1 || !r.careful() && !r.drain {
		r.limit = most
	}
	return true
}

// store writes the rows that differ from what the owner remembers, and the place.
func (r *reader) store() {
	w, pos := r.w(), &r.w().pos[r.part]
	pos.offset, pos.high = r.plan.offset, r.plan.high
	for _, d := range r.rows {
		if !slices.ContainsFunc(r.plan.rows, func(e row) bool { return e.seq == d.seq }) {
			w.rows[r.part] = slices.DeleteFunc(w.rows[r.part], func(e row) bool { return e.seq == d.seq })
		}
	}
	for _, d := range r.plan.rows {
		if slices.Contains(r.rows, d) {
			continue
		}
		i, found := slices.BinarySearchFunc(w.rows[r.part], d.seq, func(e row, seq int) int { return e.seq - seq })
		if found {
			w.rows[r.part][i] = d
		} else {
			w.rows[r.part] = slices.Insert(w.rows[r.part], i, d)
		}
	}
}
