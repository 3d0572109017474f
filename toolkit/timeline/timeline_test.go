package timeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/timeline"
)

type said string

func (s said) Kind() string { return string(s) }

// MarshalJSON makes every fact an object.
func (s said) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"said": string(s)})
}

type work string

func (w work) Kind() string { return string(w) }
func (work) Queue() string  { return "till_charges" }

type timer string

func (w timer) Kind() string { return string(w) }
func (timer) Queue() string  { return "desk_deadlines" }

// A shop is three services that speak about orders: desk, till and van.
type shop struct {
	t               *testing.T
	desk, till, van *store.DB
	again           func() *store.DB // opens till once more
}

func open(t *testing.T) shop {
	again := databases.Place(t, "till", nil)
	return shop{t, databases.Place(t, "desk", nil)(), again(), databases.Place(t, "van", nil)(), again}
}

func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TheStoryOfOneKey":     TestTheStoryOfOneKey,
		"WorkWithAnIDOfItsOwn": TestWorkWithAnIDOfItsOwn,
		"WhatWaits":            TestWhatWaits,
		"ALongJournal":         TestALongJournal,
		"WhatOperatorsDid":     TestWhatOperatorsDid,
		"ADatabaseThatIsAway":  TestADatabaseThatIsAway,
	})
}

func (s shop) of(key string) (timeline.Timeline, error) {
	return timeline.Of(s.t.Context(), key, []timeline.Source{
		{DB: s.desk, Follows: []string{"Paid", "Sent"}}, {DB: s.till, Follows: []string{"Ordered", "Failed"}}, {DB: s.van, Follows: []string{"Paid", "Failed"}}})
}

// change runs do while from is handled.
func (s shop) change(db *store.DB, from message.Message, do func(tx *store.Tx) error) {
	s.t.Helper()
	if _, err := db.Update(s.t.Context(), nil, func(tx *store.Tx) error { return do(tx.Handling(from)) }); err != nil {
		s.t.Fatal(err)
	}
}

// last is the newest message, or work, of a service.
func (s shop) last(db *store.DB, table string) (m message.Message) {
	s.t.Helper()
	err := db.View(s.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&m.ID, &m.Kind, &m.Key, &m.Time, &m.Trace}, `SELECT id, kind, key, time, trace FROM `+table+` ORDER BY time DESC, id DESC LIMIT 1`)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// flow lets an order be paid, through work of the till's own, and sent; of others the same is
// said around it.
func (s shop) flow(key string) {
	request := message.Message{}
	s.change(s.desk, request, func(tx *store.Tx) error {
		if err := tx.SendAs("deadline-"+key, tx.Now.Add(time.Hour), key, timer("expire")); err != nil {
			return err
		}
		_, err := tx.AppendAfter(store.Place{}, key, said("Ordered"))
		return err
	})
	ordered := s.last(s.desk, "journal")
	s.change(s.till, ordered, func(tx *store.Tx) error { return tx.Send(key, work("charge")) })
	charge := s.last(s.till, "job")
	s.change(s.till, charge, func(tx *store.Tx) error {
		if err := tx.Unsend(charge.ID); err != nil {
			return err
		}
		return tx.Append(key, said("Paid"))
	})
	s.change(s.van, s.last(s.till, "journal"), func(tx *store.Tx) error { return tx.Append(key, said("Sent")) })
	s.change(s.desk, s.last(s.van, "journal"), func(tx *store.Tx) error { return tx.Append(key, said("Done")) })
}

// story is what a timeline says, without times and ids.
func story(t timeline.Timeline) (lines []string) {
	for _, m := range t.Moments {
		line := m.Service + " " + m.Kind
		switch {
		case m.After != "":
			line += " after " + m.By + " " + m.After
		case m.Cause != "":
			line += " for " + m.Cause
		}
		if m.Through != "" {
			line += " through " + m.Through
		}
		lines = append(lines, line)
	}
	return lines
}

