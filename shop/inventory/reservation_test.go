package inventory

import (
	"errors"
	"slices"
	"testing"
)

func allStatuses() []status { return []status{none, reserved, shipped, refused, released, ended} }

// Each status and event has one rule, or is a contradiction that is listed here.
func TestRulesAreCompleteAndUnambiguous(t *testing.T) {
	impossible := func(s status, e event) bool {
		switch e {
		case short: // is found out where nothing was
			return s != none
		case completed: // only what was reserved, and was not undone
			return s != none && s != reserved && s != shipped
		case undone: // what has been completed stays so
			return s == shipped
		case overdue: // only what is there expires
			return s == none
		}
		return false
	}
	for _, s := range allStatuses() {
		for _, e := range []event{paid, short, completed, undone, overdue} {
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
		for _, e := range []event{paid, short, completed, undone, overdue} {
			r, err := next(at.is, e)
			if err != nil {
				continue
			}
			to := at
			if r.to != none {
				to.is = r.to
			}
			if e == paid && r.to == reserved {
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
