package saga_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A note is what a service says, a wish what it is asked. Its kind is its text.
type (
	note string
	wish struct{ name, queue string }
)

func (n note) Kind() string  { return string(n) }
func (w wish) Kind() string  { return w.name }
func (w wish) Queue() string { return w.queue }

// A wake is the work of a deadline.
type wake struct{ saga.Deadline }

func (wake) Kind() string  { return "wake" }
func (wake) Queue() string { return "trip_deadlines" }

// A trip is the owner's state: what was done here, and what was heard.
type trip struct{ did, heard []string }

func (t *trip) do(what string) func(*store.Tx, *trip) error {
	return func(_ *store.Tx, of *trip) error { of.did = append(of.did, what); return nil }
}

func to(who, what string) func(*trip) message.Work {
	return func(*trip) message.Work { return wish{what, who + "_commands"} }
}

// booking is a saga with a step of every sort: done here, asked and undone, undone with
// another, with a deadline of its own, the pivot, and what comes after it.
func booking() saga.Saga[trip] {
	var t trip
	return saga.Saga[trip]{
		Name:   "booking",
		Within: 10 * time.Minute,
		Timer:  func(d saga.Deadline) message.Work { return wake{d} },
		Note:   func(of *trip, m message.Kind) { of.heard = append(of.heard, m.Kind()) },
		Steps: []saga.Step[trip]{
			{Name: "accept", Do: t.do("accept"), Back: t.do("reject")},
			{Name: "room", Who: "hotel", Send: to("hotel", "BookRoom"), Answer: note("RoomBooked"), Refusal: note("RoomRefused"), Undo: to("hotel", "FreeRoom"), Undone: []message.Kind{note("RoomFree")}},
			{Name: "hold", Who: "bank", Send: to("bank", "Hold"), Answer: note("Held"), Refusal: note("Declined"), Undo: to("bank", "Void"), Undone: []message.Kind{note("Voided"), note("Refunded")}, Within: 2 * time.Minute},
			{Name: "take", Who: "bank", Send: to("bank", "TakeMoney"), Answer: note("Taken"), Refusal: note("Declined"), Pivot: true},
			{Name: "confirm", Do: t.do("confirm")},
			{Name: "ticket", Who: "hotel", Send: to("hotel", "PrintTicket"), Answer: note("Printed")},
			{Name: "finish", Do: t.do("finish")},
		},
	}
}

// database opens a new database of the saga's owner.
func database(t testing.TB) *store.DB {
	t.Helper()
	return databases.Place(t, "trip", nil)()
}

// change runs a change of one trip.
func change(t testing.TB, db *store.DB, id string, do func(tx *store.Tx) error) {
	t.Helper()
	if err := try(t, db, id, do); err != nil {
		t.Fatal(err)
	}
}

func try(t testing.TB, db *store.DB, id string, do func(tx *store.Tx) error) error {
	t.Helper()
	_, err := db.Update(context.WithoutCancel(t.Context()), []string{id}, do)
	return err
}

// A call is one message to a saga: a kind that a service says, or a word of the engine.
func call(s saga.Saga[trip], tx *store.Tx, id, what string, of *trip) (saga.Outcome, error) {
	what, of2, _ := strings.Cut(what, " ")
	switch what {
	case "start":
		return s.Start(tx, id, of)
	case "due": // of step, of nothing, of "undo step"
		d := saga.Deadline{ID: id, Step: of2}
		if step, undo := strings.CutPrefix(of2, "undo "); undo {
			d.Step, d.Undo = step, true
		}
		out, err := s.Expire(tx, id, of, d)
		return out, errors.Join(err, tx.Exec(`DELETE FROM job WHERE id = $1`, saga.DeadlineID(id))) // as a worker does
	case "off":
		return s.Take(tx, id, of, saga.CalledOff{Who: "ann", Why: "a test"})
	case "close":
		return s.Close(tx, id, note("Cancelled"))
	case "retry":
		return s.Retry(tx, id, of)
	}
	return s.Take(tx, id, of, note(what))
}

// told says what became of a call, with what was sent and done for it.
func told(t *testing.T, db *store.DB, s saga.Saga[trip], id, what string) string {
	t.Helper()
	var out saga.Outcome
	var of trip
	err := try(t, db, id, func(tx *store.Tx) (err error) {
		of = trip{}
		out, err = call(s, tx, id, what, &of)
		return err
	})
	switch {
	case errors.Is(err, saga.ErrImpossible), errors.Is(err, saga.ErrUnknown):
		if !(failure.Policy{}).Judge(failure.History{}, time.Now(), err).Dead {
			t.Errorf("%s: %v does not make its message dead", what, err)
		}
		return "dead"
	case errors.Is(err, saga.ErrIllegal):
		return "illegal"
	case err != nil:
		t.Fatalf("%s: %v", what, err)
	}
	return strings.TrimSpace(fmt.Sprint(out, " ", strings.Join(of.did, " ")))
}

