package order

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

const path = "/api/orders/"

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "POST /api/orders", Handle: s.post, Sheds: true},
		{Pattern: "GET /api/orders", Handle: s.list, Query: []string{"userId", "status", "final", "limit", "cursor"}},
		{Pattern: "GET /api/orders/{id}", Handle: s.get},
		{Pattern: "GET /api/orders/{id}/live", Handle: s.live},
		{Pattern: "POST /api/orders/{id}/cancel", Handle: s.cancel},
		{Pattern: "GET /api/orders/{id}/events", Handle: s.events, Query: []string{"until"}},
		{Pattern: "GET /api/users/{id}/orders", Handle: s.ofUser, Query: []string{"status", "final", "limit", "cursor"}},
	}
}

// post takes an order. Whatever other services are asked, they are asked before the
// transaction begins: nothing in it waits for anybody. That they refuse what is asked for
// now, or are away, is no answer to whoever repeats what was accepted before: only the
// transaction can tell.
func (s *Service) post(r *http.Request) (door.Answer, error) {
	var q request
	if err := door.Decode(r, &q); err != nil {
		return door.Answer{}, err
	}
	terms, err := q.terms(cmp.Or(s.Style, styles()[0]))
	if err != nil {
		return door.Answer{}, err
	}
	unverified, refused := s.price(r.Context(), q, &terms)
	if refused == nil {
		refused = s.inStock(r, terms)
	}
	if refused != nil && q.ID == nil && r.Header.Get("Idempotency-Key") == "" {
		return door.Answer{}, refused // nothing can be a repeat of this
	}
	// The id is made outside the change, which may run twice, and decides on its row.
	if q.ID == nil {
		id, err := uuid.NewV7()
		if err != nil {
			return door.Answer{}, err
		}
		terms.OrderID = id.String()
	}
	wait := door.Wait(r)
	answer, err := door.Commit(r, s.DB, []string{terms.OrderID}, func(tx *store.Tx) (door.Answer, error) {
		placed, err := s.place(tx, bid{request: q, terms: terms, unverified: unverified, refused: refused})
		if err != nil {
			return door.Answer{}, err
		}
		a, err := placed.answer(http.StatusAccepted)
		a.Location = path + terms.OrderID
		return a, err
	})
	if err != nil || wait == 0 {
		return answer, err
	}
	return s.waited(r, answer, wait)
}

// A bid is what a customer asks for, and what was found out about it.
type bid struct {
	request
	terms      contract.OrderCreated
	unverified bool  // whether there is such a user is not known
	refused    error // why it is not accepted now; nil: it is
}

// place accepts an order, unless it is refused. The same order under the same id of the
// client's own is the one that there is, as it was when it was accepted.
func (s *Service) place(tx *store.Tx, b bid) (row, error) {
	old, err := row{}, ErrUnknown
	if b.ID != nil {
		old, err = load(tx, b.terms.OrderID)
	}
	switch {
	case errors.Is(err, ErrUnknown) && b.refused != nil:
		return row{}, b.refused
	case errors.Is(err, ErrUnknown) && b.unverified:
		return s.receive(tx, b.terms)
	case errors.Is(err, ErrUnknown):
		return s.accept(tx, b.terms)
	case err != nil:
		return row{}, err
	case !b.same(old.Terms, b.terms):
		return row{}, door.Conflict("id_taken", "There is another order with this id.")
	}
	events, err := history(tx, b.terms.OrderID, old.Created)
	if err != nil {
		return row{}, err
	}
	return asOf(events)
}

// same reports whether q, whose terms are b, asks for what was accepted as a. Prices may
// have changed meanwhile, and b may have none.
func (q request) same(a, b contract.OrderCreated) bool {
	return a.UserID == b.UserID && a.Style == given(q.Style, a.Style) && a.Method == b.Method && a.Currency == given(q.Currency, a.Currency) &&
		slices.EqualFunc(a.Lines, b.Lines, func(x, y contract.Line) bool {
			return x.ProductID == y.ProductID && x.Quantity == y.Quantity
		})
}

// waited holds back the first answer until the order has ended. Whoever repeats the
// request gets the answer that was sent first.
func (s *Service) waited(r *http.Request, a door.Answer, limit time.Duration) (door.Answer, error) {
	if a.Status == http.StatusAccepted {
		closing := door.StandBy(r)
		last, err := s.await(r.Context(), strings.TrimPrefix(a.Location, path), limit, closing)
		if err != nil {
			return door.Answer{}, err
		}
		if last.State.ended() {
			a.Status, a.Body = http.StatusOK, last.document()
			if a, err = a.Tagged(last.Last.Version); err != nil {
				return door.Answer{}, err
			}
		}
		if a, err = door.Settle(r, s.DB, a); err != nil {
			return door.Answer{}, err
		}
	}
	if a.Status == http.StatusOK {
		if a.Header = a.Header.Clone(); a.Header == nil {
			a.Header = http.Header{}
		}
		a.Header.Set("Preference-Applied", fmt.Sprintf("wait=%d", int(limit.Seconds())))
	}
	return a, nil
}

// answer shows an order, with an ETag of all that is shown: its progress can change while
// its version stays. An answer that is repeated for an Idempotency-Key has none: it may be
// an old one.
func (r row) answer(status int) (door.Answer, error) {
	return door.Answer{Status: status, Body: r.document()}.Tagged(r.Last.Version)
}

