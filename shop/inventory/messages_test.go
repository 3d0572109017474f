package inventory

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"pgregory.net/rapid"
)

// lines are those of an order for 7 a in two lines and 2 b.
func lines(a, b string) []contract.Line { return []contract.Line{line(a, 4), line(b, 2), line(a, 3)} }

// Every status and every message about an order, as a reader would handle it: what becomes
// of the stock and what is said.
func TestEveryMessageInEveryState(t *testing.T) {
	const pay, complete, fail, cancel, reserve, release = 0, 1, 2, 3, 4, 5
	about := func(id string) []message.Kind {
		l := lines("a"+id, "b"+id)
		return []message.Kind{payment(id, l...), contract.OrderCompleted{OrderID: id, Lines: l},
			contract.OrderFailed{OrderID: id, Lines: l}, contract.OrderCancelled{OrderID: id, Lines: l},
			contract.ReserveStock{OrderID: id, Style: contract.Orchestrated, Lines: l}, contract.ReleaseStock{OrderID: id, Lines: l}}
	}
	type end struct {
		state          status
		a, b           int64 // on hand
		heldA, heldB   int64
		updated, freed int64 // whether it was said
	}
	type want struct {
		end
		as    string // "": handled; "waits", "dead"
		again string // what is said each time that it comes once more
	}
	untouched := end{none, 10, 5, 0, 0, 0, 0}
	held, gone, back := end{reserved, 10, 5, 7, 2, 1, 0}, end{shipped, 3, 3, 0, 0, 1, 0}, end{released, 10, 5, 0, 0, 1, 1}
	no, over := end{refused, 10, 5, 0, 4, 0, 0}, end{ended, 10, 5, 0, 0, 0, 0}
	const updated, failed, tooLate = "InventoryUpdated", `InventoryUpdateFailed "reason":"out_of_stock"`, `InventoryUpdateFailed "reason":"called_off"`
	const nothing = `StockReleased "lines":[]`
	answered := func(e end) end { // that nothing was to be released
		e.freed = 1
		return e
	}
	s := start(t)
	for n, c := range []struct {
		name string
		sold int64   // of b, to others before
		give []int   // of the messages
		want [6]want // after payment, completed, failed, cancelled, reserve, release
	}{
		{"nothing yet", 0, nil, [6]want{{held, "", ""}, {untouched, "waits", ""}, {over, "", ""}, {over, "", ""}, {held, "", updated}, {answered(over), "", nothing}}},
		{"reserved", 0, []int{pay}, [6]want{{held, "", ""}, {gone, "", ""}, {back, "", ""}, {back, "", ""}, {held, "", updated}, {back, "", nothing}}},
		{"shipped", 0, []int{pay, complete}, [6]want{{gone, "", ""}, {gone, "", ""}, {gone, "dead", ""}, {gone, "dead", ""}, {gone, "", updated}, {gone, "dead", ""}}},
		{"refused", 4, []int{pay}, [6]want{{no, "", ""}, {no, "dead", ""}, {no, "", ""}, {no, "", ""}, {no, "", failed}, {answered(no), "", nothing}}},
		{"released", 0, []int{pay, fail}, [6]want{{back, "", ""}, {back, "dead", ""}, {back, "", ""}, {back, "", ""}, {back, "", tooLate}, {back, "", nothing}}},
		{"released by a command", 0, []int{reserve, release}, [6]want{{back, "", ""}, {back, "dead", ""}, {back, "", ""}, {back, "", ""}, {back, "", tooLate}, {back, "", nothing}}},
		{"ended", 0, []int{cancel}, [6]want{{over, "", ""}, {over, "dead", ""}, {over, "", ""}, {over, "", ""}, {over, "", tooLate}, {answered(over), "", nothing}}},
		{"ended by a command", 0, []int{release}, [6]want{{answered(over), "", ""}, {answered(over), "dead", ""}, {answered(over), "", ""}, {answered(over), "", ""}, {answered(over), "", tooLate}, {answered(over), "", nothing}}},
	} {
		for i, want := range c.want {
			id := fmt.Sprintf("%d-%d", n, i)
			m := about(id)
			t.Run(c.name+"/"+m[i].Kind(), func(t *testing.T) {
				s.hears(t, "a"+id, contract.ProductCreated{ProductID: "a" + id, Stock: new(int64(10))})
				s.hears(t, "b"+id, contract.ProductCreated{ProductID: "b" + id, Stock: new(int64(5))})
				if c.sold > 0 {
					s.hears(t, "x"+id, payment("x"+id, line("b"+id, c.sold)))
				}
				for _, g := range c.give {
					s.hears(t, id, m[g])
				}
				for n := range 2 { // the second time, nothing is left to do but to answer
					before := s.spoken(t, id)
					if as := s.judged(t, id, m[i]); as != want.as {
						t.Errorf("%s, want %q", as, want.as)
					}
					got := end{s.status(t, id), s.onHand(t, "a"+id), s.onHand(t, "b"+id), s.reserved(t, "a"+id), s.reserved(t, "b"+id),
						min(1, s.said(t, "InventoryUpdated", id)), min(1, s.said(t, "StockReleased", id))}
					if got != want.end {
						t.Errorf("got %v, want %v", got, want.end)
					}
					kind, part, _ := strings.Cut(want.again, " ")
					switch more := s.spoken(t, id)[len(before):]; {
					case n == 0 || want.again == "" && len(more) == 0:
					case len(more) != 1 || !strings.HasPrefix(more[0], kind+" ") || !strings.Contains(more[0], part):
						t.Errorf("once more: said %q, want %q", more, want.again)
					}
				}
				s.checkSound(t)
			})
		}
	}
}

