package order

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// golden are the events of one order, by kind, in every shape that a binary has ever
// written: the first of a kind is version 1. A file is never changed, nor taken away.
func golden(t *testing.T) map[string][]written {
	t.Helper()
	name := regexp.MustCompile(`^(.+)\.v([1-9][0-9]*)\.json$`)
	files, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]map[int]string{}
	for _, f := range files {
		parts := name.FindStringSubmatch(f.Name())
		if parts == nil {
			t.Fatalf("%s: want the name <Kind>.v<N>.json", f.Name())
		}
		body, err := os.ReadFile(filepath.Join("testdata", "golden", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		version, _ := strconv.Atoi(parts[2])
		if bodies[parts[1]] == nil {
			bodies[parts[1]] = map[int]string{}
		}
		bodies[parts[1]][version] = string(body)
	}
	all := map[string][]written{}
	for kind, versions := range bodies {
		for v := 1; v <= len(versions); v++ {
			body, ok := versions[v]
			if !ok {
				t.Fatalf("%s has %d golden files, and none is version %d", kind, len(versions), v)
			}
			all[kind] = append(all[kind], written{kind, body})
		}
	}
	return all
}

// written is an event as a binary of another time wrote it.
type written struct{ kind, body string }

func (w written) Kind() string                 { return w.kind }
func (w written) MarshalJSON() ([]byte, error) { return []byte(w.body), nil }

// lives are the ways through an order's life, by the kinds of their events.
func lives() [][]string {
	return [][]string{
		{"OrderCreated", "OrderConfirmed", "OrderCompleted"},
		{"OrderCreated", "OrderConfirmed", "OrderCancelled"},
		{"OrderCreated", "OrderFailed"},
		{"OrderReceived", "OrderCreated", "OrderConfirmed", "OrderCompleted"},
		{"OrderReceived", "OrderFailed"},
		{"OrderReceived", "OrderCancelled"},
	}
}

// every returns each choice of one golden version for each kind of a life.
func every(t *testing.T, events map[string][]written, life []string) [][]written {
	t.Helper()
	all := [][]written{nil}
	for _, kind := range life {
		if len(events[kind]) == 0 {
			t.Fatalf("%s has no golden file: testdata/golden/%[1]s.v1.json is its body as it is written first", kind)
		}
		var longer [][]written
		for _, way := range all {
			for _, e := range events[kind] {
				longer = append(longer, append(slices.Clone(way), e))
			}
		}
		all = longer
	}
	return all
}

// Every kind that the history of an order can have has a golden file, and no other has one.
func TestEveryEventHasAGoldenFile(t *testing.T) {
	if err := histories.Check(); err != nil {
		t.Error(err)
	}
	var kinds, lived []string
	for _, s := range histories.Shapes {
		kinds = append(kinds, s.Kind)
	}
	for _, life := range lives() {
		lived = append(lived, life...)
	}
	slices.Sort(kinds)
	slices.Sort(lived)
	if there := slices.Sorted(maps.Keys(golden(t))); !slices.Equal(kinds, there) || !slices.Equal(kinds, slices.Compact(lived)) {
		t.Errorf("the kinds are %v\ngolden files have %v\nlives have %v", kinds, there, slices.Compact(lived))
	}
}

// The newest golden file of each kind is what is written today, byte for byte: who changes
// an event adds its next version.
func TestTheNewestGoldenFileIsWrittenToday(t *testing.T) {
	lines := []contract.Line{{ProductID: "1", Name: "Laptop 14\"", Quantity: 2, UnitPrice: 120000}, {ProductID: "tea", Name: "Grüner Tee", Quantity: 1, UnitPrice: 499}}
	today := []message.Kind{
		contract.OrderCreated{OrderID: "o1", UserID: "1", Style: "choreographed", Lines: lines, Total: 240499, Currency: "USD", Method: "ok", Deadline: time.Date(2026, 11, 21, 12, 5, 0, 123456000, time.UTC)},
		contract.OrderConfirmed{OrderID: "o1"},
		contract.OrderCompleted{OrderID: "o1", TrackingNumber: "TW0000000001", Lines: lines},
		contract.OrderFailed{OrderID: "o1", Reason: contract.OutOfStock, Lines: lines},
		contract.OrderCancelled{OrderID: "o1", Reason: contract.CancelledByUser, Lines: lines},
	}
	all := golden(t)
	for _, e := range today {
		m, err := message.Encode("o1", e)
		if err != nil {
			t.Fatal(err)
		}
		versions := all[e.Kind()]
		if len(versions) == 0 {
			t.Fatalf("%s has no golden file", e.Kind())
		}
		if newest := versions[len(versions)-1]; newest.body != string(m.Body) {
			t.Errorf("%s.v%d.json is\n%s\nwritten today is, for version %d:\n%s", e.Kind(), len(versions), newest.body, len(versions)+1, m.Body)
		}
	}
}

// Whatever versions a history is made of, it makes the same order as the newest do, at
// each of its moments, from snapshots and without; and its events are shown alike.
func TestGoldenHistoriesMakeTheSameOrder(t *testing.T) {
	s := open(t)
	all := golden(t)
	for i, life := range lives() {
		var want []Event
		for n, way := range slices.Backward(every(t, all, life)) { // the newest first
			id := fmt.Sprintf("golden-%d-%d", i, n)
			events := s.wrote(t, id, way)
			if want == nil {
				want = events
			}
			for v := range want {
				if got := events[v].Fact; !reflect.DeepEqual(got, want[v].Fact) {
					t.Errorf("%v: event %d is read as\n%+v\nwant\n%+v", way, v+1, got, want[v].Fact)
				}
			}
			s.checkMoments(t, id, events)
			s.update(t, func(tx *store.Tx) error { return tx.Exec(`DELETE FROM snapshot`) })
			s.checkMoments(t, id, events)
		}
	}
}

// wrote stores the history of an order as others have written it, with a snapshot at its
// second event and its row, and returns the history as it is read.
func (s *Service) wrote(t *testing.T, id string, way []written) (events []Event) {
	t.Helper()
	s.update(t, func(tx *store.Tx) error {
		last := store.Place{}
		for _, e := range way {
			var err error
			if e.kind == (contract.OrderConfirmed{}).Kind() {
				last, err = confirmed(tx, id)
			} else {
				last, err = tx.AppendAfter(last, id, e)
			}
			if err != nil {
				return err
			}
		}
		events, err := history(tx, id, forever())
		if err != nil {
			return err
		}
		first, err := asOf(events[:1])
		if err != nil {
			return err
		}
		r, err := asOf(events)
		if err != nil {
			return err
		}
		r.Attempts = max(0, r.Attempts)
		first.Terms.OrderID, r.Terms.OrderID = id, id // the golden one is o1
		return errors.Join(insert(tx, first), keep(tx, r, r))
	})
	if len(way) > 2 && s.count(t, `SELECT count(*) FROM snapshot WHERE key = $1`, id) != 1 {
		t.Errorf("%s has no snapshot", id)
	}
	return s.events1(t, id)
}

// confirmed appends the golden confirmation and takes a snapshot.
func confirmed(tx *store.Tx, id string) (store.Place, error) {
	a := histories
	a.Every = 1
	r, err := a.Load(tx, id)
	if err == nil {
		r, err = a.Append(tx, r, contract.OrderConfirmed{OrderID: "o1"})
	}
	return r.Last, err
}

func (s *Service) events1(t *testing.T, id string) (events []Event) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) (err error) {
		events, err = history(tx, id, forever())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// A tester is a test, or a check of a property.
type tester interface {
	Helper()
	Context() context.Context
	Fatal(...any)
	Errorf(string, ...any)
}

// checkMoments asks what an order was at each of its moments: just before its first event,
// at each, and just before the next. That is the fold of the events so far, and nothing
// later shows.
func (s *Service) checkMoments(t tester, id string, events []Event) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		if p, err := remember(tx, id, events[0].Time.Add(-time.Microsecond)); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s before its first event: %+v, %v", id, p, err)
		}
		for i, e := range events {
			end := forever()
			if i+1 < len(events) {
				end = events[i+1].Time.Add(-time.Microsecond)
			}
			want, err := Fold(events[:i+1])
			if err != nil {
				return err
			}
			checkMoment(t, tx, id, e.Time, want)
			checkMoment(t, tx, id, end, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkMoment(t tester, tx *store.Tx, id string, at time.Time, want Order) {
	t.Helper()
	for _, every := range []int64{0, 1} {
		a := histories
		a.Every = every // so that a snapshot is looked at
		got, err := a.LoadUntil(tx, id, at)
		if err != nil || plain(got.State) != plain(want) {
			t.Errorf("%s until %v: %+v, %v; want %+v", id, at, got.State, err, want)
		}
	}
	p, err := remember(tx, id, at)
	if err != nil || p.Order.Version != want.Last.Version || p.Order.Status != want.State || p.Order.Reason != want.Reason || len(p.Events) != int(want.Last.Version) {
		t.Errorf("%s until %v is told as %+v, %v; want %+v", id, at, p, err, want)
	}
	if at.Before(forever()) && (p.Order.CreatedAt.After(at) || p.Order.UpdatedAt.After(at)) {
		t.Errorf("%s until %v tells of later: %+v", id, at, p.Order)
	}
	shown := [][]line{p.Order.Items}
	for _, e := range p.Events {
		switch data := e.Data.(type) {
		case created:
			shown = append(shown, data.Items)
		case done:
			shown = append(shown, data.Items)
		case undone:
			shown = append(shown, data.Items)
		}
	}
	for _, items := range shown {
		if !reflect.DeepEqual(items, lines(want.Terms.Lines, want.Terms.Currency)) {
			t.Errorf("%s until %v tells of %v, want %v", id, at, items, want.Terms.Lines)
		}
	}
}

// plain is an order as JSON has it: times compare by what they say.
func plain(o Order) string {
	o.Created, o.Last.Time, o.Terms.Deadline = o.Created.UTC(), o.Last.Time.UTC(), o.Terms.Deadline.UTC()
	text, err := json.Marshal(o)
	return fmt.Sprint(string(text), err)
}

// An order that a newer binary has taken further cannot be told by this one, which says so
// rather than telling half of it.
func TestAnOrderOfANewerBinary(t *testing.T) {
	s := open(t)
	s.placed(t, "o")
	s.update(t, func(tx *store.Tx) error {
		r, err := load(tx, "o")
		if err == nil {
			_, err = tx.AppendAfter(r.Last, "o", written{"OrderConfirmed.2", `{}`})
		}
		return err
	})
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		_, err := remember(tx, "o", forever())
		return err
	})
	if !errors.Is(err, aggregate.ErrNewer) || !strings.Contains(err.Error(), "OrderConfirmed.2") {
		t.Errorf("got %v", err)
	}
	if a := s.ask(t, "GET", "/api/orders/o/events", ""); a.status != 503 || !strings.Contains(a.text, "A newer version wrote a part of this and can read it") {
		t.Errorf("got %d %s, want 503 that says who can read it", a.status, a.text)
	}
}
