package order

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// silent are users of whom nobody can tell now.
type silent struct{}

func (silent) Known(context.Context, string) (bool, error) {
	return false, fmt.Errorf("%w: user", door.ErrAway)
}

// received has an order accepted while the user service is away.
func (s *Service) received(t *testing.T, id, style string) {
	t.Helper()
	of := terms(id)
	of.Style = style
	s.update(t, func(tx *store.Tx) error {
		_, err := s.receive(tx, of)
		return err
	})
}

// told has the user service say whether there is the user of an order, as its job does.
func (s *Service) told(t *testing.T, id string, known bool) error {
	t.Helper()
	m, err := message.Encode(id, verify{OrderID: id, UserID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	m.ID = verifyID(id)
	_, err = s.DB.Update(t.Context(), []string{id}, func(tx *store.Tx) error {
		for _, h := range s.Queues() {
			if h.Kind == m.Kind {
				return h.Record(t.Context(), tx, m, known)
			}
		}
		return errors.New("nobody handles it")
	})
	return err
}

// said are the kinds of what was said about an order, commands too.
func (s *Service) said(t *testing.T, id string) (kinds []string) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		kinds = nil
		return tx.Rows(`SELECT kind FROM journal WHERE key = $1 ORDER BY seq`, []any{id}, func(scan func(...any) error) error {
			var kind string
			err := scan(&kind)
			kinds = append(kinds, kind)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// Nothing is done for an order before its user is known, whatever its style; then it goes its
// way from the beginning, once.
func TestVerified(t *testing.T) {
	for _, tt := range []struct {
		style string
		asks  []string // once it begins
	}{
		{contract.Orchestrated, []string{"ReserveStock"}},
		{contract.Choreographed, nil},
		{contract.Parallel, nil},
	} {
		t.Run(tt.style, func(t *testing.T) {
			s := open(t)
			s.received(t, "o", tt.style)
			if r := s.row(t, "o"); r.State != Pending || !r.Unverified || !slices.Equal(s.said(t, "o"), []string{"OrderReceived"}) {
				t.Fatalf("received: %+v, said %v", r, s.said(t, "o"))
			}
			first := s.row(t, "o")
			for range 2 { // the second time is a job that comes again
				if err := s.told(t, "o", true); err != nil {
					t.Fatal(err)
				}
			}
			r, want := s.row(t, "o"), append([]string{"OrderReceived", "OrderCreated"}, tt.asks...)
			if got := s.said(t, "o"); r.Unverified || r.State != Pending || r.Last.Version != 2 || !slices.Equal(got, want) {
				t.Errorf("verified: %+v, said %v; want %v", r, got, want)
			}
			if !r.Created.Equal(first.Created) || !r.Terms.Deadline.Before(first.Terms.Deadline) {
				t.Errorf("created %v, deadline %v; was %v, %v: its own deadline counts from now", r.Created, r.Terms.Deadline, first.Created, first.Terms.Deadline)
			}
			if n := s.count(t, `SELECT COUNT(*) FROM job WHERE id = $1 AND due < $2`, deadlineID("o"), first.Terms.Deadline); n != 1 {
				t.Errorf("%d deadlines of its own, want 1", n)
			}
			s.rebuilds(t, "o")
		})
	}
}

// rebuilds checks that the row of an order is what its history says.
func (s *Service) rebuilds(t *testing.T, id string) {
	t.Helper()
	var folded Order
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		events, err := history(tx, id, forever())
		if err == nil {
			folded, err = Fold(events)
		}
		return err
	})
	is := s.row(t, id).Order
	is.Last.Time = folded.Last.Time // news leaves its own
	if err != nil || fmt.Sprintf("%+v", folded) != fmt.Sprintf("%+v", is) {
		t.Errorf("its history says %+v, %v\nits row is %+v", folded, err, is)
	}
}

// An order that has not begun ends in every style, for each reason, and what comes later finds
// that it has ended.
func TestUnverifiedEnds(t *testing.T) {
	ends := []struct {
		name  string
		by    func(*testing.T, *Service) error
		state State
		why   string
	}{
		{"no such user", func(t *testing.T, s *Service) error { return s.told(t, "o", false) }, Failed, contract.UnknownUser},
		{"its day is over", func(t *testing.T, s *Service) error { return s.hearsOne(t, "o", expire{OrderID: "o"}) }, Failed, contract.TimedOut},
		{"called off", func(t *testing.T, s *Service) error {
			_, err := s.DB.Update(t.Context(), []string{"o"}, func(tx *store.Tx) error { _, err := s.callOff(tx, "o"); return err })
			return err
		}, Cancelled, contract.CancelledByUser},
	}
	for _, style := range styles() {
		for _, tt := range ends {
			t.Run(style+", "+tt.name, func(t *testing.T) {
				s := open(t)
				s.received(t, "o", style)
				if err := tt.by(t, s); err != nil {
					t.Fatal(err)
				}
				for _, known := range []bool{true, false} { // late
					if err := s.told(t, "o", known); err != nil {
						t.Error(err)
					}
				}
				s.hears(t, "o", contract.PaymentFailed{OrderID: "o", Reason: "order_ended"}, contract.StockReleased{OrderID: "o"})
				last := map[State]string{Failed: "OrderFailed", Cancelled: "OrderCancelled"}[tt.state]
				if r, got := s.row(t, "o"), s.said(t, "o"); r.State != tt.state || r.Reason != tt.why || !slices.Equal(got, []string{"OrderReceived", last}) {
					t.Errorf("%s because of %q, said %v; want %s, %s", r.State, r.Reason, got, tt.state, tt.why)
				}
				left := s.count(t, `SELECT COUNT(*) FROM job WHERE id NOT IN ($1, $2)`, verifyID("o"), deadlineID("o"))
				if tt.name == "called off" {
					left = s.count(t, `SELECT COUNT(*) FROM job`) // nobody is handling one
				}
				if left != 0 {
					t.Errorf("%d jobs are left", left)
				}
				s.rebuilds(t, "o")
			})
		}
	}
}

// What contradicts an order that nobody was told of is dead at once.
func TestUnverifiedHearsNothing(t *testing.T) {
	s := open(t)
	s.received(t, "o", contract.Choreographed)
	if err := s.hearsOne(t, "o", contract.PaymentProcessed{OrderID: "o"}); !errors.Is(err, ErrIllegal) {
		t.Errorf("got %v, want ErrIllegal", err)
	}
}

// While the user service is away orders are taken, and shown; what is wrong with them
// otherwise is told all the same.
func TestOrdersWithoutUsers(t *testing.T) {
	s := open(t)
	s.Users = silent{}
	for _, tt := range []struct {
		name, body string
		status     int
		has        string
	}{
		{"taken", `{"id":"o","userId":"9","productId":"1","quantity":1}`, http.StatusAccepted, `"unverified":true`},
		{"again", `{"id":"o","userId":"9","productId":"1","quantity":1}`, http.StatusAccepted, `"unverified":true`},
		{"no such product", `{"userId":"9","productId":"none","quantity":1}`, http.StatusUnprocessableEntity, "unknown-product"},
		{"nobody's id", `{"userId":"a b","productId":"1","quantity":1}`, http.StatusUnprocessableEntity, "unknown-user"},
	} {
		if a := s.ask(t, "POST", "/api/orders", tt.body); a.status != tt.status || !strings.Contains(a.text, tt.has) {
			t.Errorf("%s: got %d %s; want %d with %s", tt.name, a.status, a.text, tt.status, tt.has)
		}
	}
	for _, path := range []string{"/api/orders/o", "/api/orders/o/events", "/api/users/9/orders", "/api/orders?status=pending"} {
		if a := s.ask(t, "GET", path, ""); a.status != http.StatusOK || !strings.Contains(a.text, `"unverified":true`) {
			t.Errorf("GET %s: %d %s", path, a.status, a.text)
		}
	}
}

// Whoever asks for a user waits for the answer, and gives the job back when there is none.
func TestAskForUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Service{Users: silent{}}
		m := message.Of[verify]{Data: verify{OrderID: "o", UserID: "1"}}
		if _, err := s.askForUser(t.Context(), m); !errors.Is(err, door.ErrAway) {
			t.Errorf("got %v, want ErrAway", err)
		}
		s.Users = shelf{}
		if known, err := s.askForUser(t.Context(), m); err != nil || !known {
			t.Errorf("got %v, %v; want that there is user 1", known, err)
		}
	})
}
