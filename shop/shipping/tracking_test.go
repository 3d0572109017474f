package shipping

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A clock is a carrier's, and tests turn it.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// turned returns a service whose carrier's clock can be turned.
func turned(t testing.TB) (*Service, *clock) {
	t.Helper()
	c := &clock{now: time.Now()}
	return &Service{DB: database(t), Carrier: Courier{Now: c.Now}}, c
}

// send puts parcels on their way, wanted at a time.
func (s *Service) sends(t testing.TB, wanted time.Time, orders ...string) {
	t.Helper()
	for _, o := range orders {
		s.hears(t, o, stocked, func(id string) message.Kind { return label{OrderID: id, Wanted: wanted} })
	}
}

func (s *Service) update(t testing.TB, keys []string, change func(*store.Tx) error) {
	t.Helper()
	if _, err := s.DB.Update(t.Context(), keys, change); err != nil {
		t.Fatal(err)
	}
}

// waiting returns the work that waits, if there is any.
func (s *Service) waiting(t testing.TB) (m message.Message, due time.Time, there bool) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) (err error) {
		there, err = tx.Row([]any{&m.ID, &m.Kind, &m.Key, &m.Body, &due}, `SELECT id, kind, key, body, due FROM job WHERE queue = 'shipping_tracking'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, due, there
}

// turn does the work that waits as if its time had come, as a worker would, and reports
// whether there was any.
func (s *Service) turn(t testing.TB, c *clock) bool {
	t.Helper()
	if n := s.number(t, `SELECT count(*) FROM job WHERE queue = 'shipping_tracking'`); n > 1 {
		t.Fatalf("%d times the one work", n)
	}
	m, due, there := s.waiting(t)
	if !there {
		return false
	}
	c.now = later(c.now, due)
	outcome, err := s.Queues()[1].Call(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	s.recorded(t, m, outcome)
	return true
}

// recorded acknowledges the work and stores what came of it.
func (s *Service) recorded(t testing.TB, m message.Message, outcome any) {
	t.Helper()
	s.update(t, []string{m.Key}, func(tx *store.Tx) error {
		if err := s.Queues()[1].Record(t.Context(), tx, m, outcome); err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM job WHERE id = $1`, m.ID)
	})
}

