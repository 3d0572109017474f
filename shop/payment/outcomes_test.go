package payment

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
)

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
		fact(toHold("o", "ok")), fact(contract.CapturePayment{OrderID: "o"}), fact(contract.VoidPayment{OrderID: "o"}),
		answer(charge{asked()}, Captured), answer(charge{asked()}, Declined), answer(charge{asked()}, Unavailable), answer(charge{asked()}, Unknown),
		{"charge exhausted", func(b *bench) error { b.Tries = 1; return b.answer(charge{asked()}, Unavailable) }},
		answer(authorize{asked()}, Authorized), answer(authorize{asked()}, Declined), answer(authorize{asked()}, Unavailable), answer(authorize{asked()}, Unknown),
		{"authorize exhausted", func(b *bench) error { b.Tries = 1; return b.answer(authorize{asked()}, Unavailable) }},
		answer(capture{asked()}, Captured), answer(capture{asked()}, Declined), answer(capture{asked()}, Unavailable), answer(capture{asked()}, Unknown),
		{"capture exhausted", func(b *bench) error { b.Tries = 1; return b.answer(capture{asked()}, Unavailable) }},
		answer(lookup{asked()}, Authorized),
		{"lookup unused", func(b *bench) error { b.Tries = -1; return b.answer(lookup{asked()}, Authorized) }},
		answer(lookup{asked()}, Captured), answer(lookup{asked()}, NotFound), answer(lookup{asked()}, Unknown),
		answer(void{asked()}, Voided), answer(void{asked()}, Captured), answer(void{asked()}, Unavailable),
		answer(refund{asked()}, Refunded), answer(refund{asked()}, Unknown),
	}
}

// roads lead to a state, by the messages that lead there in life.
func roads() map[state][]string {
	return map[state][]string{
		none:        {},
		wanted:      {"OrderCreated"},
		closing:     {"OrderCreated", "OrderFailed"},
		authorizing: {"AuthorizePayment"},
		authorized:  {"AuthorizePayment", "authorize authorized"},
		capturing:   {"AuthorizePayment", "authorize authorized", "CapturePayment"},
		voiding:     {"AuthorizePayment", "authorize authorized", "VoidPayment"},
		voided:      {"AuthorizePayment", "authorize authorized", "VoidPayment", "void voided"},
		captured:    {"OrderCreated", "charge captured"},
		failed:      {"OrderCreated", "charge declined"},
		refunding:   {"OrderCreated", "charge captured", "InventoryUpdateFailed"},
		refunded:    {"OrderCreated", "charge captured", "InventoryUpdateFailed", "refund refunded"},
		ended:       {"OrderCancelled"},
	}
}

