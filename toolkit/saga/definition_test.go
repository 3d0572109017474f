package saga_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

// at brings an instance to a place by a row of calls.
func at(t *testing.T, db *store.DB, id string, calls ...string) {
	t.Helper()
	for _, c := range append([]string{"start"}, calls...) {
		if out := told(t, db, booking(), id, c); out == "dead" || out == "illegal" {
			t.Fatalf("%s of %s: %s", c, id, out)
		}
	}
}

// A code that lacks a step for which instances wait, or at which they turned back, is not
// started: it is told which, at most ten of them, and how many. Ended ones do not matter.
func TestKnown(t *testing.T) {
	db := database(t)
	at(t, db, "ended", "RoomRefused")
	for n := range 12 {
		at(t, db, fmt.Sprintf("hold%02d", n), "RoomBooked")
	}
	at(t, db, "back", "RoomBooked", "Declined") // waits for the undo of room, turned back at hold
	if err := booking().Known(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	changed := booking()
	changed.Steps = slices.DeleteFunc(slices.Clone(changed.Steps), func(st saga.Step[trip]) bool { return st.Name == "hold" })
	err := changed.Known(t.Context(), db)
	if !errors.Is(err, saga.ErrChanged) {
		t.Fatalf("got %v, want ErrChanged", err)
	}
	for _, want := range []string{"13 instances of saga booking of trip", "hold00 at hold", "hold09 at hold"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "hold10") || strings.Contains(err.Error(), "ended") {
		t.Errorf("got %v, want ten that wait", err)
	}
	changed.Moved = map[string]string{"hold": "take"}
	if err := changed.Known(t.Context(), db); err != nil {
		t.Errorf("with a mapping: %v", err)
	}
	other := booking()
	other.Name, other.Steps = "other", other.Steps[:1]
	if err := other.Known(t.Context(), db); err != nil {
		t.Errorf("another saga's instances: %v", err)
	}
}

// An instance whose step is gone goes on where Moved says, and is shown to wait there.
func TestMoved(t *testing.T) {
	db := database(t)
	at(t, db, "a", "RoomBooked")
	at(t, db, "b", "RoomBooked", "Held", "Declined") // waits for the undo of hold
	s := booking()
	s.Steps = slices.Clone(s.Steps)
	s.Steps[2].Name = "block" // hold is called so now
	if err := s.Known(t.Context(), db); !errors.Is(err, saga.ErrChanged) {
		t.Fatalf("got %v, want ErrChanged", err)
	}
	err := try(t, db, "a", func(tx *store.Tx) error { _, err := s.Take(tx, "a", &trip{}, note("Held")); return err })
	if err == nil || !strings.Contains(err.Error(), `step "hold" does not exist`) {
		t.Errorf("without a mapping: %v", err)
	}
	s.Moved = map[string]string{"hold": "block"}
	if err := errors.Join(s.Check(), s.Known(t.Context(), db)); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Definition().List(t.Context(), db, saga.Filter{State: saga.Waiting, Who: "bank"}); err != nil || len(list) != 2 || list[0].Who != "bank" {
		t.Errorf("those that wait for the bank: %+v, %v", list, err)
	}
	for _, c := range []struct{ id, what, want string }{
		{"a", "Held", "moved"}, {"a", "Taken", "moved confirm"}, {"a", "Printed", "moved finish"},
		{"b", "Voided", "moved"}, {"b", "RoomFree", "moved reject"},
	} {
		if got := told(t, db, s, c.id, c.what); got != c.want {
			t.Errorf("%s: %s: got %q, want %q", c.id, c.what, got, c.want)
		}
	}
}

// due is when the job of an instance's deadline is due, after its start.
func due(t *testing.T, db *store.DB, id string) time.Duration {
	t.Helper()
	i := show(t, db, id)
	if i.Until.IsZero() {
		return 0
	}
	return i.Until.Sub(i.Started).Round(time.Second)
}

// Before the pivot the saga's own deadline holds, or a step's if that is sooner; while it is
// undoing, a minute; past the pivot, an hour. It is one job, which goes with the saga.
func TestDeadlines(t *testing.T) {
	db := database(t)
	at(t, db, "a")
	for _, c := range []struct {
		what string
		want time.Duration
	}{
		{"", 10 * time.Minute},
		{"RoomBooked", 2 * time.Minute}, // hold has one of its own
		{"Held", 10 * time.Minute},
		{"Taken", time.Hour},
		{"due ticket", time.Hour},
		{"due hold", time.Hour}, // of another step: it is late, and the right one is set again
		{"Printed", 0},
	} {
		if c.what != "" {
			told(t, db, booking(), "a", c.what)
		}
		if got := due(t, db, "a"); got != c.want {
			t.Errorf("after %q it waits for %v, want %v", c.what, got, c.want)
		}
	}
	at(t, db, "b", "RoomBooked", "due hold")
	if got := due(t, db, "b"); got != time.Minute {
		t.Errorf("undoing, it waits for %v, want a minute", got)
	}
	change(t, db, "a", func(tx *store.Tx) error {
		n := 0
		_, err := tx.Row([]any{&n}, `SELECT count(*) FROM job`)
		if err == nil && n != 1 {
			t.Errorf("%d jobs, want one, of the one that goes on", n)
		}
		return err
	})
}

// Of what was closed at a step that there is no more, a late message is late.
func TestClosedAtAFormerStep(t *testing.T) {
	db := database(t)
	at(t, db, "a", "RoomBooked", "close")
	s := booking()
	s.Steps = slices.Clone(s.Steps)
	s.Steps[2].Name = "reserve"
	if got := told(t, db, s, "a", "Held"); got != "late" {
		t.Errorf("got %s, want late", got)
	}
	if i := show(t, db, "a"); i.Turned != "hold" || i.Why != "Cancelled" {
		t.Errorf("got %+v, want it as it was closed", i)
	}
}

// A retry gives a saga whose time is over a minute, and one without a deadline its own.
func TestRetryGivesTime(t *testing.T) {
	db := database(t)
	at(t, db, "a")
	change(t, db, "a", func(tx *store.Tx) error {
		if err := tx.Exec(`UPDATE saga SET started = started - 3600000000`); err != nil {
			return err
		}
		return tx.Unsend(saga.DeadlineID("a"))
	})
	if got := told(t, db, booking(), "a", "retry"); got != "resent" {
		t.Fatalf("got %s", got)
	}
	if i := show(t, db, "a"); i.Tries != 2 || i.Until.Sub(i.Since).Round(time.Second) != time.Minute {
		t.Errorf("got %+v, want a minute", i)
	}
}

// A retry never brings a deadline forward, wherever an operator has moved it; one that is
// near becomes a minute.
func TestRetryKeepsALaterDeadline(t *testing.T) {
	for _, tt := range []struct {
		name  string
		calls []string
		moved time.Duration // from now
		want  time.Duration
	}{
		{"moved away, of the whole", nil, 3 * time.Hour, 3 * time.Hour},
		{"moved away, of a step", []string{"RoomBooked"}, 3 * time.Hour, 3 * time.Hour},
		{"moved away, past the pivot", []string{"RoomBooked", "Held", "Taken"}, 3 * time.Hour, 3 * time.Hour},
		{"moved away, undoing", []string{"off"}, 3 * time.Hour, 3 * time.Hour},
		{"moved near", nil, 10 * time.Second, time.Minute},
		{"moved near, past the pivot", []string{"RoomBooked", "Held", "Taken"}, 10 * time.Second, time.Minute},
		{"passed", nil, -time.Hour, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := database(t)
			at(t, db, "a", tt.calls...)
			change(t, db, "a", func(tx *store.Tx) error {
				return tx.Exec(`UPDATE job SET due = $2 WHERE id = $1`, saga.DeadlineID("a"), tx.Now.Add(tt.moved))
			})
			if got := told(t, db, booking(), "a", "retry"); got != "resent" {
				t.Fatalf("got %s", got)
			}
			if i := show(t, db, "a"); i.Tries != 2 || time.Until(i.Until).Round(time.Minute) != tt.want {
				t.Errorf("got %+v, want it to wait for %v", i, tt.want)
			}
		})
	}
}

