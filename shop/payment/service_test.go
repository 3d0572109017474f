package payment

import (
	"context"
	"errors"
	"fmt"
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
		"TestLedgerConstraints":            TestLedgerConstraints,
		"TestMoneyBalancesWhateverHappens": TestMoneyBalancesWhateverHappens,
		"TestShow":                         TestShow,
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

func asked() task {
	return task{Charge: Charge{Key: "pay-o", OrderID: "o", Amount: 2500, Currency: "USD", Method: "ok"}}
}

// A step is a message of TestStateTimesMessage.
type step struct {
	name string
	do   func(*bench) error
}

func steps() []step {
	fact := func(k message.Kind) step {
		return step{k.Kind(), func(b *bench) error { return b.hear(k, "o") }}
	}
	answer := func(work message.Work, o Outcome) step {
		return step{fmt.Sprintf("%s %s", work.Kind(), o), func(b *bench) error { return b.answer(work, o) }}
	}
	return []step{
		fact(created("o", "ok")), fact(contract.InventoryUpdateFailed{OrderID: "o"}), fact(contract.OrderFailed{OrderID: "o"}), fact(contract.OrderCancelled{OrderID: "o"}),
		answer(charge{asked()}, Captured), answer(charge{asked()}, Declined), answer(charge{asked()}, Unavailable), answer(charge{asked()}, Unknown),
		{"charge exhausted", func(b *bench) error { b.Tries = 1; return b.answer(charge{asked()}, Unavailable) }},
		answer(lookup{asked()}, Captured), answer(lookup{asked()}, NotFound), answer(lookup{asked()}, Unknown),
		answer(void{asked()}, Voided), answer(void{asked()}, Captured), answer(void{asked()}, Unavailable),
		answer(refund{asked()}, Refunded), answer(refund{asked()}, Unknown),
	}
}

// roads lead to a state, by the messages that lead there in life.
func roads() map[state][]string {
	return map[state][]string{
		none:      {},
		wanted:    {"OrderCreated"},
		closing:   {"OrderCreated", "OrderFailed"},
		captured:  {"OrderCreated", "charge captured"},
		failed:    {"OrderCreated", "charge declined"},
		refunding: {"OrderCreated", "charge captured", "InventoryUpdateFailed"},
		refunded:  {"OrderCreated", "charge captured", "InventoryUpdateFailed", "refund refunded"},
		ended:     {"OrderCancelled"},
	}
}

// outcomes say what every message does in every state: the new state, with a ! once the
// order is over, then what is to be called, said and booked. A dot: nothing changes. An
// x: it cannot happen, and is refused for good.
const outcomes = `
                       none           wanted                             closing                    captured           failed                    refunding                         refunded          ended
OrderCreated           wanted+charge  .                                  .                          .                  .                         .                                 .                 .
InventoryUpdateFailed  ended!         wanted!                            .                          refunding!+refund  failed!                   .                                 .                 .
OrderFailed            ended!         wanted!                            .                          refunding!+refund  failed!                   .                                 .                 .
OrderCancelled         ended!         wanted!                            .                          refunding!+refund  failed!                   .                                 .                 .
charge.captured        x              captured+PaymentProcessed+capture  refunding!+refund+capture  .                  refunding+refund+capture  .                                 .                 x
charge.declined        x              failed+PaymentFailed               failed!+PaymentFailed      .                  .                         .                                 .                 x
charge.unavailable     x              wanted+charge                      wanted!+void               .                  .                         .                                 .                 x
charge.exhausted       x              wanted+void                        wanted!+void               .                  .                         .                                 .                 x
charge.unknown         x              wanted+lookup                      wanted!+lookup             .                  .                         .                                 .                 x
lookup.captured        x              captured+PaymentProcessed+capture  refunding!+refund+capture  .                  refunding+refund+capture  .                                 .                 refunding!+refund+capture
lookup.not_found       x              wanted+charge                      wanted!+void               .                  .                         .                                 .                 .
lookup.unknown         x              wanted+lookup                      wanted!+lookup             captured+lookup    failed+lookup             refunding!+lookup                 refunded!+lookup  ended!+lookup
void.voided            x              failed+PaymentFailed               failed!+PaymentFailed      .                  .                         .                                 .                 x
void.captured          x              captured+PaymentProcessed+capture  refunding!+refund+capture  .                  refunding+refund+capture  .                                 .                 x
void.unavailable       x              wanted+void                        wanted!+void               captured+void      failed+void               refunding!+void                   refunded!+void    x
refund.refunded        x              x                                  x                          x                  x                         refunded!+PaymentRefunded+refund  .                 x
refund.unknown         x              wanted+refund                      wanted!+refund             captured+refund    failed+refund             refunding!+refund                 refunded!+refund  x
`

func TestStateTimesMessage(t *testing.T) {
	lines := strings.Split(strings.Trim(outcomes, "\n"), "\n")
	states := strings.Fields(lines[0])
	byName := map[string]step{}
	for _, s := range steps() {
		byName[s.name] = s
	}
	if len(lines)-1 != len(byName) || len(states) != len(allStates()) {
		t.Fatalf("outcomes has %d messages and %d states, want %d and %d", len(lines)-1, len(states), len(byName), len(allStates()))
	}
	b := newBench(t)
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		name := strings.Replace(cells[0], ".", " ", 1)
		for i, want := range cells[1:] {
			t.Run(states[i]+"/"+name, func(t *testing.T) {
				b.clear(t)
				from := state(states[i])
				if from == "none" {
					from = none
				}
				for _, road := range roads()[from] {
					if err := byName[road].do(b); err != nil {
						t.Fatalf("%s: %v", road, err)
					}
				}
				if got := b.effect(byName[name]); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
	}
}

// clear makes b as new.
func (b *bench) clear(t *testing.T) {
	b.T, b.Tries = t, 0
	for _, table := range []string{"payment", "attempt", "entry", "journal", "job"} {
		b.exec(`DELETE FROM ` + table)
	}
}

// effect does a step, and returns what it changed in the words of outcomes.
func (b *bench) effect(s step) string {
	b.Helper()
	b.exec(`DELETE FROM job`)
	look := func() (state, said, booked string) {
		return b.read(`SELECT status || CASE closed WHEN 1 THEN '!' ELSE '' END FROM payment`),
			b.read(`SELECT kind FROM journal ORDER BY seq`), b.read(`SELECT kind FROM entry ORDER BY kind`)
	}
	state, said, booked := look()
	if err := s.do(b); errors.Is(err, errImpossible) {
		if next := (failure.Policy{}).Judge(failure.History{}, time.Now(), err); !next.Dead {
			b.Errorf("%v is tried again, want it dead at once", err)
		}
		return "x"
	} else if err != nil {
		b.Fatal(err)
	}
	got, nowSaid, nowBooked := look()
	for _, more := range []string{b.read(`SELECT kind FROM job`), strings.TrimPrefix(nowSaid, said), strings.TrimPrefix(nowBooked, booked)} {
		if more != "" {
			got += "+" + strings.Trim(more, ",")
		}
	}
	if got == state {
		return "."
	}
	return got
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