// outcomes say what every message does in every state: the new state, with a ! once the
// order is over, then what is to be called, said and booked. A dot: nothing changes. An
// x: it cannot happen, and is refused for good.
const outcomes = `
                       none                   wanted                             closing                    captured                    failed                    refunding                         refunded                   ended
OrderCreated           wanted+charge          .                                  .                          .                           .                         .                                 .                          .
InventoryUpdateFailed  ended!                 wanted!                            .                          refunding!+refund           failed!                   .                                 .                          .
OrderFailed            ended!                 wanted!                            .                          refunding!+refund           failed!                   .                                 .                          .
OrderCancelled         ended!+PaymentVoided   wanted!                            .                          refunding!+refund           failed!                   .                                 .                          .
AuthorizePayment       authorizing+authorize  x                                  x                          captured+PaymentAuthorized  failed+PaymentFailed      refunding!+PaymentFailed          refunded!+PaymentFailed    ended!+PaymentFailed
CapturePayment         x                      x                                  x                          captured+PaymentProcessed   failed+PaymentFailed      refunding!+PaymentFailed          refunded!+PaymentFailed    ended!+PaymentFailed
VoidPayment            ended!+PaymentVoided   wanted!                            .                          refunding!+refund           failed!+PaymentVoided     .                                 refunded!+PaymentRefunded  ended!+PaymentVoided
charge.captured        x                      captured+PaymentProcessed+capture  refunding!+refund+capture  .                           refunding+refund+capture  .                                 .                          x
charge.declined        x                      failed+PaymentFailed               failed!+PaymentFailed      .                           .                         .                                 .                          x
charge.unavailable     x                      wanted+charge                      wanted!+void               .                           .                         .                                 .                          x
charge.unknown         x                      wanted+lookup                      wanted!+lookup             .                           .                         .                                 .                          x
charge.exhausted       x                      wanted+void                        wanted!+void               .                           .                         .                                 .                          x
authorize.authorized   x                      wanted+void                        wanted!+void               .                           failed+void               .                                 .                          x
authorize.declined     x                      failed+PaymentFailed               failed!+PaymentFailed      .                           .                         .                                 .                          x
authorize.unavailable  x                      wanted+charge                      wanted!+void               .                           .                         .                                 .                          x
authorize.unknown      x                      wanted+lookup                      wanted!+lookup             .                           .                         .                                 .                          x
authorize.exhausted    x                      wanted+void                        wanted!+void               .                           .                         .                                 .                          x
capture.captured       x                      captured+PaymentProcessed+capture  refunding!+refund+capture  .                           refunding+refund+capture  .                                 .                          x
capture.declined       x                      failed+PaymentFailed               failed!+PaymentFailed      .                           .                         .                                 .                          x
capture.unavailable    x                      wanted+charge                      wanted!+void               .                           .                         .                                 .                          x
capture.unknown        x                      wanted+lookup                      wanted!+lookup             .                           .                         .                                 .                          x
capture.exhausted      x                      wanted+void                        wanted!+void               .                           .                         .                                 .                          x
lookup.authorized      x                      wanted+void                        wanted!+void               .                           failed+void               .                                 .                          ended!+void
lookup.unused          x                      wanted+void                        wanted!+void               .                           failed+void               .                                 .                          ended!+void
lookup.captured        x                      captured+PaymentProcessed+capture  refunding!+refund+capture  .                           refunding+refund+capture  .                                 .                          refunding!+refund+capture
lookup.not_found       x                      wanted+charge                      wanted!+void               .                           .                         .                                 .                          .
lookup.unknown         x                      wanted+lookup                      wanted!+lookup             captured+lookup             failed+lookup             refunding!+lookup                 refunded!+lookup           ended!+lookup
void.voided            x                      failed+PaymentFailed               voided!+PaymentVoided      .                           .                         .                                 .                          .
void.captured          x                      captured+PaymentProcessed+capture  refunding!+refund+capture  .                           refunding+refund+capture  .                                 .                          refunding!+refund+capture
void.unavailable       x                      wanted+void                        wanted!+void               captured+void               failed+void               refunding!+void                   refunded!+void             ended!+void
refund.refunded        x                      x                                  x                          x                           x                         refunded!+PaymentRefunded+refund  .                          x
refund.unknown         x                      wanted+refund                      wanted!+refund             captured+refund             failed+refund             refunding!+refund                 refunded!+refund           x

                       authorizing                             authorized                    capturing                          voiding                              voided
OrderCreated           .                                       .                             .                                  .                                    .
InventoryUpdateFailed  .                                       .                             .                                  .                                    .
OrderFailed            voiding!                                voiding!+void                 voiding!                           .                                    .
OrderCancelled         voiding!                                voiding!+void                 voiding!                           .                                    .
AuthorizePayment       .                                       authorized+PaymentAuthorized  capturing+PaymentAuthorized        .                                    voided!+PaymentFailed
CapturePayment         x                                       capturing+capture             .                                  .                                    voided!+PaymentFailed
VoidPayment            voiding!                                voiding!+void                 voiding!                           .                                    voided!+PaymentVoided
charge.captured        captured+PaymentAuthorized+capture      .                             captured+PaymentProcessed+capture  refunding!+refund+capture            refunding!+refund+capture
charge.declined        failed+PaymentFailed                    .                             failed+PaymentFailed               failed!+PaymentFailed,PaymentVoided  .
charge.unavailable     authorizing+authorize                   .                             capturing+capture                  voiding!+void                        .
charge.unknown         authorizing+lookup                      .                             capturing+lookup                   voiding!+lookup                      .
charge.exhausted       authorizing+void                        .                             capturing+void                     voiding!+void                        .
authorize.authorized   authorized+PaymentAuthorized            .                             capturing+capture                  voiding!+void                        voided!+void
authorize.declined     failed+PaymentFailed                    .                             failed+PaymentFailed               failed!+PaymentFailed,PaymentVoided  .
authorize.unavailable  authorizing+authorize                   .                             capturing+capture                  voiding!+void                        .
authorize.unknown      authorizing+lookup                      .                             capturing+lookup                   voiding!+lookup                      .
authorize.exhausted    authorizing+void                        .                             capturing+void                     voiding!+void                        .
capture.captured       captured+PaymentAuthorized+capture      .                             captured+PaymentProcessed+capture  refunding!+refund+capture            refunding!+refund+capture
capture.declined       failed+PaymentFailed                    .                             failed+PaymentFailed               failed!+PaymentFailed,PaymentVoided  .
capture.unavailable    authorizing+authorize                   .                             capturing+capture                  voiding!+void                        .
capture.unknown        authorizing+lookup                      .                             capturing+lookup                   voiding!+lookup                      .
capture.exhausted      authorizing+void                        .                             capturing+void                     voiding!+void                        .
lookup.authorized      authorized+PaymentAuthorized            .                             capturing+capture                  voiding!+void                        voided!+void
lookup.unused          authorized+PaymentAuthorized            .                             capturing+void                     voiding!+void                        voided!+void
lookup.captured        captured+PaymentAuthorized+capture      .                             captured+PaymentProcessed+capture  refunding!+refund+capture            refunding!+refund+capture
lookup.not_found       authorizing+authorize                   .                             capturing+capture                  voiding!+void                        .
lookup.unknown         authorizing+lookup                      authorized+lookup             capturing+lookup                   voiding!+lookup                      voided!+lookup
void.voided            failed+PaymentFailed                    .                             failed+PaymentFailed               voided!+PaymentVoided                .
void.captured          captured+PaymentAuthorized+capture      .                             captured+PaymentProcessed+capture  refunding!+refund+capture            refunding!+refund+capture
void.unavailable       authorizing+void                        authorized+void               capturing+void                     voiding!+void                        voided!+void
refund.refunded        x                                       x                             x                                  x                                    x
refund.unknown         authorizing+refund                      authorized+refund             capturing+refund                   voiding!+refund                      voided!+refund
`

