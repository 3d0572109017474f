package saga

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

var (
	// ErrUnknown: there is no such saga.
	ErrUnknown = errors.New("no such saga")
	// ErrIllegal: a saga in this state cannot do that.
	ErrIllegal = errors.New("not possible in the state of the saga")
	// ErrImpossible: the message contradicts what the saga knows. It is dead at once.
	ErrImpossible = errors.New("this cannot be said of the saga")
)

// A Saga is a business transaction across services, as a list of steps. S is the owner's
// own state of one instance: the owner loads it before a call, and stores it after, in the
// same change, whose keys name the instance. Fields that name no default are required.
type Saga[S any] struct {
	Name   string
	Steps  []Step[S]
	Within time.Duration               // from its start until its pivot is passed; then it is undone; 5m
	Timer  func(Deadline) message.Work // wraps a deadline in work of the owner's own queue, whose handler calls Expire
	Note   func(of *S, m message.Kind) // what a message adds to the state, also one that is doubled or late; nothing
	Moved  map[string]string           // stored steps that there are no more, and the ones their instances go on at; none
	Meter  metric.Meter                // of what became of messages; none
}

// A Step is done here, by Do, or asked of another service with Send, and answered.
type Step[S any] struct {
	Name    string
	Who     string                    // the service that is asked; "" for a step that is done here
	Do      func(*store.Tx, *S) error // does it, in the commit that reaches the step
	Send    func(*S) message.Work     // or asks for it
	Answer  message.Kind              // says that it is done; of what is done here, what Do says, if anything
	Refusal message.Kind              // says that it cannot be, and that nothing of it was; nil: it always can
	Undo    func(*S) message.Work     // asks to undo it, also if it has not come yet; nil: the Undo of an earlier step of the same service does
	Undone  []message.Kind            // any of these says that it is undone
	Back    func(*store.Tx, *S) error // undoes what Do did; nil: there is nothing to undo
	Pivot   bool                      // the last that can be refused: once it is done, nothing is undone
	Within  time.Duration             // for its answer; before and at the pivot none of its own, after it 1h, then it is asked again
}

const (
	within      = 5 * time.Minute // of a saga
	patience    = time.Hour       // for an answer after the pivot, before it is asked again
	undoingTime = time.Minute     // for the answer of an undo, before it is asked again
	reprieve    = time.Minute     // after a Retry, at least
)

// A Deadline is when a saga stops waiting. It is one job of the owner's queue, under
// DeadlineID: listed, moved and cancelled as all scheduled work.
type Deadline struct {
	ID   string `json:"id"`             // of the instance
	Step string `json:"step,omitempty"` // that it is for; "" for the whole way to the pivot
	Undo bool   `json:"undo,omitempty"` // of the step
}

// DeadlineID names the job of an instance's deadline.
func DeadlineID(id string) string { return "deadline-" + id }

// An Overdue is noted when a saga turns back because no answer came.
type Overdue struct{ Step, Who string }

// Kind is the name of the message.
func (Overdue) Kind() string { return "Overdue" }

// A CalledOff is the message by which somebody calls a saga off: what was done is undone.
type CalledOff struct{ Who, Why string }

// Kind is the name of the message.
func (CalledOff) Kind() string { return "CalledOff" }

// An Outcome is what became of a message. Nothing ends without one.
type Outcome string

// The outcomes.
const (
	Moved  Outcome = "moved"   // the saga stands elsewhere
	Turned Outcome = "undoing" // it undoes now what was done
	Again  Outcome = "again"   // it was so already
	Late   Outcome = "late"    // what it speaks of is being undone, or has ended
	Early  Outcome = "early"   // nobody has asked yet; it is answered again when somebody does
	Resent Outcome = "resent"  // it was asked once more
)

// Start begins an instance: it does the first steps and asks for the first that is asked.
// If there is one with this id, nothing happens Again.
func (s Saga[S]) Start(tx *store.Tx, id string, of *S) (Outcome, error) {
	p := place{ID: id, Saga: s.Name, State: Running, at: s.asked(0), turn: none, Started: tx.Now, Since: tx.Now, Tries: 1}
	s.name(&p)
	first, err := insert(tx, p)
	if err != nil {
		return "", err
	}
	if !first {
		if _, err := s.load(tx, id); err != nil { // of another saga
			return "", err
		}
		return s.counted(tx, start.name(), Again), nil
	}
	if err := s.walk(tx, of, 0, p); err != nil {
		return "", err
	}
	if p.at < len(s.Steps) {
		if err := s.remind(tx, p); err != nil {
			return "", err
		}
	}
	return s.counted(tx, start.name(), Moved), nil
}