// get shows an order as it is now.
func (s *Service) get(r *http.Request) (door.Answer, error) {
	found, err := s.read(r.Context(), r.PathValue("id"))
	if err != nil {
		return door.Answer{}, explain(err)
	}
	return found.answer(http.StatusOK)
}

// cancel calls an order off: 202 as long as money must still go back, or a charge may be
// under way of which payment has not said how it ended; 200 once nothing is owed. Whoever asks again gets the same, as far as the money has come by then.
func (s *Service) cancel(r *http.Request) (door.Answer, error) {
	id := r.PathValue("id")
	answer, err := door.Commit(r, s.DB, []string{id}, func(tx *store.Tx) (door.Answer, error) {
		called, err := s.callOff(tx, id)
		if errors.Is(err, ErrIllegal) {
			return door.Answer{}, over(tx, id)
		}
		if err != nil {
			return door.Answer{}, err
		}
		status := http.StatusOK
		if called.owing() {
			status = http.StatusAccepted
		}
		return called.answer(status)
	})
	return answer, explain(err)
}

// events tells the history of an order, and the order as it was at the end of it.
func (s *Service) events(r *http.Request) (door.Answer, error) {
	id, until := r.PathValue("id"), forever()
	// A plus sign of a time zone that was not escaped arrives as a space.
	if at := strings.ReplaceAll(r.URL.Query().Get("until"), " ", "+"); at != "" {
		var err error
		if until, err = time.Parse(time.RFC3339, at); err != nil {
			return door.Answer{}, door.BadRequest("", door.Field{Field: "until", Detail: "must be a time such as 2026-01-31T12:00:00Z"}).Cause("bad-time")
		}
	}
	var p past
	err := s.DB.View(r.Context(), func(tx *store.Tx) error {
		var err error
		p, err = remember(tx, id, until)
		return err
	})
	return door.Answer{Body: p}, explain(err)
}

// remember tells the history of an order until a time.
func remember(tx *store.Tx, id string, until time.Time) (past, error) {
	now, err := load(tx, id)
	if err != nil {
		return past{}, err
	}
	events, err := history(tx, id, until)
	if err != nil {
		return past{}, err
	}
	if len(events) == 0 {
		return past{}, ErrUnknown // not yet
	}
	// What is newer than the question must not show; else the row knows most.
	if until.Before(now.Last.Time) {
		if now, err = asOf(events); err != nil {
			return past{}, err
		}
	}
	p := past{Order: now.document()}
	for _, e := range events {
		p.Events = append(p.Events, shown(e, now.Terms.Currency))
	}
	return p, nil
}

// forever is later than every time of an event.
func forever() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// ofUser lists the orders of one user, who must be there, unless nobody can tell.
func (s *Service) ofUser(r *http.Request) (door.Answer, error) {
	user := r.PathValue("id")
	known := door.ValidID(user)
	if known {
		var err error
		known, err = s.Users.Known(r.Context(), user)
		if known = known || errors.Is(err, door.ErrAway); err != nil && !known {
			return door.Answer{}, err
		}
	}
	if !known {
		return door.Answer{}, door.NotFound("user")
	}
	return s.page(r, user, r.URL.Query().Get("status"))
}

// list lists the orders of all users, or of one.
func (s *Service) list(r *http.Request) (door.Answer, error) {
	q := r.URL.Query()
	return s.page(r, q.Get("userId"), q.Get("status"))
}

// page answers with one page of a list: the newest first, or with final=true those that
// ended first. A user or a status of nobody is an empty list.
func (s *Service) page(r *http.Request, user, status string) (door.Answer, error) {
	f := filter{user: user, status: status}
	var err error
	if f.limit, f.after, err = door.Page(r); err != nil {
		return door.Answer{}, err
	}
	if !slices.Contains([]State{"", Pending, Confirmed, Completed, Failed, Cancelled}, State(status)) {
		return door.Answer{}, door.Invalid(door.Field{Cause: "unknown-status", Field: "status", Detail: "is no status of an order"})
	}
	ended := r.URL.Query().Get("final")
	if !slices.Contains([]string{"", "true", "false"}, ended) {
		return door.Answer{}, door.BadRequest("", door.Field{Field: "final", Detail: "must be true or false"}).Cause("bad-parameter")
	}
	// Before the View, so that its snapshot has all that settled covers.
	settled, err := s.DB.Settled(r.Context())
	if err != nil {
		return door.Answer{}, err
	}
	var p page
	err = s.DB.View(r.Context(), func(tx *store.Tx) error {
		var err error
		if ended == "true" {
			p, err = final(tx, f, settled)
		} else {
			p, err = newest(tx, f)
		}
		return err
	})
	items := door.List[document]{Items: make([]document, len(p.rows))}
	for i, r := range p.rows {
		items.Items[i] = r.document()
	}
	if p.last != "" {
		items.Next = door.Cursor(p.last)
	}
	return door.Answer{Body: items}, err
}

// explain tells a customer what is wrong, where it is the customer's to know.
func explain(err error) error {
	if errors.Is(err, ErrUnknown) {
		return door.NotFound("order")
	}
	return err
}

// over is why an order is not called off any more.
func over(tx *store.Tx, id string) error {
	r, err := load(tx, id)
	if err != nil {
		return err
	}
	why := "it has ended"
	if r.State == Completed {
		why = "its parcel is on its way"
	}
	return door.Conflict("order_ended", fmt.Sprintf("The order is %s: %s, and it cannot be cancelled any more.", r.State, why))
}
