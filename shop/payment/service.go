package payment

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// A Service is the payment service.
type Service struct {
	DB       *store.DB
	Provider Provider
	Tries    int           // to charge, to have money held, to capture that, before it is given up; 3
	Timeout  time.Duration // for one call to the provider; 3s
	Backoff  time.Duration // before the second try, doubled before each that follows; 100ms
	Longest  time.Duration // upper bound of the backoff of what is asked until it is answered; 5s
	Ledger   Reconciliation
	Meter    metric.Meter // of what is open between the ledgers; none
}

// want stores the intent to charge, with the key, before anything is called. An order that
// is orchestrated asks by itself.
func (s *Service) want(tx *store.Tx, o contract.OrderCreated) error {
	switch {
	case o.Style == contract.Orchestrated:
		return nil
	case o.Style != contract.Choreographed && o.Style != contract.Parallel:
		return failure.Permanent(fmt.Errorf("payment: order %s has the unknown style %q", o.OrderID, o.Style))
	case o.OrderID == "" || o.Total <= 0:
		return failure.Permanent(fmt.Errorf("payment: order %q has a total of %d", o.OrderID, o.Total))
	}
	p, err := load(tx, o.OrderID)
	if err != nil {
		return err
	}
	if p.state == none {
		lines, err := json.Marshal(o.Lines)
		if err != nil {
			return err
		}
		p.Charge = Charge{Key: chargeKey(o.OrderID), OrderID: o.OrderID, Amount: o.Total, Currency: o.Currency, Method: o.Method}
		p.style, p.lines = o.Style, string(lines)
	}
	return s.apply(tx, p, orderCreated)
}

// The keys under which the provider knows an order. They never change.
func chargeKey(orderID string) string { return "pay-" + orderID }
func refundKey(orderID string) string { return "refund-" + orderID }

// end undoes what was done for an order, or sees to it that nothing is done.
func (s *Service) end(tx *store.Tx, orderID string, why event) error {
	p, err := load(tx, orderID)
	if err != nil {
		return err
	}
	// Where the order conducts it asks for what is to be undone, and the stock comes first.
	if why == stockRefused && p.style == contract.Orchestrated {
		return nil
	}
	if why == cancelledEarly && p.state != none {
		why = orderEnded
	}
	p.closed = true // also where nothing else changes: what comes later finds the order ended
	return s.apply(tx, p, why)
}

// record stores what a call did, and decides what follows.
func (s *Service) record(tx *store.Tx, kind string, t task, a Answer) error {
	p, err := load(tx, t.OrderID)
	if err != nil {
		return err
	}
	if p.Key == "" && (p.state != ended || kind != lookup{}.Kind() && kind != void{}.Kind()) {
		return failure.Permanent(fmt.Errorf("%w: a %s was answered, and none was asked", errImpossible, kind))
	}
	key := t.Key
	switch {
	case kind == refund{}.Kind():
		key = refundKey(t.OrderID)
	case kind == capture{}.Kind():
		p.captures++
		p.attempts++
	case tried(kind):
		p.attempts++
	}
	p.calls++
	if err := keep(tx, attempt{orderID: t.OrderID, n: p.calls, kind: kind, key: key, Answer: a}); err != nil {
		return err
	}
	// What has no answer yet is asked again for as long as it takes: the order's deadline
	// is the order's affair, and money in doubt is nobody else's.
	e, answered := judge(kind, a.Outcome, cmp.Or(p.captures, p.attempts) >= s.tries())
	if !answered {
		t.Vain++
		if err := save(tx, p); err != nil {
			return err
		}
		return tx.SendAt(tx.Now.Add(s.delay(t.Vain)), t.OrderID, again(kind, t))
	}
	if e == chargeCaptured && !p.state.booked() || a.Outcome == Authorized && p.state == authorizing {
		p.reference = a.Reference
	}
	if p.Key == "" { // nobody here asked for it
		p.Charge = t.Charge
		if err := adopt(tx, p); err != nil {
			return err
		}
	}
	p.made = a.At
	return s.apply(tx, p, e)
}