func TestTheStoryOfOneKey(t *testing.T) {
	s := open(t)
	for _, key := range []string{"o1", "o2", "o3"} {
		s.flow(key)
	}
	got, err := s.of("o2")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"desk Ordered", "till Paid after desk Ordered through work", "van Sent after till Paid", "desk Done after van Sent"}
	if !slices.Equal(story(got), want) || !got.ReadUntil.IsZero() || got.Key != "o2" {
		t.Errorf("got %q until %v\nwant %q", story(got), got.ReadUntil, want)
	}
	for i, m := range got.Moments[1:] {
		before := got.Moments[i]
		if took := float64(m.Time.Sub(before.Time).Microseconds()) / 1000; m.Waited != took || took < 0 || m.AfterID != before.ID || m.Trace != before.Trace || m.Trace == "" {
			t.Errorf("%s waited %v ms in trace %s, want %v in %s", m.Kind, m.Waited, m.Trace, took, before.Trace)
		}
	}
	if m := got.Moments[0]; m.Version != 1 || m.Class != "public" || string(m.Body) != `{"said":"Ordered"}` || m.ID == "" {
		t.Errorf("got %+v", m)
	}
	if w := got.Waiting; len(w) != 1 || w[0].Service != "desk" || w[0].What != "work" || w[0].Kind != "expire" || w[0].Place != "desk_deadlines" || w[0].ID != "deadline-o2" ||
		w[0].Due.Sub(w[0].Since) != time.Hour {
		t.Errorf("waiting: got %+v", w)
	}
	if _, err := s.of("nobody"); !errors.Is(err, timeline.ErrUnknown) {
		t.Errorf("of nobody: %v, want %v", err, timeline.ErrUnknown)
	}
}

// A deadline is work that no message has caused: what comes of it is not said to be after one.
func TestWorkWithAnIDOfItsOwn(t *testing.T) {
	s := open(t)
	s.flow("o1")
	s.change(s.desk, message.Message{ID: "deadline-o1"}, func(tx *store.Tx) error { return tx.Append("o1", said("Failed")) })
	got, err := s.of("o1")
	if err != nil {
		t.Fatal(err)
	}
	if lines := story(got); lines[len(lines)-1] != "desk Failed for deadline-o1" {
		t.Errorf("got %q", lines)
	}
}

const parked = `INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due, past)
	VALUES ('van', 'till', 0, $1, $2, 'Paid', 'public', $3, 0, $4, '', '', $5, $6, $4, $7)`

// What waits is named by how: a dead message has no time at which it is due.
func TestWhatWaits(t *testing.T) {
	s := open(t)
	s.flow("o1")
	const past = `{"attempts":2,"causes":[{"at":"2030-01-01T00:00:00Z","cause":"no wheels"}]}`
	s.change(s.van, message.Message{}, func(tx *store.Tx) error {
		for i, state := range []string{"retry", "waiting", "dead", "released"} {
			if err := tx.Exec(parked, i, "p"+state, "o1", tx.Now.Add(time.Duration(i)*time.Second), []byte("{}"), state, past); err != nil {
				return err
			}
		}
		return tx.Exec(parked, 9, "other", "o2", tx.Now, []byte("{}"), "dead", "not a history")
	})
	s.change(s.till, message.Message{}, func(tx *store.Tx) error {
		return tx.Exec(`INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due, dead, past) VALUES ('j1', 'till_charges', 'charge', 'o1', $1, '', '', $2, $1, 1, 'not a history')`,
			tx.Now.Add(time.Hour), []byte("{}"))
	})
	got, err := s.of("o1")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, w := range got.Waiting {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d %s due %v", w.Service, w.What, w.Place, w.ID, w.Tries, w.Failure, !w.Due.IsZero()))
	}
	want := []string{"desk work desk_deadlines deadline-o1 0  due true", "van parked till pretry 2 no wheels due true", "van behind till pwaiting 2 no wheels due false",
		"van dead till pdead 2 no wheels due false", "van dead till preleased 2 no wheels due false", "till dead till_charges j1 0  due false"}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
}

