package order

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

var (
	held    = contract.PaymentAuthorized{OrderID: "o", Attempts: 1}
	letGo   = contract.PaymentVoided{OrderID: "o", Attempts: 1}
	freed   = contract.StockReleased{OrderID: "o"}
	tooLate = overdue{} // the order's deadline, whichever step it waits at
)

// A passage is the way of an order: the messages that it hears, and what is left then.
type passage struct {
	name                   string
	hears                  []message.Kind
	status, saga           string
	said                   string // by the order, in order
	payment, stock, parcel string
}

func TestConductedOrder(t *testing.T) {
	s := open(t)
	begun := "OrderCreated ReserveStock"
	authorizing := begun + " AuthorizePayment"
	capturing := authorizing + " CapturePayment"
	shipping := capturing + " OrderConfirmed ShipOrder"
	for _, c := range []passage{
		{"accepted", nil, "pending", "running", begun, "pending", "pending", "pending"},
		{"has its stock", kindsOf(stocked), "pending", "running", authorizing, "pending", "reserved", "pending"},
		{"its money is held", kindsOf(stocked, held), "pending", "running", capturing, "authorized", "reserved", "pending"},
		{"paid", kindsOf(stocked, held, processed), "confirmed", "running", shipping, "captured", "reserved", "pending"},
		{"shipped", kindsOf(stocked, held, processed, onItsWay), "completed", "completed", shipping + " OrderCompleted", "captured", "reserved", "shipped"},
		{"out of stock", kindsOf(short), "failed out_of_stock", "undone", begun + " OrderFailed", "ended", "refused", "ended"},
		{"declined", kindsOf(stocked, declined), "pending", "undoing", authorizing + " ReleaseStock", "failed", "reserved", "pending"},
		{"declined, all undone", kindsOf(stocked, declined, freed), "failed payment_declined", "undone", authorizing + " ReleaseStock OrderFailed", "failed", "released", "ended"},
		{"not handed over", kindsOf(stocked, held, declined, letGo, freed), "failed payment_declined", "undone",
			capturing + " VoidPayment ReleaseStock OrderFailed", "failed", "released", "ended"},
		{"no stock in time", kindsOf(tooLate), "failed timed_out", "undone", begun + " ReleaseStock OrderFailed", "ended", "ended", "ended"},
		// Payment is not waited for, but inventory is.
		{"not held in time", kindsOf(stocked, tooLate), "pending", "undoing", authorizing + " VoidPayment ReleaseStock", "pending", "reserved", "pending"},
		{"not taken in time", kindsOf(stocked, held, tooLate, freed), "failed timed_out", "undone",
			capturing + " VoidPayment ReleaseStock OrderFailed", "ended", "released", "ended"},
		{"taken too late", kindsOf(stocked, held, tooLate, freed, processed), "failed timed_out", "undone",
			capturing + " VoidPayment ReleaseStock OrderFailed", "refunding", "released", "ended"},
		{"taken too late, and given back", kindsOf(stocked, held, tooLate, freed, processed, moneyBack), "failed timed_out", "undone",
			capturing + " VoidPayment ReleaseStock OrderFailed", "refunded", "released", "ended"},
		{"cancelled at once", kindsOf(cancel{}), "cancelled cancelled_by_customer", "closed", begun + " OrderCancelled", "ended", "ended", "ended"},
		{"cancelled while it is undone", kindsOf(stocked, declined, cancel{}), "cancelled cancelled_by_customer", "closed",
			authorizing + " ReleaseStock OrderCancelled", "failed", "reserved", "ended"},
		{"cancelled when paid", kindsOf(stocked, held, processed, cancel{}, moneyBack, freed), "cancelled cancelled_by_customer", "closed",
			shipping + " OrderCancelled", "refunded", "released", "ended"},
		{"delivered", kindsOf(stocked, held, processed, onItsWay, handedOver), "completed", "completed", shipping + " OrderCompleted", "captured", "reserved", "delivered"},
	} {
		t.Run(c.name, func(t *testing.T) { s.reads(t, contract.Orchestrated, c) })
	}
}

func TestJoinedOrder(t *testing.T) {
	s := open(t)
	for _, c := range []passage{
		{"paid first", kindsOf(processed), "pending", "", "OrderCreated", "captured", "pending", "pending"},
		{"stock first", kindsOf(stocked), "pending", "", "OrderCreated", "pending", "reserved", "pending"},
		{"both", kindsOf(stocked, processed), "confirmed", "", "OrderCreated OrderConfirmed ShipOrder", "captured", "reserved", "pending"},
		{"both, the other way round", kindsOf(processed, stocked), "confirmed", "", "OrderCreated OrderConfirmed ShipOrder", "captured", "reserved", "pending"},
		{"both, twice", kindsOf(processed, stocked, processed, stocked), "confirmed", "", "OrderCreated OrderConfirmed ShipOrder", "captured", "reserved", "pending"},
		{"shipped", kindsOf(processed, stocked, onItsWay), "completed", "", "OrderCreated OrderConfirmed ShipOrder OrderCompleted", "captured", "reserved", "shipped"},
		{"refused, then paid", kindsOf(short, processed), "failed out_of_stock", "", "OrderCreated OrderFailed", "refunding", "refused", "ended"},
		{"paid, then refused, and given back", kindsOf(processed, short, moneyBack), "failed out_of_stock", "", "OrderCreated OrderFailed", "refunded", "refused", "ended"},
		{"declined, then reserved", kindsOf(declined, stocked, freed), "failed payment_declined", "", "OrderCreated OrderFailed", "failed", "released", "ended"},
		{"refused by both", kindsOf(declined, short), "failed payment_declined", "", "OrderCreated OrderFailed", "failed", "refused", "ended"},
		{"too late", kindsOf(stocked, expire{}, processed), "failed timed_out", "", "OrderCreated OrderFailed", "refunding", "reserved", "ended"},
		{"cancelled", kindsOf(stocked, cancel{}, freed, letGo), "cancelled cancelled_by_customer", "", "OrderCreated OrderCancelled", "voided", "released", "ended"},
	} {
		t.Run(c.name, func(t *testing.T) { s.reads(t, contract.Parallel, c) })
	}
}

