package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

const (
	parts    = 2
	keys     = 3 // 0 and 1 share partition 0
	most     = 4 // messages in a batch
	lease    = 1000
	attempts = 3 // failures before a message is dead
	suspect  = 3 // beginnings of a message that runs alone before it is dead
)

// fact is a message of the journal; its place is part and seq.
type fact struct {
	part, seq, key int
	end            bool
	fails, kills   int // the first so many runs fail, or kill the process
	runs           int
	repaired       bool // by the operator: it neither fails nor kills any more
	done, gone     bool // gone: discarded
}

func (f *fact) innocent() bool { return f.fails < attempts && f.kills < suspect-1 }

// row is a parked message.
type row struct {
	seq, key, due, attempts int
	state                   state
	mark                    string // the operator's wish: "redrive", "discard"
	end                     bool
}

type state string

const (
	retry   state = "retry"
	waiting state = "waiting"
	dead    state = "dead"
)

// position is a reader's row for one partition.
type position struct {
	offset, high     int // in the topic, and the highest sequence of the journal
	owner            int // 0 when released
	token, until     int
	strikes          int
	counted, started int // the message that runs alone, and how often it began
}

// world is everything that is durable, and the truth about the messages.
type world struct {
	without Rule
	rng     *rand.Rand
	now     int
	names   int
	log     [parts][]*fact
	topic   [parts][]int
	pos     [parts]position
	rows    [parts][]row
	relay   struct{ owner, token, until int }
	marked  [parts]int
	jobs    [keys]job
	ended   [keys]bool // tombstones
	faults  int        // still to come
	unlucky int        // of them, those that may hit a message that runs alone
	bad     error
}

func (w *world) has(r Rule) bool     { return w.without&r == 0 }
func (w *world) one(n int) bool      { return w.rng.IntN(n) == 0 }
func (w *world) fact(p, s int) *fact { return w.log[p][s-1] }

func (w *world) violate(format string, args ...any) {
	if w.bad == nil {
		w.bad = fmt.Errorf("at %d: "+format, append([]any{w.now}, args...)...)
	}
}

// name returns a number for a process or lease that no other has had.
func (w *world) name() int {
	w.names++
	return w.names
}

// say appends a fact to the journal.
func (w *world) say(f *fact) {
	f.part = f.key / 2
	f.seq = len(w.log[f.part]) + 1
	w.log[f.part] = append(w.log[f.part], f)
}

// effect is a handler's commit: once, in the order of the key unless it ends the key,
// and without effect once the key is ended.
func (w *world) effect(f *fact) {
	if f.done || f.gone {
		w.violate("%+v is done twice", *f)
	}
	for _, e := range w.log[f.part][:f.seq-1] {
		if e.key == f.key && !e.done && !e.gone && !f.end {
			w.violate("%+v overtakes %+v", *f, *e)
		}
	}
	f.done = true
	if f.end && w.has(Tombstone) {
		w.ended[f.key] = true
	}
	if !f.end && !w.ended[f.key] && slices.ContainsFunc(w.log[f.part], func(e *fact) bool {
		return e.key == f.key && e.end && e.done
	}) {
		w.violate("%+v has an effect after its end", *f)
	}
}

// check looks at all that must hold between any two steps.
func (w *world) check() {
	for p := range parts {
		first := map[int]bool{}
		for i, r := range w.rows[p] {
			f := w.fact(p, r.seq)
			switch {
			case f.done || f.gone || r.seq > w.pos[p].high || i > 0 && w.rows[p][i-1].seq >= r.seq:
				w.violate("%+v should not be parked", r)
			case r.state == waiting && !first[r.key]:
				w.violate("%+v waits for nobody", r)
			case r.state == dead && f.innocent():
				w.violate("%+v is dead and innocent", *f)
			case r.state == retry && first[r.key] && !r.end:
				w.violate("%+v would overtake its key", r)
			case r.attempts > 0 && f.fails == 0 && f.kills == 0:
				w.violate("%+v is blamed for another", r)
			}
			first[r.key] = true
		}
		for _, f := range w.log[p] {
			parked := slices.ContainsFunc(w.rows[p], func(r row) bool { return r.seq == f.seq })
			if seen := f.seq <= w.pos[p].high; seen != (f.done || f.gone || parked) {
				w.violate("%+v is lost: done + dead + waiting is not what came in", *f)
			}
		}
	}
}

// settled reports whether all that came in is done, discarded, dead or behind a dead one.
func (w *world) settled() bool {
	for p := range parts {
		if w.pos[p].high < len(w.log[p]) || w.pos[p].offset < len(w.topic[p]) {
			return false
		}
		for _, r := range w.rows[p] {
			if r.state == retry || r.mark != "" {
				return false
			}
		}
	}
	return !slices.ContainsFunc(w.jobs[:], func(j job) bool { return !j.done })
}
