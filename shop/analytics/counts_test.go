package analytics

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Lines of one product are one quantity.
func TestTerms(t *testing.T) {
	got := termsOf(of("o", "USD", noon).fact.(contract.OrderCreated))
	if want := (terms{"USD", 1250, goods{"a": 2, "b": 1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A day begins at midnight in UTC, wherever the clock hangs.
func TestDay(t *testing.T) {
	tokyo := time.FixedZone("Tokyo", 9*60*60)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "2026-03-01"},
		{time.Date(2026, 2, 28, 23, 59, 59, 999_999_000, time.UTC), "2026-02-28"},
		{time.Date(2026, 3, 1, 8, 59, 0, 0, tokyo), "2026-02-28"},
		{time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), "2024-02-29"},
	} {
		if got := dayOf(c.at).String(); got != c.want {
			t.Errorf("%v is on %s, want %s", c.at, got, c.want)
		}
	}
}

// What an end adds, by what it is.
func TestEnd(t *testing.T) {
	of := terms{"EUR", 1250, goods{"a": 2}}
	at := number{sum{0, 1}, noon}
	for _, c := range []struct {
		end  end
		want counts
	}{
		{end{completed, "", noon}, counts{
			tallies:  map[tally]number{{"completed", ""}: at, {revenue, "EUR"}: {sum{0, 1250}, noon}},
			takings:  map[taking]sum{{dayOf(noon), "EUR"}: {0, 1250}},
			products: map[string]product{"a": {quantity: 2}}}},
		{end{failed, "timed_out", noon}, counts{tallies: map[tally]number{{"failed", "timed_out"}: at}}},
		{end{cancelled, "cancelled_by_customer", noon}, counts{tallies: map[tally]number{{"cancelled", "cancelled_by_customer"}: at}}},
	} {
		var got counts
		got.end(of, c.end)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.end.state, got, c.want)
		}
	}
}

// A tally keeps the latest time, in whatever order things are added.
func TestLatestTime(t *testing.T) {
	var c counts
	for _, hour := range []int{2, 5, 3} {
		c.add(tally{name: users}, 1, noon.Add(time.Duration(hour)*time.Hour))
	}
	if got, want := c.tallies[tally{name: users}], (number{sum{0, 3}, noon.Add(5 * time.Hour)}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := len(c.takings)+len(c.products), 0; got != want {
		t.Errorf("%d other counters", got)
	}
}

// A scribe is a database that notes what is written.
type scribe struct {
	store.Driver
	rows []string
}

type note struct {
	store.Conn
	scribe *scribe
}

func (s *scribe) Update(ctx context.Context, c store.Change) error {
	run := c.Run
	c.Run = func(conn store.Conn, now time.Time) error { return run(note{conn, s}, now) }
	return s.Driver.Update(ctx, c)
}

func (n note) Exec(query string, args ...any) error {
	row := ""
	for _, a := range args[:2] {
		if s, ok := a.(string); ok {
			row += s + " "
		}
	}
	n.scribe.rows = append(n.scribe.rows, row)
	return nil
}

// Two transactions that write the same counters take their locks in the same order,
// whatever they have read: tallies, then days, then products, each in the order of its key.
func TestCountersAreWrittenInOneOrder(t *testing.T) {
	want := []string{"accepted  ", "completed  ", "failed a ", "revenue EUR ", "revenue USD ", "users  ", "EUR ", "USD ", "USD ", "a Apple ", "b  "}
	for _, swapped := range []bool{false, true} {
		d := &scribe{}
		if _, err := store.Open("analytics", fake{d}).Update(t.Context(), nil, func(tx *store.Tx) error {
			steps := []func(*counts){
				func(c *counts) { c.add(tally{name: users}, 1, noon) },
				func(c *counts) { c.end(terms{"USD", 1, goods{"b": 1}}, end{completed, "", noon}) },
				func(c *counts) { c.end(terms{"USD", 1, goods{"a": 1}}, end{completed, "", noon.AddDate(0, 0, 1)}) },
				func(c *counts) { c.end(terms{"EUR", 1, goods{"a": 1}}, end{completed, "", noon.AddDate(0, 0, -1)}) },
				func(c *counts) { c.end(terms{"USD", 1, nil}, end{failed, "a", noon}) },
				func(c *counts) { c.name("a", "Apple", noon) },
				func(c *counts) { c.add(tally{name: accepted}, 1, noon) },
			}
			for i := range steps {
				if swapped {
					i = len(steps) - 1 - i
				}
				steps[i](ledger{tx}.gathered())
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(d.rows, want) {
			t.Errorf("written as %q, want %q", d.rows, want)
		}
	}
}

// A fake database runs changes, and stores nothing.
type fake struct{ scribe *scribe }

func (f fake) Update(_ context.Context, c store.Change) error {
	return c.Run(note{scribe: f.scribe}, noon)
}
func (fake) View(context.Context, func(store.Conn) error) error { return nil }
func (fake) Settled(context.Context) (int64, error)             { return 0, nil }
func (fake) Close() error                                       { return nil }