// judged handles a message and says what becomes of it: "" if it is handled, "waits" if it
// comes again however often it was tried, "dead" if it never does.
func (s *Service) judged(t *testing.T, key string, fact message.Kind) string {
	t.Helper()
	err := s.hearsOne(t, key, fact)
	if err == nil {
		return ""
	}
	next := (failure.Policy{}).Judge(failure.History{Attempts: 7}, time.UnixMicro(0), err)
	switch {
	case next.Dead && errors.Is(err, errImpossible):
		return "dead"
	case !next.Dead:
		return "waits"
	}
	t.Fatal(err)
	return ""
}

func TestOutcomesAreNamed(t *testing.T) {
	s := start(t)
	var got []outcome
	run := func(f func(*store.Tx) (outcome, error)) {
		var did outcome
		_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) (err error) {
			did, err = f(tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, did)
	}
	take := func(o string, l ...contract.Line) {
		run(func(tx *store.Tx) (outcome, error) { return s.take(tx, about{order: o, lines: l}, wanted) })
	}
	settle := func(o string, e event) {
		run(func(tx *store.Tx) (outcome, error) { return s.settle(tx, about{order: o}, e) })
	}
	take("o", lines("a", "b")...)
	take("o", lines("a", "b")...)
	settle("o", overdue)
	settle("o", undone)
	take("o", lines("a", "b")...)
	take("p", line("b", 6))
	settle("q", undone)
	settle("q", undone)
	take("r", line("a", 1))
	settle("r", completed)
	settle("r", completed)
	run(func(tx *store.Tx) (outcome, error) { return s.take(tx, about{order: "r"}, asked) })
	run(func(tx *store.Tx) (outcome, error) { return s.take(tx, about{order: "q"}, asked) })
	settle("q", recalled)
	settle("s", recalled)
	run(func(tx *store.Tx) (outcome, error) { return s.shelve(tx, contract.ProductCreated{ProductID: "new"}) })
	run(func(tx *store.Tx) (outcome, error) { return s.shelve(tx, contract.ProductCreated{ProductID: "new"}) })
	run(func(tx *store.Tx) (outcome, error) {
		return s.price(tx, contract.ProductPriceUpdated{ProductID: "new", Price: 1})
	})
	run(func(tx *store.Tx) (outcome, error) {
		return s.price(tx, contract.ProductPriceUpdated{ProductID: "given up", Price: 1})
	})
	if want := []outcome{took, again, kept, gave, late, lacked, buried, again, took, parted, again, again, late, again, buried, shelved, again, priced, late}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Demand is summed for each product first: 3 and 3 of a product of which there are 5.
func TestTwoLinesOfOneProductWantItTwice(t *testing.T) {
	s := start(t)
	s.hears(t, "o", payment("o", line("a", 1), line("b", 3), line("b", 3)))
	if s.status(t, "o") != refused || s.reserved(t, "a") != 0 || s.reserved(t, "b") != 0 {
		t.Errorf("%s, a %d, b %d; want nothing reserved", s.status(t, "o"), s.reserved(t, "a"), s.reserved(t, "b"))
	}
	short := s.number(t, `SELECT count(*) FROM journal WHERE kind = 'InventoryUpdateFailed' AND key = 'o' AND CAST(body AS TEXT) LIKE '%"reason":"out_of_stock","productId":"b"%'`)
	if short != 1 {
		t.Error("not refused out_of_stock for b")
	}
}

// Nothing, or less, is reserved for nobody, in whatever style it is wanted: an operator sees it.
func TestNobodyWantsNothing(t *testing.T) {
	for _, n := range []int64{0, -5} {
		s := start(t)
		l := []contract.Line{line("b", 2), line("a", n)}
		for _, m := range []message.Kind{payment("o", l...), contract.ReserveStock{OrderID: "o", Style: contract.Orchestrated, Lines: l}} {
			if err := s.hearsOne(t, "o", m); err == nil || !strings.Contains(err.Error(), fmt.Sprintf(`%d of product "a" are wanted for order "o"`, n)) {
				t.Errorf("%s of %d: %v", m.Kind(), n, err)
			}
		}
		if s.status(t, "o") != none || s.reserved(t, "a") != 0 || s.reserved(t, "b") != 0 {
			t.Errorf("of %d: %s, a %d, b %d", n, s.status(t, "o"), s.reserved(t, "a"), s.reserved(t, "b"))
		}
	}
}

func TestWhatIsNotTrackedNeverRunsOut(t *testing.T) {
	s := start(t)
	s.hears(t, "o", payment("o", line("c", 1_000_000), line("a", 10)))
	if s.status(t, "o") != reserved || s.reserved(t, "c") != 0 || s.reserved(t, "a") != 10 {
		t.Errorf("%s, c %d, a %d", s.status(t, "o"), s.reserved(t, "c"), s.reserved(t, "a"))
	}
	s.hears(t, "o", contract.OrderFailed{OrderID: "o"})
	if s.reserved(t, "c") != 0 || s.reserved(t, "a") != 0 {
		t.Errorf("freed: c %d, a %d", s.reserved(t, "c"), s.reserved(t, "a"))
	}
	s.hears(t, "p", payment("p", line("c", 1_000_000), line("a", 10)), contract.OrderCompleted{OrderID: "p"})
	if s.onHand(t, "c") != 0 || s.onHand(t, "a") != 0 {
		t.Errorf("shipped: c %d, a %d", s.onHand(t, "c"), s.onHand(t, "a"))
	}
	if n := s.number(t, `SELECT count(*) FROM movement WHERE product_id = 'c'`); n != 0 {
		t.Errorf("what is not tracked moved %d times", n)
	}
	s.checkSound(t)
}

// An order that ends before its payment is heard of takes nothing when it is.
func TestTombstoneOfAnEndedOrder(t *testing.T) {
	l := lines("a", "b")
	for _, end := range []message.Kind{contract.OrderFailed{OrderID: "o", Lines: l}, contract.OrderCancelled{OrderID: "o", Lines: l}} {
		s := start(t)
		s.hears(t, "o", end)
		if s.status(t, "o") != ended {
			t.Errorf("%s left %q, want a tombstone", end.Kind(), s.status(t, "o"))
		}
		s.hears(t, "o", payment("o", l...))
		if n := s.said(t, "InventoryUpdated", "o"); n != 0 || s.reserved(t, "a") != 0 {
			t.Errorf("after %s, stock was reserved: a %d", end.Kind(), s.reserved(t, "a"))
		}
	}
}

// A payment waits for a product that is on its way, without an attempt being counted, and
// finds the tombstone of an order that ended meanwhile.
func TestTombstoneEndsTheWaitForAProduct(t *testing.T) {
	s := start(t)
	first := payment("o", line("a", 1), line("new", 2))
	now := time.UnixMicro(0)
	err := s.hearsOne(t, "o", first)
	next := (failure.Policy{}).Judge(failure.History{Attempts: 7}, now, err)
	if !errors.Is(err, ErrUnknown) || next.Dead || !next.Retry.Equal(now.Add(patience)) {
		t.Fatalf("%v: %+v; want to come again after %v", err, next, patience)
	}
	s.hears(t, "o", contract.OrderFailed{OrderID: "o", Lines: first.Lines})
	s.hears(t, "o", first)
	if s.status(t, "o") != ended || s.reserved(t, "a") != 0 {
		t.Errorf("%s, a %d", s.status(t, "o"), s.reserved(t, "a"))
	}
	s.hears(t, "new", contract.ProductCreated{ProductID: "new", Stock: new(int64(2))})
	s.hears(t, "p", payment("p", first.Lines...))
	if s.status(t, "p") != reserved || s.reserved(t, "new") != 2 {
		t.Errorf("once it is known: %s, %d reserved", s.status(t, "p"), s.reserved(t, "new"))
	}
}

func TestProductTwice(t *testing.T) {
	s := start(t)
	s.hears(t, "o", payment("o", line("a", 4)))
	s.hears(t, "a", contract.ProductCreated{ProductID: "a", Stock: new(int64(10))})
	if hand, held := s.onHand(t, "a"), s.reserved(t, "a"); hand != 10 || held != 4 {
		t.Errorf("%d on hand, %d reserved; want 10 and 4", hand, held)
	}
	s.checkSound(t)
}

// A thousand orders at the same moment for stock of a hundred: a hundred get it.
func TestNothingIsSoldThatIsNotThere(t *testing.T) {
	s := start(t)
	s.hears(t, "hot", contract.ProductCreated{ProductID: "hot", Stock: new(int64(100))})
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			order := fmt.Sprint("o", i)
			_, err := s.DB.Update(t.Context(), []string{order, "hot"}, func(tx *store.Tx) error {
				_, err := s.take(tx, about{order: order, lines: []contract.Line{line("hot", 1)}}, wanted)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := s.number(t, `SELECT count(*) FROM reservation WHERE status = 'reserved'`)
	none := s.number(t, `SELECT count(*) FROM reservation WHERE status = 'refused'`)
	if got != 100 || none != 900 || s.reserved(t, "hot") != 100 {
		t.Errorf("%d got it, %d did not, %d reserved; want 100, 900, 100", got, none, s.reserved(t, "hot"))
	}
	s.checkSound(t)
}

// The database itself refuses what is not there, whatever the code decided.
func TestStoreConstraint(t *testing.T) {
	s := start(t)
	for name, wrong := range map[string]func(*store.Tx) error{
		"less than nothing": func(tx *store.Tx) error {
			return tx.Exec(`UPDATE stock SET on_hand = on_hand - 11 WHERE product_id = 'a'`)
		},
		"more reserved than there is": func(tx *store.Tx) error {
			return tx.Exec(`UPDATE stock SET reserved = reserved + 11 WHERE product_id = 'a'`)
		},
		"shipped and not reserved": func(tx *store.Tx) error { return part(tx, "o", demand{"a", 1}) },
		"freed and not reserved":   func(tx *store.Tx) error { return unclaim(tx, demand{"a", 1}) },
	} {
		_, err := s.DB.Update(t.Context(), nil, wrong)
		if err == nil || s.onHand(t, "a") != 10 || s.reserved(t, "a") != 0 {
			t.Errorf("%s: %v, %d on hand, %d reserved", name, err, s.onHand(t, "a"), s.reserved(t, "a"))
		}
	}
}

// Any messages about a few orders in any order, in batches: the movements sum to the
// stock, what is missing from it has left for orders, and what is reserved is for those
// that are open.
func TestAnyMessagesInAnyOrder(t *testing.T) {
	s := start(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		batch := rapid.SliceOfN(rapid.IntRange(0, 17), 1, 12).Draw(rt, "batch")
		s.comes(t, rapid.Int64Range(1, 6).Draw(rt, "stock"), "a", "b")
		hand, held := s.onHand(t, "a"), s.reserved(t, "a")
		_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
			for _, i := range batch {
				did, err := s.any(tx, fmt.Sprintf("%d-%d", n, i%3), i/3)
				if err != nil && did != early && !errors.Is(err, errImpossible) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		count := func(is status) int64 {
			return s.number(t, `SELECT count(*) FROM reservation WHERE status = $1 AND order_id LIKE $2`, string(is), fmt.Sprintf("%d-%%", n))
		}
		if got, want := s.onHand(t, "a"), hand-2*count(shipped); got != want {
			rt.Errorf("%d of a on hand, want %d", got, want)
		}
		if got, want := s.reserved(t, "a"), held+2*count(reserved); got != want {
			rt.Errorf("%d of a reserved, want %d", got, want)
		}
		s.checkSound(t)
	})
}

// comes restocks some of each product.
func (s *Service) comes(t testing.TB, quantity int64, products ...string) {
	t.Helper()
	_, err := s.DB.Update(t.Context(), products, func(tx *store.Tx) error {
		for _, p := range products {
			if changed, err := change(tx, movement{product: p, kind: restock, quantity: quantity}); err != nil || !changed {
				return fmt.Errorf("restock %s: %v, %w", p, changed, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// any is one of the messages about an order of two a and one b.
func (s *Service) any(tx *store.Tx, order string, which int) (outcome, error) {
	all := about{order: order, lines: []contract.Line{line("a", 1), line("b", 1), line("a", 1)}}
	switch which {
	case 0:
		return s.take(tx, all, wanted)
	case 4:
		return s.take(tx, all, asked)
	case 5:
		return s.settle(tx, all, recalled)
	case 1:
		return s.settle(tx, about{order: order}, completed)
	case 2:
		return s.settle(tx, about{order: order}, undone)
	}
	return s.settle(tx, about{order: order}, overdue)
}
