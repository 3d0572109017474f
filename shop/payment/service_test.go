package payment

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A bench is a service on a real database, with nothing running.
type bench struct {
	*testing.T
	*Service
	place func() *store.DB
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, place: databases.Place(t, "payment", Migrations())}
	b.Service = &Service{DB: b.place()}
	return b
}

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestBindIsForEver":                TestBindIsForEver,
		"TestMethods":                      TestMethods,
		"TestRefundOnce":                   TestRefundOnce,
		"TestKeyStoredBeforeCall":          TestKeyStoredBeforeCall,
		"TestCrashAroundCall":              TestCrashAroundCall,
		"TestStateTimesMessage":            TestStateTimesMessage,
		"TestOrderThatPaymentCannotTake":   TestOrderThatPaymentCannotTake,
		"TestStylesThatPaymentTakes":       TestStylesThatPaymentTakesByItself,
		"TestDatabaseFromBeforeHolds":      TestDatabaseFromBeforeHolds,
		"TestLedgerConstraints":            TestLedgerConstraints,
		"TestMethodsInTwoSteps":            TestMethodsInTwoSteps,
		"TestVoidAtEachMoment":             TestVoidAtEachMoment,
		"TestHoldPostsNothing":             TestHoldPostsNothing,
		"TestCaptureHasTriesOfItsOwn":      TestCaptureHasTriesOfItsOwn,
		"TestStockRefusedByStyle":          TestStockRefusedByStyle,
		"TestCrashAroundEachStep":          TestCrashAroundEachStep,
		"TestMoneyBalancesWhateverHappens": TestMoneyBalancesWhateverHappens,
		"TestShow":                         TestShow,
		"TestShowInTwoSteps":               TestShowInTwoSteps,
		"TestForgottenHolds":               TestForgottenHolds,
		"TestNoFalseAlarmAboutHolds":       TestNoFalseAlarmAboutHolds,
		"TestOpenMeansWait":                TestOpenMeansWait,
		"TestDeadlineWhileOpen":            TestDeadlineWhileOpen,
		"TestDiscrepancies":                TestDiscrepancies,
		"TestNoFalseAlarm":                 TestNoFalseAlarm,
		"TestOnItsWayIsNotWrong":           TestOnItsWayIsNotWrong,
		"TestManyDiscrepancies":            TestManyDiscrepancies,
		"TestReconciliationGoesOnForEver":  TestReconciliationGoesOnForEver,
	})
}

// restart closes the database and opens it again.
func (b *bench) restart() {
	b.Helper()
	if err := b.DB.Close(); err != nil {
		b.Fatal(err)
	}
	b.DB = b.place()
}

// hear gives a fact to its handler, as a reader would.
func (b *bench) hear(fact message.Kind, orderID string) error {
	b.Helper()
	m, err := message.Encode(orderID, fact)
	if err != nil {
		b.Fatal(err)
	}
	for _, h := range b.Streams() {
		if h.Kind == m.Kind {
			_, err := b.DB.Update(b.Context(), []string{orderID}, func(tx *store.Tx) error { return h.Handle(context.Background(), tx, m) })
			return err
		}
	}
	b.Fatalf("nobody takes %s", m.Kind)
	return nil
}

// answer records the answer to a call, as a worker would.
func (b *bench) answer(work message.Work, o Outcome) error {
	b.Helper()
	m, err := message.Encode("o", work)
	if err != nil {
		b.Fatal(err)
	}
	for _, h := range b.Queues() {
		if h.Kind == m.Kind {
			_, err := b.DB.Update(b.Context(), []string{"o"}, func(tx *store.Tx) error {
				return h.Record(context.Background(), tx, m, told{m.Kind, Answer{Outcome: o, Reference: "ref"}})
			})
			return err
		}
	}
	b.Fatalf("nobody does %s", m.Kind)
	return nil
}

// exec changes the database by hand.
func (b *bench) exec(query string, args ...any) {
	b.Helper()
	if _, err := b.DB.Update(b.Context(), nil, func(tx *store.Tx) error { return tx.Exec(query, args...) }); err != nil {
		b.Fatal(err)
	}
}

// read returns the first column of all rows, joined.
func (b *bench) read(query string, args ...any) string {
	b.Helper()
	var all []string
	err := b.DB.View(b.Context(), func(tx *store.Tx) error {
		return tx.Rows(query, args, func(scan func(...any) error) error {
			var s string
			err := scan(&s)
			all = append(all, s)
			return err
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	return strings.Join(all, ",")
}

func created(orderID, method string) contract.OrderCreated {
	return contract.OrderCreated{OrderID: orderID, UserID: "1", Style: "choreographed", Total: 2500, Currency: "USD", Method: method,
		Lines: []contract.Line{{ProductID: "1", Name: "Laptop", Quantity: 1, UnitPrice: 2500}}}
}

func toHold(orderID, method string) contract.AuthorizePayment {
	o := created(orderID, method)
	return contract.AuthorizePayment{OrderID: orderID, Style: contract.Orchestrated, Amount: o.Total, Currency: o.Currency, Method: method, Lines: o.Lines}
}

func asked() task {
	return task{Charge: Charge{Key: "pay-o", OrderID: "o", Amount: 2500, Currency: "USD", Method: "ok"}}
}

func TestOrderThatPaymentCannotTake(t *testing.T) {
	for name, change := range map[string]func(*contract.OrderCreated){
		"unknown style": func(o *contract.OrderCreated) { o.Style = "baroque" },
		"no style":      func(o *contract.OrderCreated) { o.Style = "" },
		"no total":      func(o *contract.OrderCreated) { o.Total = 0 },
		"no id":         func(o *contract.OrderCreated) { o.OrderID = "" },
	} {
		b := newBench(t)
		o := created("o", "ok")
		change(&o)
		err := b.hear(o, "o")
		if err == nil || !(failure.Policy{}).Judge(failure.History{}, time.Now(), err).Dead {
			t.Errorf("%s: got %v, want it dead at once", name, err)
		}
		if got := b.read(`SELECT order_id FROM payment`); got != "" {
			t.Errorf("%s: %q was stored", name, got)
		}
	}
}

// Payment acts by itself but where the order conducts: there it waits to be asked.
func TestStylesThatPaymentTakesByItself(t *testing.T) {
	for style, want := range map[string]string{contract.Choreographed: "wanted", contract.Parallel: "wanted", contract.Orchestrated: ""} {
		b := newBench(t)
		o := created("o", "ok")
		o.Style = style
		b.must(b.hear(o, "o"))
		if got := b.read(`SELECT status FROM payment`); got != want {
			t.Errorf("%s: got %q, want %q", style, got, want)
		}
	}
}

// The database itself refuses to take money twice, or to book one leg only.
func TestLedgerConstraints(t *testing.T) {
	for name, values := range map[string]string{
		"second capture": `('x', 'o', 'capture', 'provider', 'sales:USD', 2500, 'USD', 0)`,
		"no amount":      `('x', 'o', 'refund', 'sales:USD', 'provider', 0, 'USD', 0)`,
		"one account":    `('x', 'o', 'refund', 'provider', 'provider', 2500, 'USD', 0)`,
	} {
		b := newBench(t)
		for _, err := range []error{b.hear(created("o", "ok"), "o"), b.answer(charge{asked()}, Captured)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err := b.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
			return tx.Exec(`INSERT INTO entry (id, order_id, kind, debit, credit, amount, currency, at) VALUES ` + values)
		})
		if err == nil {
			t.Errorf("%s was stored", name)
		}
	}
}
