package order

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A street is the order service, and the databases of those whom it hears.
type street struct {
	*Service
	t     testing.TB
	logs  map[string]stream.Log
	other map[string]*store.DB
}

func newStreet(t testing.TB) *street {
	t.Helper()
	s := &street{t: t, logs: map[string]stream.Log{}, other: map[string]*store.DB{}}
	db, log := databases.WithLog(t, "order", Migrations())()
	s.Service, s.logs[contract.Orders] = &Service{DB: db}, log
	for _, name := range []string{contract.Payments, contract.Inventory, contract.Shipping} {
		s.other[name], s.logs[name] = databases.WithLog(t, name, nil)()
	}
	return s
}

// A word is a fact of another service about an order.
type word struct {
	log  string
	fact message.Kind
}

// said is what the others may say of an order, each in its own order.
func said(r *rand.Rand, id, style string) (words []word) {
	paid := word{contract.Payments, contract.PaymentProcessed{OrderID: id, Attempts: 1 + r.IntN(3), Amount: 240000, Currency: "USD"}}
	back := word{contract.Payments, contract.PaymentRefunded{OrderID: id, Attempts: 3, Amount: 240000, Currency: "USD"}}
	stock := word{contract.Inventory, contract.InventoryUpdated{OrderID: id}}
	out := word{contract.Inventory, contract.InventoryUpdateFailed{OrderID: id, Reason: contract.OutOfStock}}
	sent := word{contract.Shipping, contract.OrderShipped{OrderID: id, TrackingNumber: "T" + id}}
	there := word{contract.Shipping, contract.ShipmentDelivered{OrderID: id, TrackingNumber: "T" + id}}
	recall := word{contract.Shipping, contract.ShipmentRecalled{OrderID: id}}
	freed := word{contract.Inventory, contract.StockReleased{OrderID: id}}
	switch r.IntN(6) {
	case 0:
		words = []word{{contract.Payments, contract.PaymentFailed{OrderID: id, Attempts: 2, Reason: contract.PaymentDeclined}}}
		if style == contract.Parallel {
			words = append(words, stock, freed)
		}
		return words
	case 1:
		return []word{paid, out, back}
	case 2:
		return []word{paid, stock}
	case 3:
		return []word{paid, stock, sent, there}
	case 4:
		return []word{paid, paid, stock, stock, sent, sent}
	}
	return []word{paid, back, recall, freed} // it was called off
}

// live lets orders be placed, told of and called off in any order, while they are read.
func (s *street) live(seed uint64, from, to int) {
	s.t.Helper()
	r := rand.New(rand.NewPCG(seed, 2))
	var words []word
	keys := map[string]bool{}
	for i := from; i < to; i++ {
		id, style := fmt.Sprintf("o%d", i), []string{contract.Choreographed, contract.Parallel}[r.IntN(2)]
		keys[id] = true
		s.update(s.t, func(tx *store.Tx) error {
			of := terms(id)
			of.Style = style
			_, err := s.accept(tx, of)
			return err
		})
		all := said(r, id, style)
		if back := slices.ContainsFunc(all, func(w word) bool { _, is := w.fact.(contract.ShipmentRecalled); return is }); back || r.IntN(9) == 0 && len(all) == 2 {
			s.off(id)
		}
		at := 0 // words of one order keep their order, and others come between them
		for _, w := range all {
			at += r.IntN(len(words) - at + 1)
			words = slices.Insert(words, at, w)
			at++
		}
	}
	for len(words) > 0 {
		n := min(len(words), 1+r.IntN(40))
		for log, db := range s.other {
			s.tell(db, log, words[:n])
		}
		words = words[n:]
	}
}

// off is a customer who calls an order off, if that is still possible.
func (s *street) off(id string) {
	s.t.Helper()
	_, err := s.DB.Update(s.t.Context(), []string{id}, func(tx *store.Tx) error { _, err := s.callOff(tx, id); return err })
	if err != nil && !errors.Is(err, ErrIllegal) {
		s.t.Fatal(err)
	}
}