// Take tells an instance what an answer says, or that it is CalledOff. What contradicts it
// is ErrImpossible, and its message dead: no other attempt would heal it.
func (s Saga[S]) Take(tx *store.Tx, id string, of *S, m message.Kind) (Outcome, error) {
	p, err := s.load(tx, id)
	if err != nil {
		return "", err
	}
	e, at := s.means(p, m.Kind())
	if e == unheard {
		return "", failure.Permanent(fmt.Errorf("%w: no step of %s knows %s", ErrImpossible, s.Name, m.Kind()))
	}
	return s.follow(tx, p, of, step{event: e, where: at, message: m})
}

// Expire is for the handler of the Timer's work.
func (s Saga[S]) Expire(tx *store.Tx, id string, of *S, d Deadline) (Outcome, error) {
	p, err := s.load(tx, id)
	if err != nil {
		return "", err
	}
	over := Overdue{Step: p.Step}
	if p.at >= 0 && p.at < len(s.Steps) {
		over.Who = s.Steps[p.at].Who
	}
	return s.follow(tx, p, of, step{event: deadline, where: s.waits(p, d), message: over})
}

// Close ends an instance because another flow has ended the thing, and its message by makes
// everybody undo what he did: nothing more is sent.
func (s Saga[S]) Close(tx *store.Tx, id string, by message.Kind) (Outcome, error) {
	p, err := s.load(tx, id)
	if err != nil {
		return "", err
	}
	return s.follow(tx, p, nil, step{event: closing, where: at, message: by})
}

// Retry asks once more for what an instance waits for, and gives it a minute at least: a
// deadline that is later stays.
func (s Saga[S]) Retry(tx *store.Tx, id string, of *S) (Outcome, error) {
	p, err := s.load(tx, id)
	if err != nil {
		return "", err
	}
	return s.follow(tx, p, of, step{event: retry, where: at})
}

// follow does what the rules say.
func (s Saga[S]) follow(tx *store.Tx, p place, of *S, m step) (Outcome, error) {
	do, out, err := next(s.phase(p), m.where, m.event)
	if err != nil {
		return "", fmt.Errorf("%w: %s at step %q of saga %s %s, which is %s", err, m.name(), p.Step, s.Name, p.ID, p.State)
	}
	if s.Note != nil && m.message != nil && of != nil && (m.event.answers() || out == Turned) {
		s.Note(of, m.message)
	}
	before := p
	switch do {
	case goOn:
		p.at, p.Since, p.Tries = s.asked(p.at+1), tx.Now, 1
		err = s.walk(tx, of, before.at+1, p)
	case turnBack:
		p.State, p.turn, p.Why = Undoing, p.at, m.message.Kind()
		p, err = s.goBack(tx, of, p, s.undoFrom(p))
	case goBack:
		p, err = s.goBack(tx, of, p, p.at-1)
	case ask:
		p.Tries++
		err = s.ask(tx, of, p)
	case finish:
		if p.turn < 0 { // one that was undoing has turned back for its own reason
			p.turn, p.Why = p.at, m.message.Kind()
		}
		p.State, p.at, p.Since = Closed, none, tx.Now
	}
	if err != nil {
		return "", err
	}
	if err := s.keep(tx, before, p, m); err != nil {
		return "", err
	}
	return s.counted(tx, m.name(), out), nil
}

// keep stores where p stands now, and until when.
func (s Saga[S]) keep(tx *store.Tx, before, p place, m step) error {
	s.name(&p)
	if p != before {
		if err := update(tx, before, p); err != nil {
			return err
		}
	}
	switch {
	case p.State.Ended() && !before.State.Ended() && m.event != deadline:
		return tx.Unsend(DeadlineID(p.ID)) // one that is being handled is acknowledged
	case p.State.Ended():
		return nil
	case m.event == retry:
		return s.prolong(tx, p)
	case m.event == deadline, s.ownDeadline(before) != s.ownDeadline(p):
		return s.remind(tx, p)
	}
	return nil
}

// counted counts what became of a message once that is stored.
func (s Saga[S]) counted(tx *store.Tx, kind string, out Outcome) Outcome {
	if s.Meter == nil {
		return out
	}
	tx.Then(func() {
		c, err := s.Meter.Int64Counter("tidewire.saga.messages", metric.WithDescription("Messages to sagas by what they did: moved, undoing, again, late, early, resent."))
		if err != nil {
			return
		}
		c.Add(context.Background(), 1, metric.WithAttributeSet(attribute.NewSet(
			attribute.String("saga", s.Name), attribute.String("kind", kind), attribute.String("outcome", string(out)))))
	})
	return out
}