func (s *Service) shipment(t testing.TB, order string) (p shipment) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) (err error) {
		p, err = load(tx, order)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *Service) ensured(t testing.TB) {
	t.Helper()
	if err := s.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Parcels arrive as the clock is turned; one that is called back comes back. When all are
// at rest, no work is left.
func TestParcelsMove(t *testing.T) {
	s, c := turned(t)
	s.sends(t, c.now, "a", "b", "c", "d")
	s.ensured(t)
	var at []status
	for turns := 0; s.turn(t, c); turns++ {
		if turns > 100 {
			t.Fatal("the parcels never arrive")
		}
		p := s.shipment(t, "b")
		if p.status == shipped && !p.way.at(InTransit).IsZero() {
			s.hears(t, "b", cancelled)
			s.ensured(t)
		}
		if p := s.shipment(t, "a"); len(at) == 0 || at[len(at)-1] != p.status {
			at = append(at, p.status)
		}
	}
	if want := []status{shipped, delivered}; !reflect.DeepEqual(at, want) {
		t.Errorf("a was %v, want %v", at, want)
	}
	for order, want := range map[string]struct {
		status    status
		delivered int64
		last      Step
		steps     int
	}{"a": {delivered, 1, Delivered, 4}, "b": {returned, 0, Returned, 3}, "c": {delivered, 1, Delivered, 4}, "d": {delivered, 1, Delivered, 4}} {
		p := s.shipment(t, order)
		n := 0
		for _, at := range p.way {
			if !at.IsZero() {
				n++
			}
		}
		if p.status != want.status || s.said(t, "ShipmentDelivered", order) != want.delivered || p.way.at(want.last).IsZero() || n != want.steps || !p.moves.IsZero() {
			t.Errorf("%s: got %+v, delivered %d; want %+v", order, p, s.said(t, "ShipmentDelivered", order), want)
		}
	}
	if s.ensured(t); s.turn(t, c) {
		t.Error("work is left for parcels that are at rest")
	}
}

// What is said of a delivery is the number on the parcel, and the carrier's time.
func TestDeliveryIsSaid(t *testing.T) {
	s, c := turned(t)
	s.sends(t, c.now, "o")
	for s.ensured(t); s.turn(t, c); {
	}
	m := message.Message{Kind: "ShipmentDelivered"}
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&m.Body}, `SELECT body FROM journal WHERE kind = 'ShipmentDelivered' AND key = 'o'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := message.Decode[contract.ShipmentDelivered](m)
	if err != nil {
		t.Fatal(err)
	}
	p := s.shipment(t, "o")
	if want := (contract.ShipmentDelivered{OrderID: "o", TrackingNumber: p.label.Tracking, DeliveredAt: p.way.at(Delivered).UTC()}); got.Data != want {
		t.Errorf("got %+v, want %+v", got.Data, want)
	}
}

// However many parcels move at once, a commit has a chunk of them, and the next one
// follows at once.
func TestManyParcelsMoveInChunks(t *testing.T) {
	s, c := turned(t)
	s.update(t, nil, func(tx *store.Tx) error {
		for i := range 2*chunk + 50 {
			p := shipment{order: fmt.Sprintf("o%03d", i), status: shipped, label: Label{Tracking: fmt.Sprint(i), Pickup: tx.Now.Add(-10 * 24 * time.Hour)}, shipped: tx.Now, moves: tx.Now.Add(-time.Minute)}
			if err := insert(tx, p); err != nil {
				return err
			}
			if err := save(tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	s.ensured(t)
	for _, want := range []int64{chunk, 2 * chunk, 2*chunk + 50} {
		s.turn(t, c)
		if got := s.number(t, `SELECT count(*) FROM shipment WHERE status = 'delivered'`); got != want {
			t.Errorf("%d are delivered, want %d", got, want)
		}
		if _, due, there := s.waiting(t); there && due.After(time.Now()) {
			t.Errorf("the next ones are moved at %v", due)
		}
	}
	if s.turn(t, c) {
		t.Error("there is more to do")
	}
}

// The work is there when it is needed, and whoever has it is left alone.
func TestWorkIsEnsured(t *testing.T) {
	const gone, first, second = -time.Hour, time.Hour, 2 * time.Hour
	for _, c := range []struct {
		name  string
		moves time.Duration // from now; 0: no parcel moves
		job   time.Duration // due, from now; 0: there is none
		set   string        // of the job
		want  time.Duration // 0: none
	}{
		{"nothing moves", 0, 0, "", 0},
		{"it is not there", first, 0, "", first},
		{"it is not there, and overdue", gone, 0, "", time.Nanosecond},
		{"it is there", first, first, "", first},
		{"it is there sooner", second, first, "", first},
		{"it is due too late", first, second, "", first},
		{"it is due, later than what has moved", gone, gone / 2, "", gone / 2},
		{"it is out", first, second, "lease = 'x'", second},
		{"it was put off", first, second, "past = '{}'", second},
		{"it is dead", first, second, "dead = 1", second},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := turned(t)
			var now time.Time
			s.update(t, nil, func(tx *store.Tx) error {
				now = tx.Now
				p := shipment{order: "o", status: shipped}
				if err := insert(tx, p); err != nil {
					return err
				}
				if c.moves != 0 {
					p.moves = now.Add(c.moves)
				}
				if c.job != 0 {
					if err := tx.SendAs(theTracking, now.Add(c.job), theTracking, track{}); err != nil {
						return err
					}
				}
				return save(tx, p)
			})
			if c.set != "" {
				s.update(t, nil, func(tx *store.Tx) error { return tx.Exec(`UPDATE job SET ` + c.set) })
			}
			for range 2 {
				s.ensured(t)
				_, due, there := s.waiting(t)
				if there != (c.want != 0) {
					t.Fatalf("it is there: %v", there)
				}
				if got := due.Sub(now); there && (got-c.want).Abs() > time.Minute {
					t.Errorf("it is due in %v, want %v", got, c.want)
				}
			}
		})
	}
}

// A worker finds nothing to take between the look at the work and its replacement: it would
// be told later that its lease has ended.
func TestWorkIsNotTakenFromAWorker(t *testing.T) {
	s, _ := turned(t)
	s.update(t, nil, func(tx *store.Tx) error { return tx.SendAs(theTracking, tx.Now, theTracking, track{}) })
	table := queue.Table{DB: s.DB}
	if !s.DB.Alone() {
		table.Skip = ` FOR UPDATE SKIP LOCKED`
	}
	s.update(t, []string{theTracking}, func(tx *store.Tx) error {
		if err := hasten(tx); err != nil || s.DB.Alone() { // which has one writer at a time
			return err
		}
		got, err := table.Receive(t.Context(), Tracking, 1)
		if len(got) != 0 {
			t.Error("a worker took it")
		}
		return err
	})
	if got, err := table.Receive(t.Context(), Tracking, 1); len(got) != 1 || err != nil {
		t.Errorf("afterwards: got %v, %v; want the work", got, err)
	}
	s.update(t, []string{theTracking}, hasten)
	if n := s.number(t, `SELECT count(*) FROM job WHERE lease <> ''`); n != 1 {
		t.Error("the lease of the worker has ended")
	}
}

// Instances that start together send the work once.
func TestWorkIsSentOnce(t *testing.T) {
	s, c := turned(t)
	s.sends(t, c.now, "o")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.ensure(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := s.number(t, `SELECT count(*) FROM job WHERE queue = 'shipping_tracking'`); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

// While a service runs, parcels have somebody to ask about them; and it ends when told to.
func TestRun(t *testing.T) {
	s, c := turned(t)
	s.sends(t, c.now, "o")
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for there := false; !there && ctx.Err() == nil; {
		_, _, there = s.waiting(t)
	}
	if ctx.Err() != nil {
		t.Error("nobody sent the work")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A parcel that is recalled while the carrier is asked about it is not delivered by the
// answer.
func TestRecalledWhileTheCarrierIsAsked(t *testing.T) {
	s, c := turned(t)
	s.sends(t, c.now.AddDate(0, -1, 0), "o", "p")
	s.ensured(t)
	m, _, _ := s.waiting(t)
	answer, err := s.Queues()[1].Call(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	s.hears(t, "o", cancelled)
	s.recorded(t, m, answer)
	if got := []status{s.status(t, "o"), s.status(t, "p")}; !reflect.DeepEqual(got, []status{recalled, delivered}) {
		t.Fatalf("got %v", got)
	}
	if n := s.said(t, "ShipmentDelivered", "o"); n != 0 {
		t.Errorf("it was said to be delivered %d times", n)
	}
	for s.ensured(t); s.turn(t, c); {
	}
	if got := s.status(t, "o"); got != returned {
		t.Errorf("it is %s, want it back", got)
	}
}

// What was stored once is not stored again when the work is done twice.
func TestAnswerTwice(t *testing.T) {
	s, c := turned(t)
	s.sends(t, c.now.AddDate(0, -1, 0), "o")
	s.ensured(t)
	m, _, _ := s.waiting(t)
	answer, err := s.Queues()[1].Call(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	s.recorded(t, m, answer)
	before := s.shipment(t, "o")
	s.recorded(t, m, answer)
	if after := s.shipment(t, "o"); !reflect.DeepEqual(after, before) || s.said(t, "ShipmentDelivered", "o") != 1 {
		t.Errorf("got %+v, then %+v", before, after)
	}
}

// A silent one is a carrier that answers badly.
type silent struct {
	Courier
	journeys []Journey
	err      error
}

func (s silent) Track(context.Context, []Waybill) ([]Journey, error) { return s.journeys, s.err }

// A carrier that does not answer is asked until it does: the work never dies of it.
func TestCarrierThatDoesNotAnswer(t *testing.T) {
	away := errors.New("away")
	for _, c := range []silent{{err: away}, {}, {journeys: make([]Journey, 2)}} {
		s, clock := turned(t)
		s.Carrier = c
		s.sends(t, clock.now.AddDate(0, -1, 0), "o")
		s.ensured(t)
		m, _, _ := s.waiting(t)
		_, err := s.Queues()[1].Call(t.Context(), m)
		next := failure.Policy{Attempts: 1}.Judge(failure.History{}, clock.now, err)
		if err == nil || next.Dead || !next.Retry.Equal(clock.now.Add(patience)) {
			t.Errorf("%v: got %v, %+v; want it again in %v", c.err, err, next, patience)
		}
		if c.err != nil && !errors.Is(err, away) {
			t.Errorf("got %v, want its cause", err)
		}
	}
}

// A carrier that is at a loss, or whose clock is behind ours, is asked again after a pause
// and not at once.
func TestNobodySpins(t *testing.T) {
	for _, v := range []struct {
		name string
		next time.Time
		want time.Duration
	}{{"no time", time.Time{}, loss}, {"a time that is past", time.Now().AddDate(0, 0, -1), pause}} {
		s, c := turned(t)
		s.Carrier = silent{journeys: []Journey{{Next: v.next}}}
		s.sends(t, c.now.AddDate(0, -1, 0), "o")
		s.ensured(t)
		before := time.Now()
		s.turn(t, c)
		if _, due, there := s.waiting(t); !there || due.Before(before.Add(v.want-time.Second/2)) || due.After(before.Add(v.want+30*time.Second)) {
			t.Errorf("%s: asked again at %v, there %v", v.name, due, there)
		}
	}
}

// What a carrier tells is taken in the order in which it happened, each step once.
func TestFollow(t *testing.T) {
	sent := at(t, "2026-11-19 12:00")
	hour := func(n int) time.Time { return sent.Add(time.Duration(n) * time.Hour) }
	for _, c := range []struct {
		name   string
		status status
		scans  []Scan
		want   way
		then   status
	}{
		{"nothing", shipped, nil, way{}, shipped},
		{"in order", shipped, []Scan{{PickedUp, hour(1)}, {InTransit, hour(2)}}, way{hour(1), hour(2)}, shipped},
		{"to the end", shipped, []Scan{{PickedUp, hour(1)}, {Delivered, hour(2)}}, way{0: hour(1), 3: hour(2)}, delivered},
		{"twice", shipped, []Scan{{PickedUp, hour(1)}, {PickedUp, hour(2)}}, way{hour(1)}, shipped},
		{"before it was sent", shipped, []Scan{{PickedUp, hour(-1)}, {InTransit, hour(-2)}}, way{hour(0), hour(0)}, shipped},
		{"a clock that steps back", shipped, []Scan{{PickedUp, hour(3)}, {InTransit, hour(2)}}, way{hour(3), hour(3)}, shipped},
		{"a step of its own", shipped, []Scan{{"customs", hour(1)}, {InTransit, hour(2)}}, way{1: hour(2)}, shipped},
		{"handed over in spite of the recall", recalled, []Scan{{Delivered, hour(1)}}, way{3: hour(1)}, recalled},
		{"back", recalled, []Scan{{PickedUp, hour(1)}, {Returned, hour(2)}}, way{0: hour(1), 4: hour(2)}, returned},
		{"back of its own accord", shipped, []Scan{{Returned, hour(2)}}, way{4: hour(2)}, shipped},
	} {
		p := shipment{status: c.status, shipped: sent}
		for range 2 {
			p.follow(Journey{Scans: c.scans})
			if p.way != c.want || p.status != c.then {
				t.Errorf("%s: got %v %v, want %v %v", c.name, p.status, p.way, c.then, c.want)
			}
		}
	}
}

func TestOverdue(t *testing.T) {
	s, c := turned(t)
	s.sends(t, c.now, "o", "p")
	for when, want := range map[time.Time]int64{c.now: 0, c.now.AddDate(0, 0, 7): 2} {
		if got, err := s.overdue(t.Context(), when); err != nil || got != want {
			t.Errorf("at %v: got %d (%v), want %d", when, got, err, want)
		}
	}
}
