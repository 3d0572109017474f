package pgtwin

import (
	"context"
	"sync"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/payment"
)

// wantPayments stores the intent to charge, and the key, before the call.
func wantPayments(b *batch, facts []envelope) {
	for _, e := range facts {
		o := wire.Decode[contract.OrderCreated](e.body)
		charge := payment.Charge{Key: "pay-" + o.OrderID, OrderID: o.OrderID, Amount: o.Total, Currency: o.Currency, Method: o.Method}
		b.Queue(`INSERT INTO `+b.table("payment")+` (order_id, status, closed, amount, currency, method, style, lines, key, reference, reason, attempts, calls, created, updated)
			VALUES ($1, 'wanted', 0, $2, $3, $4, $5, $6, $7, '', '', 0, 0, $8, $8)`,
			o.OrderID, o.Total, o.Currency, o.Method, o.Style, string(wire.Encode(o.Lines)), charge.Key, b.now)
		b.send(e, job{queue: "payment_charges", kind: "charge", body: wire.Encode(charge)})
	}
	b.write()
}

// charge calls the provider for all jobs at once, and stores what it answered.
func (s *shop) charge(jobs []envelope) {
	receipts := make([]wire.Receipt, len(jobs))
	var calls sync.WaitGroup
	for i, j := range jobs {
		calls.Go(func() { receipts[i] = s.provider.Charge(j.body) })
	}
	calls.Wait()
	wanted := s.wanted(jobs)
	b := s.payment.batch()
	var ids []string
	for i, j := range jobs {
		c := wire.Decode[payment.Charge](j.body)
		b.Queue(`INSERT INTO payment.attempt (order_id, n, kind, key, status, reference, error, at) VALUES ($1, 1, 'charge', $2, 'captured', $3, '', $4)`,
			c.OrderID, c.Key, receipts[i].Reference, b.now)
		b.Queue(`INSERT INTO payment.entry (id, order_id, kind, debit, credit, amount, currency, at, made) VALUES ($1, $2, 'capture', 'provider', $3, $4, $5, $6, $7)`,
			"capture-"+c.OrderID, c.OrderID, "sales:"+c.Currency, c.Amount, c.Currency, b.now, receipts[i].At.UnixMicro())
		b.Queue(`UPDATE payment.payment SET status = 'captured', reference = $1, attempts = 1, calls = 1, updated = $2 WHERE order_id = $3`,
			receipts[i].Reference, b.now, c.OrderID)
		said := wanted[c.OrderID]
		said.OrderID, said.Amount, said.Currency, said.Reference, said.Attempts = c.OrderID, c.Amount, c.Currency, receipts[i].Reference, 1
		b.say(j, 0, said)
		ids = append(ids, j.id)
	}
	b.finish(ids...)
	b.write()
}

// wanted returns the styles and lines of payments.
func (s *shop) wanted(jobs []envelope) map[string]contract.PaymentProcessed {
	keys := make([]string, len(jobs))
	for i, j := range jobs {
		keys[i] = j.key
	}
	rows, err := s.payment.pool.Query(context.Background(), `SELECT order_id, style, lines FROM payment.payment WHERE order_id = ANY($1)`, keys)
	wire.Must(err)
	all := map[string]contract.PaymentProcessed{}
	for rows.Next() {
		var id, lines string
		var p contract.PaymentProcessed
		wire.Must(rows.Scan(&id, &p.Style, &lines))
		p.Lines = wire.Decode[[]contract.Line]([]byte(lines))
		all[id] = p
	}
	wire.Must(rows.Err())
	return all
}