// instead is the kind of call that is made for a task of some age. A try that waited for
// the provider, while its order ended, is voided: whoever gave up is not charged.
func (s *Service) instead(ctx context.Context, kind string, c Charge, age time.Duration) (string, error) {
	if !tried(kind) || age < s.longest() {
		return kind, nil
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := load(tx, c.OrderID)
		if p.closed {
			kind = void{}.Kind()
		}
		return err
	})
	if err != nil {
		err = failure.Wait(s.longest(), err)
	}
	return kind, err
}

// apply does what rules say about an event.
func (s *Service) apply(tx *store.Tx, p payment, e event) error {
	to, do, err := next(p.state, e)
	if err != nil {
		return failure.Permanent(err)
	}
	p.state = to
	for _, a := range do {
		switch a {
		case sayDeclined:
			p.reason = contract.PaymentDeclined
		case sayUnavailable:
			p.reason = contract.PaymentUnavailable
		}
		if err := s.act(tx, p, a); err != nil {
			return err
		}
	}
	return save(tx, p)
}

// act does one thing. The first try goes out at once, the others later.
func (s *Service) act(tx *store.Tx, p payment, a act) error {
	t := task{Charge: p.Charge}
	switch a {
	case askCharge, askAuthorize:
		return tx.SendAt(tx.Now.Add(s.delay(p.attempts)), p.OrderID, again(string(a), t))
	case askCapture:
		return tx.SendAt(tx.Now.Add(s.delay(p.captures)), p.OrderID, capture{t})
	case askLookup, askVoid, askRefund:
		return tx.Send(p.OrderID, again(string(a), t))
	case bookCapture:
		return post(tx, p, entry{kind: "capture", debit: provider, credit: sales + p.Currency})
	case bookRefund:
		return post(tx, p, entry{kind: "refund", debit: sales + p.Currency, credit: provider})
	case sayProcessed:
		said := contract.PaymentProcessed{OrderID: p.OrderID, Style: p.style, Amount: p.Amount, Currency: p.Currency,
			Reference: p.reference, Attempts: p.took()}
		if err := json.Unmarshal([]byte(p.lines), &said.Lines); err != nil {
			return fmt.Errorf("lines of order %s: %w", p.OrderID, err)
		}
		return tx.Append(p.OrderID, said)
	case sayDeclined, sayUnavailable, sayFailed:
		return tx.Append(p.OrderID, contract.PaymentFailed{OrderID: p.OrderID, Reason: p.reason, Attempts: p.took()})
	case sayRefunded:
		return tx.Append(p.OrderID, contract.PaymentRefunded{OrderID: p.OrderID, Amount: p.Amount, Currency: p.Currency, Attempts: p.took()})
	}
	return p.answer(tx, a)
}

// again is the work of a kind.
func again(kind string, t task) message.Work {
	switch kind {
	case authorize{}.Kind():
		return authorize{t}
	case capture{}.Kind():
		return capture{t}
	case lookup{}.Kind():
		return lookup{t}
	case void{}.Kind():
		return void{t}
	case refund{}.Kind():
		return refund{t}
	}
	return charge{t}
}

func (s *Service) tries() int { return cmp.Or(s.Tries, 3) }

func (s *Service) timeout() time.Duration { return cmp.Or(s.Timeout, 3*time.Second) }

func (s *Service) backoff() time.Duration { return cmp.Or(s.Backoff, 100*time.Millisecond) }

func (s *Service) longest() time.Duration { return cmp.Or(s.Longest, 5*time.Second) }

// delay draws the wait after n calls that did nothing: Backoff, doubled with each call
// up to Longest, and a quarter more or less.
func (s *Service) delay(n int) time.Duration {
	if n == 0 {
		return 0
	}
	d := s.longest()
	if shift := n - 1; shift < 30 && s.backoff()<<shift < d {
		d = s.backoff() << shift
	}
	return d*3/4 + rand.N(d/2+1)
}

// spread draws a wait for a task of some age that could not be asked: the longer all have
// waited for the provider, the wider they are spread when it is back, and the less often
// each looks meanwhile.
func (s *Service) spread(age time.Duration) time.Duration {
	return rand.N(max(s.backoff(), min(age/2, 6*s.longest())))
}