func kindsOf(all ...message.Kind) []message.Kind { return all }

// reads places an order and lets it hear what c says, each message twice.
func (s *Service) reads(t *testing.T, style string, c passage) {
	t.Helper()
	id := style + " " + c.name
	s.update(t, func(tx *store.Tx) error {
		of := terms(id)
		of.Style = style
		_, err := s.accept(tx, of)
		return err
	})
	for _, m := range c.hears {
		if _, late := m.(overdue); late {
			m = overdue{saga.Deadline{ID: id}}
		}
		s.update(t, func(tx *store.Tx) error {
			_, err := s.take(tx, id, m)
			return err
		})
		before := s.row(t, id)
		s.update(t, func(tx *store.Tx) error {
			_, err := s.take(tx, id, m)
			return err
		})
		if after := s.row(t, id); after.State != before.State || after.progress != before.progress {
			t.Errorf("%s for the second time changed %+v to %+v", m.Kind(), before, after)
		}
	}
	r := s.row(t, id)
	if got := strings.TrimSpace(string(r.State) + " " + r.Reason); got != c.status {
		t.Errorf("status: got %s, want %s", got, c.status)
	}
	if got := []string{r.Payment, r.Stock, r.Shipment}; !slices.Equal(got, []string{c.payment, c.stock, c.parcel}) {
		t.Errorf("payment, stock, parcel: got %v, want %v", got, []string{c.payment, c.stock, c.parcel})
	}
	var said []string
	var stands string
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Row([]any{&stands}, `SELECT state FROM saga WHERE id = $1`, id); err != nil {
			return err
		}
		return tx.Rows(`SELECT kind FROM journal WHERE key = $1 ORDER BY seq`, []any{id}, func(scan func(...any) error) error {
			var kind string
			err := scan(&kind)
			said = append(said, kind)
			return err
		})
	})
	if err != nil || stands != c.saga {
		t.Errorf("saga: got %q, %v; want %q", stands, err, c.saga)
	}
	if got := strings.Join(said, " "); got != c.said {
		t.Errorf("said: got  %s\n      want %s", got, c.said)
	}
	s.checkSound(t, id)
}

// An order that is cancelled says where it stood, and one that was being undone already why.
func TestWhereACancelledOrderStood(t *testing.T) {
	s := open(t)
	for id, c := range map[string]struct {
		hears       []message.Kind
		turned, why string
	}{
		"at once":         {nil, "reserve stock", "OrderCancelled"},
		"paid":            {kindsOf(stocked, held, processed), "ship", "OrderCancelled"},
		"as it is undone": {kindsOf(stocked, declined), "authorize payment", "PaymentFailed"},
	} {
		s.update(t, func(tx *store.Tx) error {
			of := terms(id)
			of.Style = contract.Orchestrated
			_, err := s.accept(tx, of)
			return err
		})
		s.hears(t, id, c.hears...)
		s.calledOff(t, id)
		i, err := s.Saga().Definition().Show(t.Context(), s.DB, id)
		if err != nil || i.State != saga.Closed || i.Turned != c.turned || i.Why != c.why || i.Step != "" {
			t.Errorf("%s: got %+v, %v; want it closed at %s by %s", id, i, err, c.turned, c.why)
		}
	}
}

func TestSagaIsSound(t *testing.T) {
	s := open(t)
	if err := s.Saga().Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// An operator calls an order off as its customer would, and what also is to be stored is in
// the same commit.
func TestOperatorCallsOff(t *testing.T) {
	s := open(t)
	for id, hears := range map[string][]message.Kind{"open": kindsOf(stocked), "gone": kindsOf(stocked, held, processed, onItsWay)} {
		s.update(t, func(tx *store.Tx) error {
			of := terms(id)
			of.Style = contract.Orchestrated
			_, err := s.accept(tx, of)
			return err
		})
		s.hears(t, id, hears...)
	}
	also := 0
	count := func(*store.Tx, saga.Outcome) error { also++; return nil }
	if _, err := s.Saga().Cancel(t.Context(), "open", saga.CalledOff{}, count); err != nil || also == 0 {
		t.Errorf("open: %v, %d", err, also)
	}
	if got := s.row(t, "open"); got.State != Cancelled {
		t.Errorf("open: got %s", got.State)
	}
	also = 0
	if _, err := s.Saga().Cancel(t.Context(), "gone", saga.CalledOff{}, count); !errors.Is(err, saga.ErrIllegal) || also != 0 {
		t.Errorf("gone: got %v, %d; want ErrIllegal", err, also)
	}
	if _, err := s.Saga().Cancel(t.Context(), "unheard of", saga.CalledOff{}, count); !errors.Is(err, saga.ErrUnknown) {
		t.Errorf("unheard of: got %v, want ErrUnknown", err)
	}
}