// bulk puts rows of other times into the till's journal, at every tenth of so many sequences,
// and opens it again.
func (s *shop) bulk(key string, first, sequences int, began time.Time) {
	s.t.Helper()
	for at := first; at < first+sequences; at += 5_000 {
		s.change(s.till, message.Message{}, func(tx *store.Tx) error {
			return tx.Exec(`WITH RECURSIVE n (i) AS (SELECT $1 + 0 UNION ALL SELECT i + 10 FROM n WHERE i < $1 + 4990)
				INSERT INTO journal (partition, seq, id, kind, class, key, time, cause, trace, body) SELECT $2 + 0, i, 'm' || i, 'Paid', 'public', $3, CAST($4 AS BIGINT) + i, '', '', $5 FROM n`,
				at, store.Partition("o1"), key, began.UnixMicro(), []byte("{}"))
		})
	}
	if strings.HasPrefix(s.t.Name(), "TestOnPostgres") {
		s.change(s.till, message.Message{}, func(tx *store.Tx) error {
			return tx.Rows(`SELECT setval('journal_seq', $1)`, []any{first + sequences}, func(func(...any) error) error { return nil })
		})
	}
	if err := s.till.Close(); err != nil { // on SQLite, who has it open knows its end
		s.t.Fatal(err)
	}
	s.till = s.again()
}

// What was said before the key's history began is not read; what was said since is, however
// much of it is about other keys.
func TestALongJournal(t *testing.T) {
	s := open(t)
	s.bulk("o1", 1, 120_000, time.Unix(0, 0))
	s.flow("o1")
	s.bulk("other", 200_000, 240_000, time.Now())
	s.change(s.till, s.last(s.desk, "journal"), func(tx *store.Tx) error { return tx.Append("o1", said("Booked")) })
	got, err := s.of("o1")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, m := range got.Moments {
		kinds[m.Kind]++
	}
	if want := map[string]int{"Ordered": 1, "Paid": 1, "Sent": 1, "Done": 1, "Booked": 1}; got.ReadUntil.IsZero() && !maps.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
	if !got.ReadUntil.IsZero() {
		t.Logf("this machine reads %v of it, and says so", got.ReadUntil)
	}
}

func TestDiagram(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }
	tl := timeline.Timeline{
		Moments: []timeline.Moment{
			{Time: at(0), ID: "o", Service: "desk", Kind: "Ordered"},
			{Time: at(0), ID: "a", Service: "desk", Kind: "Ask"},
			{Time: at(12), ID: "p", Service: "till", Kind: "Paid", Cause: "x", By: "desk", After: "Ordered", AfterID: "o", Through: "work"},
			{Time: at(15), ID: "s", Service: "van", Kind: "Sent", Cause: "p", By: "till", After: "Paid", AfterID: "p"},
			{Time: at(16), ID: "n", Service: "desk", Kind: "Noted", Cause: "p", By: "till", After: "Paid", AfterID: "p"},
			{Time: at(17), ID: "f", Service: "desk", Kind: "Failed", Cause: "deadline;1"},
			{Time: at(18), ID: "p2", Service: "till", Kind: "Paid"},
		},
		Waiting: []timeline.Waiting{{Service: "mail", What: "work", Kind: "send\n#1", Due: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, {Service: "van", What: "dead", Kind: "Paid"}},
	}
	const want = `sequenceDiagram
    actor outside
    participant desk
    participant till
    participant van
    participant mail
    outside->>desk: request
    desk-->>till: Ordered
    Note over desk: Ask
    till->>van: Paid (+12ms)
    till->>desk: Paid (+12ms)
    Note over van: Sent (+15ms)
    Note over desk: Noted (+16ms)
    Note over desk: for deadline_1
    Note over desk: Failed (+17ms)
    outside->>till: request
    Note over till: Paid (+18ms)
    Note over mail: work send__1, due 2030-01-01T00:00:00Z
    Note over van: dead Paid
`
	if got := tl.Diagram(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (timeline.Timeline{}).Diagram(); strings.TrimSpace(got) != "sequenceDiagram" {
		t.Errorf("of nothing: %q", got)
	}
}

// A database that does not answer is named: half a story would be taken for the whole.
func TestADatabaseThatIsAway(t *testing.T) {
	s := open(t)
	s.flow("o1")
	s.van.Close()
	if _, err := s.of("o1"); err == nil {
		t.Error("a timeline without a service, and no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := timeline.Of(ctx, "o1", []timeline.Source{{DB: s.desk}}); err == nil {
		t.Error("a timeline, although nobody waits for it")
	}
}
