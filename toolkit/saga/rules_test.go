package saga

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

type word string

func (w word) Kind() string  { return string(w) }
func (w word) Queue() string { return "other_commands" }

// four is a saga in which two steps share what refuses and what undoes them; two come after
// its pivot.
func four() Saga[int] {
	send := func(*int) message.Work { return word("do") }
	undo := func(*int) message.Work { return word("undo") }
	return Saga[int]{Name: "four", Timer: func(Deadline) message.Work { return word("wake") }, Steps: []Step[int]{
		{Name: "a", Who: "x", Send: send, Answer: word("A"), Refusal: word("notA"), Undo: undo, Undone: []message.Kind{word("unA")}},
		{Name: "here", Do: func(*store.Tx, *int) error { return nil }},
		{Name: "b", Who: "y", Send: send, Answer: word("B"), Refusal: word("notY"), Undo: undo, Undone: []message.Kind{word("unY"), word("unB")}, Within: time.Minute},
		{Name: "c", Who: "y", Send: send, Answer: word("C"), Refusal: word("notY"), Undo: undo, Undone: []message.Kind{word("unY")}, Pivot: true},
		{Name: "d", Who: "x", Send: send, Answer: word("D")},
		{Name: "e", Who: "y", Send: send, Answer: word("E")},
	}}
}

// places are all at which an instance can stand.
func places(s Saga[int]) (all []place) {
	for i, st := range s.Steps {
		if st.Send == nil {
			continue
		}
		all = append(all, place{State: Running, Step: st.Name, at: i, turn: none}, place{State: Closed, at: none, turn: none})
		if i > s.pivot() {
			continue
		}
		for _, why := range []string{"notA", "notY", Overdue{}.Kind(), CalledOff{}.Kind()} {
			if why == "notA" && i != 0 || why == "notY" && i == 0 {
				continue
			}
			turned := place{State: Undoing, Turned: st.Name, Why: why, turn: i}
			for j := s.undoFrom(turned); j >= 0; j-- {
				if p := turned; s.Steps[j].Undo != nil && s.Steps[j].Who != s.away(p) {
					p.at, p.Step = j, s.Steps[j].Name
					all = append(all, p)
				}
			}
			turned.State, turned.at = Undone, none
			all = append(all, turned)
			turned.State = Closed
			all = append(all, turned)
		}
	}
	return append(all, place{State: Completed, at: none, turn: none})
}

// steps are all messages that can come to p.
func steps(s Saga[int], p place) (all []step) {
	for _, kind := range []string{"A", "notA", "unA", "B", "notY", "unY", "unB", "C", "D", "E", CalledOff{}.Kind()} {
		e, at := s.means(p, kind)
		all = append(all, step{event: e, where: at, message: word(kind)})
	}
	for _, d := range []Deadline{{}, {Step: "a"}, {Step: "b"}, {Step: "d"}, {Step: "a", Undo: true}, {Step: "b", Undo: true}, {Step: "gone"}} {
		all = append(all, step{event: deadline, where: s.waits(p, d)})
	}
	return append(all, step{event: closing, where: at}, step{event: retry, where: at})
}

// Whatever comes to an instance, wherever it stands, there is one rule for it, and no rule
// is for what cannot come.
func TestEveryMessageHasOneRule(t *testing.T) {
	s := four()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	cells, used := map[string]bool{}, make([]map[string]bool, len(rules))
	for i := range used {
		used[i] = map[string]bool{}
	}
	for _, p := range places(s) {
		for _, m := range steps(s, p) {
			var found []int
			for i, r := range rules {
				if slices.Contains(r.in, s.phase(p)) && slices.Contains(r.at, m.where) && slices.Contains(r.on, m.event) {
					found = append(found, i)
					used[i][string(s.phase(p))], used[i][string(m.where)], used[i][string(m.event)] = true, true, true
				}
			}
			if len(found) != 1 {
				t.Errorf("%s of a step that is %s (%v), when %s at %q, turned at %q by %q: rules %v, want one", m.event, m.where, m.message, p.State, p.Step, p.Turned, p.Why, found)
			}
			cells[fmt.Sprint(s.phase(p), m.where, m.event)] = true
		}
	}
	if len(cells) < 60 {
		t.Errorf("%d cells were tried: the places or the messages lack some", len(cells))
	}
	for i, r := range rules {
		for _, in := range r.in {
			if !used[i][string(in)] {
				t.Errorf("rule %d names %q, where it never comes to", i, in)
			}
		}
		for _, on := range r.on {
			if !used[i][string(on)] {
				t.Errorf("rule %d names %q, which never comes", i, on)
			}
		}
		for _, where := range r.at {
			if !used[i][string(where)] {
				t.Errorf("rule %d names a step that is %q, which never is", i, where)
			}
		}
		if (r.out == "") == (r.err == nil) {
			t.Errorf("rule %d has neither an outcome nor an error, or both", i)
		}
	}
}

// What there is no rule for is an error too, and never silence.
func TestNoRule(t *testing.T) {
	_, _, err := next(open, never, answer)
	if !errors.Is(err, ErrImpossible) || !(failure.Policy{}).Judge(failure.History{}, time.Now(), err).Dead {
		t.Errorf("got %v, want ErrImpossible, permanent", err)
	}
}

// An end is one: nothing that comes leads out of it, or has anything sent.
func TestEndsAreEnds(t *testing.T) {
	s := four()
	for _, p := range places(s) {
		if !p.State.Ended() {
			continue
		}
		for _, m := range steps(s, p) {
			if do, _, _ := next(s.phase(p), m.where, m.event); do != nothing {
				t.Errorf("%s of one that is %s has it %s", m.event, p.State, do)
			}
		}
	}
}
