package saga

import (
	"fmt"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A place is the row of an instance, with its steps as indexes.
type place struct {
	ID, Saga, Step, Turned, Why string
	State                       State
	Tries                       int64
	Started, Since              time.Time
	at, turn                    int
}

// none is no step.
const none = -1

// pivot is the last step that can be refused: of a saga without a pivot the last of all.
func (s Saga[S]) pivot() int {
	if i := slices.IndexFunc(s.Steps, func(st Step[S]) bool { return st.Pivot }); i >= 0 {
		return i
	}
	return len(s.Steps) - 1
}

// index is the place of a stored step.
func (s Saga[S]) index(name string) int {
	if to, moved := s.Moved[name]; moved {
		name = to
	}
	return slices.IndexFunc(s.Steps, func(st Step[S]) bool { return st.Name == name })
}

// asked is the first step from i on that is asked of another service; behind the last if
// there is none.
func (s Saga[S]) asked(i int) int {
	for ; i < len(s.Steps) && s.Steps[i].Send == nil; i++ {
	}
	return i
}

func (s Saga[S]) phase(p place) phase {
	switch {
	case p.State == Running && p.at <= s.pivot():
		return open
	case p.State == Running:
		return bound
	}
	return phase(p.State)
}

// name puts the names of its steps into p. Who has gone through all steps is completed.
func (s Saga[S]) name(p *place) {
	switch {
	case p.at >= len(s.Steps):
		p.State, p.Step = Completed, ""
	case p.at < 0:
		p.Step = ""
	default:
		p.Step = s.Steps[p.at].Name
	}
	if p.turn >= 0 {
		p.Turned = s.Steps[p.turn].Name
	}
}

// load reads where an instance stands.
func (s Saga[S]) load(tx *store.Tx, id string) (place, error) {
	p, found, err := read(tx, id)
	switch {
	case err != nil:
		return p, err
	case !found:
		return p, failure.Permanent(fmt.Errorf("%w: %s %s", ErrUnknown, s.Name, id))
	case p.Saga != s.Name:
		return p, failure.Permanent(fmt.Errorf("%w: %s is of saga %s, not %s", ErrUnknown, id, p.Saga, s.Name))
	}
	p.at, p.turn = none, none
	if p.Step != "" {
		if p.at = s.index(p.Step); p.at < 0 {
			return p, fmt.Errorf("saga %s %s: step %q does not exist; name the one to go on at in Moved", s.Name, id, p.Step)
		}
	}
	if p.Turned != "" && p.State != Closed { // whatever comes to that is late
		if p.turn = s.index(p.Turned); p.turn < 0 {
			return p, fmt.Errorf("saga %s %s: step %q, where it turned back, does not exist; name another in Moved", s.Name, id, p.Turned)
		}
	}
	return p, nil
}

// walk does the steps from i to the one where p stands now, and asks for that one.
func (s Saga[S]) walk(tx *store.Tx, of *S, i int, p place) error {
	for ; i < p.at; i++ {
		if err := s.Steps[i].Do(tx, of); err != nil {
			return fmt.Errorf("saga %s %s: step %s: %w", s.Name, p.ID, s.Steps[i].Name, err)
		}
	}
	if p.at == len(s.Steps) {
		return nil
	}
	return s.ask(tx, of, p)
}

// doubted reports whether the step at which p turned back may be done all the same: nobody
// has said that it is not.
func (s Saga[S]) doubted(p place) bool {
	return p.Why == Overdue{}.Kind() || p.Why == CalledOff{}.Kind()
}

// undoFrom is the first step on the way back.
func (s Saga[S]) undoFrom(p place) int {
	if s.doubted(p) {
		return p.turn
	}
	return p.turn - 1
}

// away is the service that gave no answer. It is not waited for: it finds what it is to
// undo behind what it was asked to do.
func (s Saga[S]) away(p place) string {
	if p.Why == (Overdue{}.Kind()) {
		return s.Steps[p.turn].Who
	}
	return ""
}

// goBack undoes the steps from i down to the first whose undo has to be waited for.
func (s Saga[S]) goBack(tx *store.Tx, of *S, p place, i int) (place, error) {
	p.Since, p.Tries = tx.Now, 1
	for ; i >= 0; i-- {
		st := s.Steps[i]
		switch {
		case st.Back != nil:
			if err := st.Back(tx, of); err != nil {
				return p, fmt.Errorf("saga %s %s: undo of step %s: %w", s.Name, p.ID, st.Name, err)
			}
		case st.Undo != nil:
			if err := tx.Send(p.ID, st.Undo(of)); err != nil {
				return p, err
			}
			if st.Who != s.away(p) {
				p.at = i
				return p, nil
			}
		}
	}
	p.State, p.at = Undone, none
	return p, nil
}

// ask sends what p waits for.
func (s Saga[S]) ask(tx *store.Tx, of *S, p place) error {
	if p.State == Undoing {
		return tx.Send(p.ID, s.Steps[p.at].Undo(of))
	}
	return tx.Send(p.ID, s.Steps[p.at].Send(of))
}

// due is the deadline of p, and when that is, reckoned from now.
func (s Saga[S]) due(p place, now time.Time) (Deadline, time.Time) {
	st, d := s.Steps[p.at], Deadline{ID: p.ID, Step: s.Steps[p.at].Name, Undo: p.State == Undoing}
	limit := p.Started.Add(orElse(s.Within, within))
	switch {
	case d.Undo:
		return d, now.Add(undoingTime)
	case s.phase(p) == bound:
		return d, now.Add(orElse(st.Within, patience))
	case st.Within > 0 && now.Add(st.Within).Before(limit):
		return d, now.Add(st.Within)
	}
	return Deadline{ID: p.ID}, limit
}

// ownDeadline names what p waits for if that has a deadline of its own.
func (s Saga[S]) ownDeadline(p place) Deadline {
	if p.State.Ended() {
		return Deadline{}
	}
	d, _ := s.due(p, p.Since)
	return d
}

// remind sets the deadline of p, not before now.
func (s Saga[S]) remind(tx *store.Tx, p place) error {
	d, due := s.due(p, tx.Now)
	if due.Before(tx.Now) {
		due = tx.Now
	}
	return tx.SendAs(DeadlineID(p.ID), due, p.ID, s.Timer(d))
}

// prolong gives p a reprieve at least. A deadline that is later stays, such as one that an
// operator has moved.
func (s Saga[S]) prolong(tx *store.Tx, p place) error {
	d, due := s.due(p, tx.Now)
	if _, err := tx.Row([]any{&due}, `SELECT due FROM job WHERE id = $1`, DeadlineID(p.ID)); err != nil {
		return err
	}
	if least := tx.Now.Add(reprieve); due.Before(least) {
		due = least
	}
	return tx.SendAs(DeadlineID(p.ID), due, p.ID, s.Timer(d))
}

// waits says whether d is the deadline that p has.
func (s Saga[S]) waits(p place, d Deadline) where {
	if p.State.Ended() {
		return never
	}
	mine := d.Step == "" || s.index(d.Step) == p.at
	if d.Step == "" {
		mine = s.phase(p) == open
	}
	if mine && d.Undo == (p.State == Undoing) {
		return at
	}
	return never
}

// means says what a kind of message says to p, and of which step: of several the one that
// is waited for, else what asks for least.
func (s Saga[S]) means(p place, kind string) (event, where) {
	if kind == (CalledOff{}.Kind()) {
		return callOff, at
	}
	said, best := unheard, len(nearest)
	for i, st := range s.Steps {
		e := st.means(kind)
		if e == unheard {
			continue
		}
		if n := slices.Index(nearest, s.stands(p, i)); n < best {
			said, best = e, n
		}
	}
	if said == unheard {
		return unheard, never
	}
	return said, nearest[best]
}

var nearest = []where{at, back, done, ahead, never}

// means says what a kind of message says of st.
func (st Step[S]) means(kind string) event {
	is := func(k message.Kind) bool { return k != nil && k.Kind() == kind && st.Send != nil }
	switch {
	case is(st.Answer):
		return answer
	case is(st.Refusal):
		return refusal
	case slices.ContainsFunc(st.Undone, is):
		return reversal
	}
	return unheard
}

// stands says how step i stands to p.
func (s Saga[S]) stands(p place, i int) where {
	switch {
	case p.State == Completed:
		return done
	case p.State == Closed:
		return never
	case p.State == Running && i == p.at, p.State == Undoing && i == p.at:
		return at
	case p.State == Running && i > p.at:
		return ahead
	case p.State == Running, p.State == Undoing && i < p.at:
		return done
	case i > s.undoFrom(p):
		return never
	}
	return back
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
