package saga

import (
	"fmt"
	"slices"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
)

// A State is what a saga is at. It is stored as it is.
type State string

// The states. The last three are ends.
const (
	Running   State = "running"   // waits for the answer of its step
	Undoing   State = "undoing"   // waits for the undo of its step
	Completed State = "completed" // all steps are done
	Undone    State = "undone"    // none is
	Closed    State = "closed"    // another flow has ended the thing
)

// Ended reports whether nothing follows s.
func (s State) Ended() bool { return s != Running && s != Undoing }

// A phase is a state as the rules see it.
type phase string

const (
	open      phase = "running, can turn back"
	bound     phase = "running, past its pivot"
	undoing   phase = "undoing"
	completed phase = "completed"
	undone    phase = "undone"
	closed    phase = "closed"
)

// A where is how the step that a message speaks of stands to its saga.
type where string

const (
	at    where = "at"    // it is waited for
	done  where = "done"  // it was done, and is not undone
	back  where = "back"  // it is undone, or will be without anybody waiting for it
	ahead where = "ahead" // nobody has asked for it yet
	never where = "never" // nobody has and nobody will, or it was refused
)

// An event is what a message says to a saga.
type event string

const (
	unheard  event = ""         // nothing: no step knows it
	start    event = "start"    // there is none yet
	answer   event = "answer"   // of a step
	refusal  event = "refusal"  // of a step
	reversal event = "reversal" // a step is undone
	deadline event = "deadline" // at: of what is waited for; never: of anything else
	callOff  event = "call off"
	closing  event = "close"
	retry    event = "retry"
)

func (e event) name() string { return string(e) }

// answers reports whether e is what another service says.
func (e event) answers() bool { return e == answer || e == refusal || e == reversal }

// A step of the rules is one message to one instance.
type step struct {
	event   event
	where   where
	message message.Kind // nil: it is nothing that was said
}

// name is what is counted: no more names than there are messages.
func (m step) name() string {
	if m.event.answers() {
		return m.message.Kind()
	}
	return m.event.name()
}

// An act is what a saga does for a message.
type act string

const (
	nothing  act = ""
	goOn     act = "go on"     // to the next step that is asked
	turnBack act = "turn back" // and undo what was done, what is in doubt included
	goBack   act = "go back"   // to the one before that is undone
	ask      act = "ask again"
	finish   act = "finish"
)

// A rule says what a message does in some phases. Without an outcome it is an error.
type rule struct {
	in  []phase
	at  []where
	on  []event
	do  act
	out Outcome
	err error
}

// rules are the life of a saga: every phase with every message, whether it comes when it is
// waited for, late, doubled or early.
var rules = []rule{
	{in: []phase{open, bound}, at: []where{at}, on: []event{answer}, do: goOn, out: Moved},
	{in: []phase{open}, at: []where{at}, on: []event{refusal, deadline, callOff}, do: turnBack, out: Turned},
	{in: []phase{bound, undoing}, at: []where{at}, on: []event{deadline}, do: ask, out: Resent},
	{in: []phase{undoing}, at: []where{at}, on: []event{reversal}, do: goBack, out: Moved},
	{in: []phase{open, bound, undoing}, at: []where{at}, on: []event{retry}, do: ask, out: Resent},
	{in: []phase{open, bound, undoing}, at: []where{at}, on: []event{closing}, do: finish, out: Moved},

	// Doubled: said before, or said of what was asked for twice.
	{in: []phase{open, bound, completed}, at: []where{done}, on: []event{answer}, out: Again},
	{in: []phase{undoing}, at: []where{back}, on: []event{reversal}, out: Again},
	{in: []phase{undoing, undone, closed}, at: []where{at}, on: []event{callOff}, out: Again},
	{in: []phase{closed}, at: []where{at}, on: []event{closing}, out: Again},
	{in: []phase{completed, undone}, at: []where{at}, on: []event{closing}, out: Late},

	// Early: it is said again when it is asked for.
	{in: []phase{open, bound}, at: []where{ahead}, on: []event{answer, refusal}, out: Early},
	{in: []phase{undoing}, at: []where{done}, on: []event{reversal}, out: Early},

	// Late. What is done after all has an undo behind it; a refusal or a reversal leaves
	// nothing done.
	{in: []phase{undoing, undone}, at: []where{at, done, back}, on: []event{answer}, out: Late},
	{in: []phase{undoing, undone}, at: []where{at, done, back, never}, on: []event{refusal}, out: Late},
	{in: []phase{undone}, at: []where{back}, on: []event{reversal}, out: Late},
	{in: []phase{undoing, undone}, at: []where{never}, on: []event{reversal}, out: Late},
	{in: []phase{closed}, at: []where{never}, on: []event{answer, refusal, reversal}, out: Late},
	// A deadline of something else: the one that holds is set again.
	{in: []phase{open, bound, undoing, completed, undone, closed}, at: []where{never}, on: []event{deadline}, out: Late},

	// What cannot be. A step that was refused, or never asked for, is done, and nobody would
	// undo it; one that was done says that it was not; one is undone that nobody asked to.
	{in: []phase{undoing, undone}, at: []where{never}, on: []event{answer}, err: ErrImpossible},
	{in: []phase{open, bound, completed}, at: []where{done}, on: []event{refusal}, err: ErrImpossible},
	{in: []phase{open, bound, completed}, at: []where{at, done, ahead}, on: []event{reversal}, err: ErrImpossible},
	{in: []phase{bound, completed}, at: []where{at}, on: []event{callOff}, err: ErrIllegal},
	{in: []phase{completed, undone, closed}, at: []where{at}, on: []event{retry}, err: ErrIllegal},
}

// next looks a message up in rules. A message that cannot be is dead: what a person asks
// for is not, and is only refused.
func next(in phase, at where, on event) (act, Outcome, error) {
	for _, r := range rules {
		if slices.Contains(r.in, in) && slices.Contains(r.at, at) && slices.Contains(r.on, on) {
			if r.err == ErrImpossible {
				return nothing, "", failure.Permanent(r.err)
			}
			return r.do, r.out, r.err
		}
	}
	return nothing, "", failure.Permanent(fmt.Errorf("%w: no rule for %s of a step that is %s, when %s", ErrImpossible, on, at, in))
}