// What is not there is ErrUnknown, also where another saga has the id.
func TestUnknown(t *testing.T) {
	db := database(t)
	for _, what := range []string{"RoomBooked", "due", "close", "retry", "off"} {
		if got := told(t, db, booking(), "nobody", what); got != "dead" {
			t.Errorf("%s: got %s, want dead", what, got)
		}
	}
	at(t, db, "a")
	if got := told(t, db, booking(), "a", "start"); got != "again" {
		t.Errorf("a second start: %s", got)
	}
	if got := told(t, db, booking(), "a", "Snow"); got != "dead" {
		t.Errorf("a message that no step knows: %s", got)
	}
	other := booking()
	other.Name = "other"
	for _, what := range []string{"start", "RoomBooked"} {
		if got := told(t, db, other, "a", what); got != "dead" {
			t.Errorf("%s of another saga's: got %s, want dead", what, got)
		}
	}
	if _, err := booking().Definition().Show(t.Context(), db, "nobody"); !errors.Is(err, saga.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

// What cannot be done here leaves the saga where it was, with nothing sent.
func TestAStepThatFails(t *testing.T) {
	db := database(t)
	broken := errors.New("broken")
	s := booking()
	s.Steps = slices.Clone(s.Steps)
	fail := func(*store.Tx, *trip) error { return broken }
	s.Steps[0].Back, s.Steps[4].Do = fail, fail
	at(t, db, "a", "RoomBooked", "Held")
	at(t, db, "b")
	for id, what := range map[string]string{"a": "Taken", "b": "RoomRefused"} {
		before := show(t, db, id)
		err := try(t, db, id, func(tx *store.Tx) error { _, err := s.Take(tx, id, &trip{}, note(what)); return err })
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v", what, err)
		}
		if after := show(t, db, id); after != before {
			t.Errorf("%s: it is %+v, was %+v", what, after, before)
		}
	}
	if got, want := strings.Join(sent(t, db), " "), "BookRoom Hold TakeMoney BookRoom"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// An owner's saga is ready only if it could go on with what there is.
func TestReady(t *testing.T) {
	db := database(t)
	o := saga.Owned[trip]{Saga: booking(), DB: db,
		Load:  func(*store.Tx, string) (trip, error) { return trip{}, nil },
		Store: func(*store.Tx, string, trip) error { return nil }}
	if err := o.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Saga.Timer = func(saga.Deadline) message.Work { return wish{"wake", "hotel_deadlines"} }
	if err := o.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "hotel_deadlines, which is not of trip") {
		t.Errorf("a timer of another service: %v", err)
	}
	o.Saga = booking()
	at(t, db, "a", "RoomBooked")
	var outs []saga.Outcome
	also := func(tx *store.Tx, out saga.Outcome) error {
		outs = append(outs, out)
		return tx.Append("act", note(out))
	}
	if _, err := o.Retry(context.Background(), "a", also); err != nil {
		t.Error(err)
	}
	if _, err := o.Cancel(context.Background(), "a", saga.CalledOff{Who: "ann"}, also); err != nil {
		t.Error(err)
	}
	if _, err := o.Cancel(context.Background(), "nobody", saga.CalledOff{Who: "ann"}, also); !errors.Is(err, saga.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(outs, []saga.Outcome{saga.Resent, saga.Turned}) {
		t.Errorf("got %v", outs)
	}
	if got, want := strings.Join(sent(t, db), " "), "BookRoom Hold Hold Void"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// The diagram has every step, answer and way back, and shows an instance's way in colours.
func TestDiagram(t *testing.T) {
	db := database(t)
	d := booking().Diagram(nil)
	for _, want := range []string{"flowchart TD\n", `s1["room<br/>hotel"]`, `s3{{"take<br/>bank"}}`, `s1 -->|"RoomBooked"| s2`, `s3 -.->|"Declined"| u2`,
		`u2[/"undo hold"/] -.->|"Voided, Refunded"| u1`, `u0[/"undo accept"/] -.-> undone`, `s6 --> completed`} {
		if !strings.Contains(d, want) {
			t.Errorf("it lacks %s:\n%s", want, d)
		}
	}
	if strings.Contains(d, "class ") {
		t.Error("a definition has no way through it")
	}
	for _, tt := range []struct {
		calls []string
		want  []string
	}{
		{nil, []string{"class s0 isdone", "class s1 iswaits"}},
		{[]string{"RoomBooked", "Held", "Declined"}, []string{"class s0,s1,s2 isdone", "class u2 iswaits", "class s3 isturned"}},
		{[]string{"RoomBooked", "Held", "Declined", "Voided"}, []string{"class u1 iswaits", "class u2 isundone"}},
		{[]string{"RoomRefused"}, []string{"class s0,undone isdone", "class s1 isturned", "class u0 isundone"}},
		{[]string{"due"}, []string{"class u0,u1 isundone"}},
		{[]string{"RoomBooked", "close"}, []string{`s2 -.->|"Cancelled"| closed([closed])`, "class s0,s1,closed isdone", "class s2 isturned"}},
		{[]string{"RoomBooked", "Held", "Taken", "close"}, []string{`s5 -.->|"Cancelled"| closed([closed])`, "class s0,s1,s2,s3,s4,closed isdone", "class s5 isturned"}},
		{[]string{"RoomBooked", "Held", "Taken", "Printed"}, []string{"class s0,s1,s2,s3,s4,s5,s6,completed isdone"}},
	} {
		id := fmt.Sprint(tt.calls)
		at(t, db, id, tt.calls...)
		i := show(t, db, id)
		d := booking().Diagram(&i)
		for _, want := range tt.want {
			if !strings.Contains(d, want+"\n") {
				t.Errorf("%v: it lacks %s:\n%s", tt.calls, want, d)
			}
		}
	}
}
