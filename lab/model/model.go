package model

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// A Rule is one of the reader's, or a set of them.
type Rule int

// The rules that can be switched off; see the package comment.
const (
	Fence Rule = 1 << iota
	Token
	Forget
	Parking
	Bisection
	Sequence
	Confirm
	Count
	Alone
	Owner
	Tombstone
	Lease
)

// ErrStuck: after very many steps something still waits.
var ErrStuck = errors.New("something waits, and nobody comes")

const enough = 20000 // steps

// Run plays the history of a seed without the given rules, and returns the first
// violation of what the rules are for. Steps is how long the history was.
func Run(seed uint64, without Rule) (steps int, err error) {
	g := newGame(seed, without)
	for steps = range enough {
		g.now++
		g.disturb()
		if !g.act() && g.over() {
			break
		}
		if g.check(); g.bad != nil {
			return steps, fmt.Errorf("seed %d, step %d: %w", seed, steps, g.bad)
		}
	}
	if !g.over() {
		return steps, fmt.Errorf("seed %d: %w: %+v %+v", seed, ErrStuck, g.pos, g.rows)
	}
	return steps, nil
}

// game is a world with those who act in it.
type game struct {
	*world
	processes [2]*process
	unsaid    []*fact
	wishes    int // of the operator
}

func newGame(seed uint64, without Rule) *game {
	w := &world{without: without, rng: rand.New(rand.NewPCG(seed, seed))}
	g := &game{world: w, wishes: 4}
	w.faults, w.unlucky = w.rng.IntN(7), 1
	for key := range keys {
		w.jobs[key].due = 100 + w.rng.IntN(3*lease)
		for range 2 + w.rng.IntN(4) {
			g.unsaid = append(g.unsaid, w.temper(&fact{key: key}))
		}
	}
	w.rng.Shuffle(len(g.unsaid), func(i, j int) { g.unsaid[i], g.unsaid[j] = g.unsaid[j], g.unsaid[i] })
	for i := range g.processes {
		g.processes[i] = &process{w: w}
		g.processes[i].start()
	}
	return g
}

// temper draws how a message behaves.
func (w *world) temper(f *fact) *fact {
	switch w.rng.IntN(12) {
	case 0:
		f.fails = 1
	case 1:
		f.fails = 2
	case 2:
		f.fails = 1 << 30
	case 3:
		f.kills = 1
	case 4:
		f.kills = 1 << 30
	}
	return f
}

func (g *game) over() bool { return g.settled() && len(g.unsaid) == 0 && g.wishes == 0 }

// act lets one of those who can act do its next step. Where none can, time passes.
func (g *game) act() bool {
	actors := []func() bool{g.produce, g.operate}
	for _, p := range g.processes {
		if p.away <= g.now {
			actors = append(actors, p.steps()...)
		}
	}
	first := g.rng.IntN(len(actors))
	for i := range actors {
		if actors[(first+i)%len(actors)]() {
			return true
		}
	}
	g.pass()
	return false
}

// pass turns the clock to the next moment at which anything is due.
func (g *game) pass() {
	next := 1 << 40
	at := func(t int) {
		if t > g.now {
			next = min(next, t)
		}
	}
	for p := range parts {
		at(g.pos[p].until)
		at(g.pos[p].until - lease/2 + 1)
		for _, d := range g.rows[p] {
			at(d.due)
		}
	}
	for _, j := range g.jobs {
		at(j.due)
	}
	for _, p := range g.processes {
		at(p.away)
	}
	at(g.relay.until)
	g.now = min(next, g.now+lease)
}

func (g *game) produce() bool {
	if len(g.unsaid) == 0 {
		return false
	}
	g.say(g.unsaid[0])
	g.unsaid = g.unsaid[1:]
	return true
}

// fault reports whether one is due, once in n, to hit p. Who is innocent must not be
// hit too often while it runs alone: it could not be told from who is guilty.
func (w *world) fault(p *process, n int) bool {
	if w.faults == 0 || !w.one(n) {
		return false
	}
	if p.suspects() > 0 {
		if w.unlucky == 0 {
			return false
		}
		w.unlucky--
	}
	w.faults--
	return true
}

// disturb kills, pauses or stops a process now and then.
func (g *game) disturb() {
	p := g.processes[g.rng.IntN(len(g.processes))]
	if p.away > g.now || !g.fault(p, 60) {
		return
	}
	switch g.rng.IntN(3) {
	case 0:
		p.kill()
	case 1:
		p.away = g.now + lease/2 + g.rng.IntN(2*lease)
	case 2:
		for _, r := range p.readers {
			if r.stage == owner && r.fenced() {
				g.pos[r.part].owner = 0
			}
		}
		p.kill()
	}
}

// operate is an operator who looks at the dead: repairs what was wrong or does not,
// and redrives or discards, perhaps twice.
func (g *game) operate() bool {
	if g.wishes == 0 {
		return false
	}
	for part := range parts {
		for i := range g.rows[part] {
			d := &g.rows[part][i]
			if d.state != dead || !g.one(4) {
				continue
			}
			g.wishes--
			g.wish(g.fact(part, d.seq), d)
			return true
		}
	}
	if g.settled() && len(g.unsaid) == 0 && !slices.ContainsFunc(g.rows[:], func(r []row) bool { return len(r) > 0 }) {
		g.wishes = 0
	}
	return false
}

func (g *game) wish(f *fact, d *row) {
	if !g.has(Owner) && g.one(2) { // runs it and removes it, whoever else does
		f.repaired = true
		g.effect(f)
		g.rows[f.part] = slices.DeleteFunc(g.rows[f.part], func(e row) bool { return e.seq == f.seq })
		return
	}
	if g.one(4) {
		d.mark = "discard"
		return
	}
	if g.one(2) {
		f.repaired = true
	}
	d.mark = "redrive"
}
