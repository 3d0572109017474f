package inventory

import (
	"errors"
	"slices"
	"testing"
)

func allStatuses() []status { return []status{none, reserved, shipped, refused, released, ended} }

func allEvents() []event {
	return []event{wanted, asked, short, recalled, completed, undone, overdue}
}

// Each status and event has one rule, or is a contradiction that is listed here.
func TestRulesAreCompleteAndUnambiguous(t *testing.T) {
	impossible := func(s status, e event) bool {
		switch e {
		case short: // is found out where nothing was
			return s != none
		case completed: // only what was reserved, and was not undone
			return s != none && s != reserved && s != shipped
		case undone, recalled: // what has been completed stays so
			return s == shipped
		case overdue: // only what is there expires
			return s == none
		}
		return false
	}
	for _, s := range allStatuses() {
		for _, e := range allEvents() {
			listed := 0
			for _, r := range rules {
				if slices.Contains(r.in, s) && slices.Contains(r.on, e) {
					listed++
				}
			}
			_, err := next(s, e)
			switch {
			case impossible(s, e) && (listed != 0 || !errors.Is(err, errImpossible)):
				t.Errorf("%s of %q: %d rules, %v; want none, %v", e, s, listed, err, errImpossible)
			case !impossible(s, e) && (listed != 1 || err != nil):
				t.Errorf("%s of %q: %d rules, %v; want one", e, s, listed, err)
			}
		}
	}
}

// A command is answered in whatever status it finds the stock, once each time. One that
// finds too little is answered as short.
func TestEveryCommandIsAnswered(t *testing.T) {
	for _, s := range allStatuses() {
		for command, answers := range map[event][]act{asked: {sayUpdated, sayFailed, sayOver}, recalled: {sayBack, sayNothing}} {
			r, err := next(s, command)
			if err != nil {
				continue // dead, for an operator to see: TestRulesAreCompleteAndUnambiguous lists it
			}
			said := 0
			for _, a := range r.do {
				if slices.Contains(answers, a) {
					said++
				}
			}
			if said != 1 {
				t.Errorf("%s of %q is answered %d times: %q", command, s, said, r.do)
			}
		}
	}
}

// Whatever comes, stock is freed or sent at most once for each time that it was reserved,
// and an end is an end.
func TestEveryWalkThroughTheRules(t *testing.T) {
	type place struct {
		is   status
		held int // reserved, less what was freed and sent
	}
	seen := map[place]bool{}
	var walk func(place)
	walk = func(at place) {
		if seen[at] {
			return
		}
		seen[at] = true
		if holds := at.is == reserved; at.held < 0 || at.held > 1 || holds != (at.held == 1) {
			t.Errorf("%q holds %d times", at.is, at.held)
			return
		}
		for _, e := range allEvents() {
			r, err := next(at.is, e)
			if err != nil {
				continue
			}
			to := at
			if r.to != none {
				to.is = r.to
			}
			if (e == wanted || e == asked) && r.to == reserved {
				to.held++
			}
			for _, a := range r.do {
				if a == free || a == send {
					to.held--
				}
			}
			if last := at.is != none && at.is != reserved; last && to != at {
				t.Errorf("%s takes %q, which is an end, to %q", e, at.is, to.is)
			}
			walk(to)
		}
	}
	walk(place{})
	if len(seen) != len(allStatuses()) {
		t.Errorf("%d places are reached, want each status once: %v", len(seen), seen)
	}
}