func TestStateTimesMessage(t *testing.T) {
	byName := map[string]step{}
	for _, s := range steps() {
		byName[s.name] = s
	}
	b := newBench(t)
	seen := 0
	for block := range strings.SplitSeq(strings.Trim(outcomes, "\n"), "\n\n") {
		lines := strings.Split(block, "\n")
		states := strings.Fields(lines[0])
		seen += len(states)
		if len(lines)-1 != len(byName) {
			t.Fatalf("outcomes has %d messages, want %d", len(lines)-1, len(byName))
		}
		for _, line := range lines[1:] {
			cells := strings.Fields(line)
			name := strings.Replace(cells[0], ".", " ", 1)
			for i, want := range cells[1:] {
				t.Run(states[i]+"/"+name, func(t *testing.T) {
					b.clear(t)
					b.reach(byName, state(states[i]))
					if got := b.effect(byName[name]); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				})
			}
		}
	}
	if seen != len(allStates()) {
		t.Errorf("outcomes has %d states, want %d", seen, len(allStates()))
	}
}

// reach takes the order o to a state.
func (b *bench) reach(byName map[string]step, s state) {
	b.Helper()
	if s == "none" {
		s = none
	}
	for _, road := range roads()[s] {
		if err := byName[road].do(b); err != nil {
			b.Fatalf("%s: %v", road, err)
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