func (s *street) tell(db *store.DB, log string, words []word) {
	s.t.Helper()
	_, err := db.Update(s.t.Context(), nil, func(tx *store.Tx) error {
		for _, w := range words {
			if w.log != log {
				continue
			}
			m, err := message.Encode("", w.fact)
			if err != nil {
				return err
			}
			id := strings.Split(strings.SplitN(string(m.Body), `"orderId":"`, 2)[1], `"`)[0]
			if err := tx.Append(id, w.fact); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// reading runs the service's readers, and what else is given, while do runs.
func (s *street) reading(do func(), also ...func(context.Context) error) {
	s.t.Helper()
	process := &run.Process{Instance: "reads"}
	for log := range s.other {
		r := &stream.Reader{DB: s.DB, Log: s.logs[log], Name: log, Process: process}
		for _, h := range s.Streams() {
			if h.Log == log {
				r.Handlers = append(r.Handlers, h)
			}
		}
		also = append(also, r.Run)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run.All(ctx, also...) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	}()
	do()
}

// caughtUp waits until everything was read.
func (s *street) caughtUp() {
	s.t.Helper()
	for log := range s.other {
		s.wait(func() bool {
			at := make([]store.Position, store.Partitions)
			for p := range at {
				at[p] = store.Position{Partition: p, Seq: s.count(s.t, `SELECT COALESCE(MAX(seq), 0) FROM position WHERE log = $1 AND partition = $2`, log, p)}
			}
			n, err := s.logs[log].Behind(s.t.Context(), at)
			return err == nil && n == 0
		})
	}
}

func (s *street) wait(is func() bool) {
	s.t.Helper()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-deadline:
			s.t.Fatal("it does not come about")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *street) rebuilder() *projection.Rebuilder {
	return &projection.Rebuilder{Projection: s.Projection(), DB: s.DB, Logs: s.logs, Process: &run.Process{Instance: "rebuilds"}}
}

// rebuilt asks a rebuilder that runs, and waits for the end.
func (s *street) rebuilt(r *projection.Rebuilder, compare bool) (status projection.Status) {
	s.t.Helper()
	s.update(s.t, func(tx *store.Tx) error {
		_, err := r.Ask(tx, projection.Order{Who: "op", Compare: compare})
		return err
	})
	s.wait(func() bool {
		var err error
		if status, err = r.Status(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		return !status.Running()
	})
	return status
}

// all is every row, with what no event says.
func (s *street) all() string {
	s.t.Helper()
	var all strings.Builder
	err := s.DB.View(s.t.Context(), func(tx *store.Tx) error {
		all.Reset()
		rows, err := list(tx, `1 = 1 ORDER BY id`, nil)
		for _, r := range rows {
			fmt.Fprintf(&all, "%+v\n", r)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all.String()
}

// unlike are the lines of one text that the other has not.
func unlike(got, want string) string {
	var all []string
	for _, line := range strings.Split(got, "\n") {
		if !strings.Contains(want, line) {
			all = append(all, "got  "+line)
		}
	}
	for _, line := range strings.Split(want, "\n") {
		if !strings.Contains(got, line) {
			all = append(all, "want "+line)
		}
	}
	return strings.Join(all, "\n")
}

// Whatever was said in whatever order, the rows are what a rebuild makes of it, to the last
// column; while orders come and go, too.
func TestRebuildOrders(t *testing.T) {
	s := newStreet(t)
	r := s.rebuilder()
	s.reading(func() {
		s.live(1, 0, 150)
		s.caughtUp()
		if n := s.count(t, `SELECT count(*) FROM parked`); n > 0 {
			t.Fatalf("%d messages are parked: the story cannot be", n)
		}
		before := s.all()
		for _, compare := range []bool{true, false, false, true} {
			if got := s.rebuilt(r, compare); got.State != projection.Done || got.Digest != got.Live || got.Digest == "" || got.Exchanged == compare {
				t.Errorf("compare %v: %+v", compare, got)
			}
			if got := s.all(); got != before {
				t.Fatalf("it makes other rows\n%s", unlike(got, before))
			}
		}
		going := make(chan struct{})
		go func() { defer close(going); s.live(2, 150, 300) }()
		for n := 0; ; n++ {
			if got := s.rebuilt(r, n%4 == 3); got.State != projection.Done || got.Digest != got.Live {
				t.Errorf("rebuild %d while orders come: %+v", n, got)
			}
			select {
			case <-going:
				return
			default:
			}
		}
	}, r.Run)
	s.reading(s.caughtUp)
	before := s.all()
	s.reading(func() { s.rebuilt(r, false) }, r.Run)
	if got := s.all(); got != before || strings.Count(got, "\n") != 300 {
		t.Errorf("in the end it makes other rows\n%s", unlike(got, before))
	}
}

// Rows that are spoilt or gone are mended. One that is gone gets another place among the
// ended, behind all that customers have seen.
func TestRebuildMendsOrders(t *testing.T) {
	s := newStreet(t)
	s.reading(func() { s.live(3, 0, 60); s.caughtUp() })
	before := s.all()
	last := s.count(t, `SELECT max(ended) FROM orders`)
	r := s.rebuilder()
	s.reading(func() {
		for _, harm := range []string{`UPDATE orders SET total = total + 1 WHERE id = 'o7'`, `UPDATE orders SET payment_status = 'lost'`, `UPDATE orders SET status = 'pending', ended = NULL WHERE id = 'o9'`,
			`UPDATE orders SET lines = '[]'`} {
			if !strings.Contains(harm, "o9") || s.row(t, "o9").State.ended() {
				s.update(t, func(tx *store.Tx) error { return tx.Exec(harm) })
			}
			if got := s.rebuilt(r, false); got.State != projection.Done {
				t.Errorf("%s: %+v", harm, got)
			}
		}
		s.update(t, func(tx *store.Tx) error { return tx.Exec(`DELETE FROM orders WHERE ended = $1`, last) })
		if got := s.rebuilt(r, false); got.State != projection.Done || got.Digest == got.Live {
			t.Errorf("a row that is gone: %+v", got)
		}
	}, r.Run)
	strip := func(all string) string { // its place and its last change are new
		var kept []string
		for _, line := range strings.Split(all, "\n") {
			line, _, _ = strings.Cut(line, "Ended:")
			a, b, _ := strings.Cut(line, "Last:")
			_, b, _ = strings.Cut(b, "}")
			kept = append(kept, a+b)
		}
		return strings.Join(kept, "\n")
	}
	if got := s.all(); strip(got) != strip(before) {
		t.Errorf("it makes other rows\n%s", unlike(strip(got), strip(before)))
	}
	if got := s.count(t, `SELECT max(ended) FROM orders`); got <= last || s.count(t, `SELECT count(*) FROM journal WHERE seq = $1`, got) > 0 {
		t.Errorf("the new place is %d, the last one was %d", got, last)
	}
}