// sent are the commands in the journal, in order.
func sent(t *testing.T, db *store.DB) (kinds []string) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		kinds = nil
		return tx.Rows(`SELECT kind FROM journal WHERE class = 'command' ORDER BY seq`, nil, func(scan func(...any) error) error {
			var k string
			err := scan(&k)
			kinds = append(kinds, k)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// show returns where a trip stands.
func show(t *testing.T, db *store.DB, id string) saga.Instance {
	t.Helper()
	i, err := booking().Definition().Show(t.Context(), db, id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// Each way through the saga, message by message: what becomes of it, and what is sent.
func TestWays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		calls []string // call → outcome and what is done here
		sent  string
		end   string // state, turned, why
	}{
		{"it goes well", []string{"start → moved accept", "RoomBooked → moved", "Held → moved", "Taken → moved confirm", "Printed → moved finish"},
			"BookRoom Hold TakeMoney PrintTicket", "completed"},
		{"the first is refused", []string{"start → moved accept", "RoomRefused → undoing reject"}, "BookRoom", "undone room RoomRefused"},
		{"the second is refused", []string{"start → moved accept", "RoomBooked → moved", "Declined → undoing", "RoomFree → moved reject"},
			"BookRoom Hold FreeRoom", "undone hold Declined"},
		{"the pivot is refused", []string{"start → moved accept", "RoomBooked → moved", "Held → moved", "Declined → undoing", "Voided → moved", "RoomFree → moved reject"},
			"BookRoom Hold TakeMoney Void FreeRoom", "undone take Declined"},
		{"the first is too late", []string{"start → moved accept", "due → undoing reject"}, "BookRoom FreeRoom", "undone room Overdue"},
		{"the second is too late", []string{"start → moved accept", "RoomBooked → moved", "due hold → undoing", "RoomFree → moved reject", "Voided → late"},
			"BookRoom Hold Void FreeRoom", "undone hold Overdue"},
		{"the pivot is too late, and was done", []string{"start → moved accept", "RoomBooked → moved", "Held → moved", "due → undoing", "Taken → late", "Refunded → again", "RoomFree → moved reject"},
			"BookRoom Hold TakeMoney Void FreeRoom", "undone take Overdue"},
		{"called off: what is in doubt is undone, and waited for", []string{"start → moved accept", "RoomBooked → moved", "off → undoing", "Held → late", "Voided → moved", "RoomFree → moved reject"},
			"BookRoom Hold Void FreeRoom", "undone hold CalledOff"},
		{"an undo is not answered", []string{"start → moved accept", "off → undoing", "due undo room → resent", "retry → resent", "RoomFree → moved reject", "RoomFree → late"},
			"BookRoom FreeRoom FreeRoom FreeRoom", "undone room CalledOff"},
		{"past the pivot it is asked for ever", []string{"start → moved accept", "RoomBooked → moved", "Held → moved", "Taken → moved confirm", "due ticket → resent", "due ticket → resent", "off → illegal", "Printed → moved finish"},
			"BookRoom Hold TakeMoney PrintTicket PrintTicket PrintTicket", "completed"},
		{"another flow ends it", []string{"start → moved accept", "RoomBooked → moved", "close → moved", "Held → late", "RoomFree → late", "Refunded → late", "close → again"},
			"BookRoom Hold", "closed hold Cancelled"},
		{"another flow ends it, past the pivot", []string{"start → moved accept", "RoomBooked → moved", "Held → moved", "Taken → moved confirm", "close → moved", "Printed → late"},
			"BookRoom Hold TakeMoney PrintTicket", "closed ticket Cancelled"},
		{"another flow ends what is being undone", []string{"start → moved accept", "RoomBooked → moved", "Declined → undoing", "close → moved", "RoomFree → late"},
			"BookRoom Hold FreeRoom", "closed hold Declined"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := database(t)
			for _, c := range tt.calls {
				what, want, _ := strings.Cut(c, " → ")
				if got := told(t, db, booking(), "t1", what); got != want {
					t.Fatalf("%s: got %q, want %q; it is %+v", what, got, want, show(t, db, "t1"))
				}
			}
			if got := strings.Join(sent(t, db), " "); got != tt.sent {
				t.Errorf("sent %q, want %q", got, tt.sent)
			}
			i := show(t, db, "t1")
			if got := strings.TrimSpace(fmt.Sprint(i.State, " ", i.Turned, " ", i.Why)); got != tt.end {
				t.Errorf("it is %q, want %q", got, tt.end)
			}
			if !i.Until.IsZero() {
				t.Errorf("it has ended, and waits until %v", i.Until)
			}
		})
	}
}

// A definition that could not keep its promise is refused, with all that is wrong.
func TestCheck(t *testing.T) {
	if err := booking().Check(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		spoil func(s *saga.Saga[trip])
		want  string
	}{
		{"nothing", func(s *saga.Saga[trip]) { *s = saga.Saga[trip]{} }, "it needs a name and steps"},
		{"two pivots", func(s *saga.Saga[trip]) { s.Steps[1].Pivot = true }, `step "take" is a second pivot`},
		{"a refusal after the pivot", func(s *saga.Saga[trip]) { s.Steps[5].Refusal = note("NoPaper") }, `step "ticket": it comes after the pivot, and cannot be refused`},
		{"an undo after the pivot", func(s *saga.Saga[trip]) {
			s.Steps[5].Undo, s.Steps[5].Undone = to("hotel", "Shred"), []message.Kind{note("Shredded")}
		}, `step "ticket": it comes after the pivot, and is not undone`},
		{"a way back after the pivot", func(s *saga.Saga[trip]) { s.Steps[6].Back = s.Steps[6].Do }, `step "finish": it comes after the pivot`},
		{"no answer", func(s *saga.Saga[trip]) { s.Steps[1].Answer = nil }, `step "room": what is sent has an Answer`},
		{"an undo that is not answered", func(s *saga.Saga[trip]) { s.Steps[1].Undone = nil }, `step "room": an Undo is answered by Undone`},
		{"nothing undoes it", func(s *saga.Saga[trip]) { s.Steps[2].Undo, s.Steps[2].Undone = nil, nil }, `step "take": it has no Undo, and no earlier step of bank`},
		{"a name twice", func(s *saga.Saga[trip]) { s.Steps[6].Name = "accept" }, `step "accept": there is one of that name before it`},
		{"a step without a name", func(s *saga.Saga[trip]) { s.Steps[0].Name = "" }, `step "": it has no name`},
		{"neither done nor asked", func(s *saga.Saga[trip]) { s.Steps[4].Do = nil }, `step "confirm": it needs either Do or Send`},
		{"both", func(s *saga.Saga[trip]) { s.Steps[1].Do = s.Steps[0].Do }, `step "room": it needs either Do or Send`},
		{"nobody is asked", func(s *saga.Saga[trip]) { s.Steps[1].Who = "" }, `step "room": Who is the service that Send asks`},
		{"a deadline for what is done here", func(s *saga.Saga[trip]) { s.Steps[0].Within = time.Second }, `step "accept": Refusal, Undo, Undone and Within are for what is sent`},
		{"no timer", func(s *saga.Saga[trip]) { s.Timer = nil }, `step "room" is waited for, and there is no Timer`},
		{"one answer of two steps", func(s *saga.Saga[trip]) { s.Steps[3].Answer = note("Held") }, `step "take": Held is its answer, and the answer of what came before`},
		{"one kind with two meanings", func(s *saga.Saga[trip]) { s.Steps[2].Refusal = note("RoomFree") }, `step "hold": RoomFree is its refusal, and the reversal of what came before`},
		{"the saga's own word", func(s *saga.Saga[trip]) { s.Steps[2].Refusal = saga.Overdue{} }, `step "hold": Overdue is the saga's own word`},
		{"moved from a step that there is", func(s *saga.Saga[trip]) { s.Moved = map[string]string{"room": "hold"} }, `Moved names step "room", which there is`},
		{"moved to none", func(s *saga.Saga[trip]) { s.Moved = map[string]string{"car": "train"} }, `Moved goes on at "train"`},
		{"moved to one that is not asked", func(s *saga.Saga[trip]) { s.Moved = map[string]string{"car": "confirm"} }, `Moved goes on at "confirm"`},
		{"a negative deadline", func(s *saga.Saga[trip]) { s.Within, s.Steps[2].Within = -1, -1 }, `Within is -1ns`},
	} {
		s := booking()
		s.Steps = slices.Clone(s.Steps)
		tt.spoil(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}
