package inventory

import (
	"errors"
	"fmt"
	"reflect"
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

// Every state and every message about an order: what becomes of the stock and what is said.
func TestEveryMessageInEveryState(t *testing.T) {
	type end struct {
		state           status
		a, b            int64 // on hand
		taken, released int64 // how often it was said
	}
	const payment, failed, cancelled = 0, 1, 2
	about := func(id string) []message.Kind {
		l := lines("a"+id, "b"+id)
		return []message.Kind{paid(id, l...), contract.OrderFailed{OrderID: id, Lines: l}, contract.OrderCancelled{OrderID: id, Lines: l}}
	}
	s := start(t)
	for n, c := range []struct {
		name string
		sold int64 // of b, to others before
		give []int // of the messages
		want []end // after payment, failed, cancelled
	}{
		{"nothing yet", 0, nil,
			[]end{{taken, 3, 3, 1, 0}, {ended, 10, 5, 0, 0}, {ended, 10, 5, 0, 0}}},
		{"taken", 0, []int{payment},
			[]end{{taken, 3, 3, 1, 0}, {released, 10, 5, 1, 1}, {released, 10, 5, 1, 1}}},
		{"refused", 4, []int{payment},
			[]end{{refused, 10, 1, 0, 0}, {refused, 10, 1, 0, 0}, {refused, 10, 1, 0, 0}}},
		{"released", 0, []int{payment, failed},
			[]end{{released, 10, 5, 1, 1}, {released, 10, 5, 1, 1}, {released, 10, 5, 1, 1}}},
		{"ended", 0, []int{cancelled},
			[]end{{ended, 10, 5, 0, 0}, {ended, 10, 5, 0, 0}, {ended, 10, 5, 0, 0}}},
	} {
		for i, want := range c.want {
			id := fmt.Sprintf("%d-%d", n, i)
			m := about(id)
			t.Run(c.name+"/"+m[i].Kind(), func(t *testing.T) {
				s.hears(t, "a"+id, contract.ProductCreated{ProductID: "a" + id, Stock: new(int64(10))})
				s.hears(t, "b"+id, contract.ProductCreated{ProductID: "b" + id, Stock: new(int64(5))})
				if c.sold > 0 {
					s.hears(t, "x"+id, paid("x"+id, line("b"+id, c.sold)))
				}
				for _, g := range c.give {
					s.hears(t, id, m[g])
				}
				for range 2 { // the second time, nothing is left to do
					s.hears(t, id, m[i])
					got := end{s.status(t, id), s.onHand(t, "a"+id), s.onHand(t, "b"+id), s.said(t, "InventoryUpdated", id), s.said(t, "StockReleased", id)}
					if got != want {
						t.Errorf("got %v, want %v", got, want)
					}
				}
				s.checkSound(t)
			})
		}
	}
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
		run(func(tx *store.Tx) (outcome, error) { return s.take(tx, paid(o, l...)) })
	}
	end := func(o string) { run(func(tx *store.Tx) (outcome, error) { return s.end(tx, o, nil) }) }
	take("o", lines("a", "b")...)
	take("o", lines("a", "b")...)
	end("o")
	take("o", lines("a", "b")...)
	take("p", line("b", 6))
	end("q")
	end("q")
	run(func(tx *store.Tx) (outcome, error) { return s.shelve(tx, contract.ProductCreated{ProductID: "new"}) })
	run(func(tx *store.Tx) (outcome, error) { return s.shelve(tx, contract.ProductCreated{ProductID: "new"}) })
	if want := []outcome{took, again, gave, late, lacked, buried, again, shelved, again}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Demand is summed for each product first: 3 and 3 of a product of which there are 5.
func TestTwoLinesOfOneProductWantItTwice(t *testing.T) {
	s := start(t)
	s.hears(t, "o", paid("o", line("a", 1), line("b", 3), line("b", 3)))
	if s.status(t, "o") != refused || s.onHand(t, "a") != 10 || s.onHand(t, "b") != 5 {
		t.Errorf("%s, a %d, b %d; want nothing taken", s.status(t, "o"), s.onHand(t, "a"), s.onHand(t, "b"))
	}
	short := s.number(t, `SELECT count(*) FROM journal WHERE kind = 'InventoryUpdateFailed' AND key = 'o' AND CAST(body AS TEXT) LIKE '%"reason":"out_of_stock","productId":"b"%'`)
	if short != 1 {
		t.Error("not refused out_of_stock for b")
	}
}

func TestWhatIsNotTrackedNeverRunsOut(t *testing.T) {
	s := start(t)
	s.hears(t, "o", paid("o", line("c", 1_000_000), line("a", 10)))
	if s.status(t, "o") != taken || s.onHand(t, "c") != 0 || s.onHand(t, "a") != 0 {
		t.Errorf("%s, c %d, a %d", s.status(t, "o"), s.onHand(t, "c"), s.onHand(t, "a"))
	}
	s.hears(t, "o", contract.OrderFailed{OrderID: "o"})
	if s.onHand(t, "c") != 0 || s.onHand(t, "a") != 10 {
		t.Errorf("put back: c %d, a %d", s.onHand(t, "c"), s.onHand(t, "a"))
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
		s.hears(t, "o", paid("o", l...))
		if n := s.said(t, "InventoryUpdated", "o"); n != 0 || s.onHand(t, "a") != 10 {
			t.Errorf("after %s, stock was taken: a %d", end.Kind(), s.onHand(t, "a"))
		}
	}
}

// A payment waits for a product that is on its way, without an attempt being counted, and
// finds the tombstone of an order that ended meanwhile.
func TestTombstoneEndsTheWaitForAProduct(t *testing.T) {
	s := start(t)
	first := paid("o", line("a", 1), line("new", 2))
	now := time.UnixMicro(0)
	err := s.hearsOne(t, "o", first)
	next := (failure.Policy{}).Judge(failure.History{Attempts: 7}, now, err)
	if !errors.Is(err, ErrUnknown) || next.Dead || !next.Retry.Equal(now.Add(patience)) {
		t.Fatalf("%v: %+v; want to come again after %v", err, next, patience)
	}
	s.hears(t, "o", contract.OrderFailed{OrderID: "o", Lines: first.Lines})
	s.hears(t, "o", first)
	if s.status(t, "o") != ended || s.onHand(t, "a") != 10 {
		t.Errorf("%s, a %d", s.status(t, "o"), s.onHand(t, "a"))
	}
	s.hears(t, "new", contract.ProductCreated{ProductID: "new", Stock: new(int64(2))})
	s.hears(t, "p", paid("p", first.Lines...))
	if s.status(t, "p") != taken || s.onHand(t, "new") != 0 {
		t.Errorf("once it is known: %s, %d left", s.status(t, "p"), s.onHand(t, "new"))
	}
}

func TestProductTwice(t *testing.T) {
	s := start(t)
	s.hears(t, "o", paid("o", line("a", 4)))
	s.hears(t, "a", contract.ProductCreated{ProductID: "a", Stock: new(int64(10))})
	if got := s.onHand(t, "a"); got != 6 {
		t.Errorf("%d on hand, want 6", got)
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
				_, err := s.take(tx, paid(order, line("hot", 1)))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := s.number(t, `SELECT count(*) FROM reservation WHERE status = 'taken'`)
	none := s.number(t, `SELECT count(*) FROM reservation WHERE status = 'refused'`)
	if got != 100 || none != 900 || s.onHand(t, "hot") != 0 {
		t.Errorf("%d got it, %d did not, %d left; want 100, 900, 0", got, none, s.onHand(t, "hot"))
	}
	s.checkSound(t)
}

// The database itself refuses what is not there, whatever the code decided.
func TestStoreConstraint(t *testing.T) {
	s := start(t)
	_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE stock SET on_hand = on_hand - 11 WHERE product_id = 'a'`)
	})
	if err == nil || s.onHand(t, "a") != 10 {
		t.Errorf("%v, %d on hand", err, s.onHand(t, "a"))
	}
	_, err = s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		return move(tx, movement{product: "a", order: "o", kind: out, quantity: -11})
	})
	if err == nil || s.onHand(t, "a") != 10 {
		t.Errorf("%v, %d on hand", err, s.onHand(t, "a"))
	}
}

// Any messages about a few orders in any order, in batches: the movements sum to the
// stock, and what is missing from it is what is taken for orders.
func TestAnyMessagesInAnyOrder(t *testing.T) {
	s := start(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		batch := rapid.SliceOfN(rapid.IntRange(0, 8), 1, 12).Draw(rt, "batch")
		before := s.onHand(t, "a")
		_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
			for _, i := range batch {
				var err error
				if order := fmt.Sprintf("%d-%d", n, i%3); i < 6 {
					_, err = s.take(tx, paid(order, line("a", 1), line("b", 1), line("a", 1)))
				} else {
					_, err = s.end(tx, order, nil)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		held := s.number(t, `SELECT count(*) FROM reservation WHERE status = 'taken' AND order_id LIKE $1`, fmt.Sprintf("%d-%%", n))
		if got := s.onHand(t, "a"); got != before-2*held {
			rt.Errorf("%d of a on hand, want %d less %d for orders", got, before, 2*held)
		}
		s.checkSound(t)
	})
}
