package saga

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tidewire/tidewire/toolkit/message"
)

// Check returns all that is wrong with a definition.
func (s Saga[S]) Check() error {
	var wrong []error
	add := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("saga %s: %s", s.Name, fmt.Sprintf(format, args...)))
	}
	if s.Name == "" || len(s.Steps) == 0 {
		add("it needs a name and steps")
	}
	if s.Within < 0 {
		add("Within is %v, must not be negative", s.Within)
	}
	pivots := 0
	for i, st := range s.Steps {
		for _, complaint := range s.checkStep(i, st) {
			add("step %q: %s", st.Name, complaint)
		}
		if st.Pivot {
			if pivots++; pivots > 1 {
				add("step %q is a second pivot: only one step can be the last that is refused", st.Name)
			}
		}
		if st.Send != nil && s.Timer == nil {
			add("step %q is waited for, and there is no Timer", st.Name)
		}
	}
	for from, to := range s.Moved {
		if slices.ContainsFunc(s.Steps, func(st Step[S]) bool { return st.Name == from }) {
			add("Moved names step %q, which there is", from)
		}
		if i := slices.IndexFunc(s.Steps, func(st Step[S]) bool { return st.Name == to }); i < 0 || s.Steps[i].Send == nil {
			add("Moved goes on at %q, which is no step that is asked of a service", to)
		}
	}
	return errors.Join(append(wrong, s.checkKinds()...)...)
}

// checkStep returns what is wrong with one step, and with its place among the others.
func (s Saga[S]) checkStep(i int, st Step[S]) (wrong []string) {
	past := i > s.pivot()
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{st.Name == "", "it has no name"},
		{slices.IndexFunc(s.Steps, func(o Step[S]) bool { return o.Name == st.Name }) < i, "there is one of that name before it"},
		{(st.Do == nil) == (st.Send == nil), "it needs either Do or Send"},
		{(st.Send == nil) != (st.Who == ""), "Who is the service that Send asks: both or neither"},
		{st.Send != nil && st.Answer == nil, "what is sent has an Answer"},
		{st.Send == nil && (st.Refusal != nil || st.Undo != nil || st.Undone != nil || st.Within != 0), "Refusal, Undo, Undone and Within are for what is sent"},
		{st.Do == nil && st.Back != nil, "Back is for what is done here: what is sent has Undo"},
		{(st.Undo == nil) != (len(st.Undone) == 0), "an Undo is answered by Undone: both or neither"},
		{st.Within < 0, "Within must not be negative"},
		{past && st.Refusal != nil, "it comes after the pivot, and cannot be refused any more"},
		{past && (st.Undo != nil || st.Back != nil), "it comes after the pivot, and is not undone any more"},
		{!past && st.Send != nil && !s.undoable(i), "it has no Undo, and no earlier step of " + st.Who + " has one that could undo it too"},
	} {
		if rule.broken {
			wrong = append(wrong, rule.says)
		}
	}
	return wrong
}

// undoable reports whether step i, or an earlier one of the same service, has an Undo.
func (s Saga[S]) undoable(i int) bool {
	return slices.ContainsFunc(s.Steps[:i+1], func(st Step[S]) bool { return st.Who == s.Steps[i].Who && st.Undo != nil })
}

// checkKinds returns which kinds of message would not say what they mean: an answer is of
// one step, and what one service says of several steps is the same of each.
func (s Saga[S]) checkKinds() (wrong []error) {
	type meaning struct {
		event event
		who   string
	}
	first := map[string]meaning{}
	for _, st := range s.Steps {
		said := append([]message.Kind{st.Answer, st.Refusal}, st.Undone...)
		for i, k := range said {
			if k == nil {
				continue
			}
			name, m := k.Kind(), meaning{event: []event{answer, refusal, reversal}[min(i, 2)], who: st.Who}
			before, known := first[name]
			switch {
			case name == Overdue{}.Kind(), name == CalledOff{}.Kind():
				wrong = append(wrong, fmt.Errorf("saga %s: step %q: %s is the saga's own word", s.Name, st.Name, name))
			case known && (before != m || m.event == answer):
				wrong = append(wrong, fmt.Errorf("saga %s: step %q: %s is its %s, and the %s of what came before: nobody could tell which", s.Name, st.Name, name, m.event, before.event))
			case !known:
				first[name] = m
			}
		}
	}
	return wrong
}
