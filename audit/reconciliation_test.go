package audit

import (
	"strconv"
	"testing"
	"time"
)

// doubt writes a discrepancy that payment has found.
func (p *platform) doubt(order, kind string, found int64) {
	p.exec("payment", `INSERT INTO discrepancy (order_id, entry, key, kind, ours, theirs, amount, currency, seen, found, resolved)
		VALUES ($1, 'capture', $2, $3, '', '', 0, '', 1, $4, 0)`, order, "pay-"+order, kind, found)
}

// reconciled says that payment has just compared the ledgers, up to a call.
func (p *platform) reconciled(n int) {
	p.exec("payment", `UPDATE reconciliation SET place = $1, upto = $2, done = $2, begun = 1`, strconv.Itoa(n), time.Now().UnixMicro())
}

// What payment knows, or could not know yet, is no break of this promise.
func TestMoneyInDoubtIsKnown(t *testing.T) {
	tests := map[string]func(p *platform){
		"a difference that is known": func(p *platform) {
			p.reconciled(1000)
			p.exec("simulator", `UPDATE charge SET amount = 1 WHERE order_id = 'short'`)
			p.doubt("short", "capture_differs", 2)
		},
		"nothing was compared yet": func(p *platform) { p.exec("simulator", `UPDATE charge SET amount = 1 WHERE order_id = 'short'`) },
		"the ledger was not read so far": func(p *platform) {
			p.reconciled(1)
			p.exec("simulator", `UPDATE charge SET amount = 1 WHERE order_id = 'short'`)
		},
		"it has changed since": func(p *platform) {
			p.reconciled(1000)
			p.exec("simulator", `UPDATE charge SET amount = 1 WHERE order_id = 'short'`)
			p.exec("payment", `UPDATE payment SET updated = $1 WHERE order_id = 'short'`, time.Now().Add(time.Minute).UnixMicro())
		},
		"it was mended since": func(p *platform) {
			p.reconciled(1000)
			p.doubt("short", "capture_unwanted", 2)
			p.exec("payment", `UPDATE payment SET updated = $1 WHERE order_id = 'short'`, time.Now().Add(time.Minute).UnixMicro())
		},
		"it was settled": func(p *platform) {
			p.reconciled(1000)
			p.doubt("short", "capture_unwanted", 2)
			p.exec("payment", `UPDATE discrepancy SET resolved = 3`)
		},
		"it is looked at again": func(p *platform) { p.reconciled(1000); p.doubt("short", "", 0) },
	}
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		for name, do := range tests {
			t.Run(name, func(t *testing.T) {
				p := filled(t)
				do(p)
				r, err := Run(t.Context(), Options{Data: p.dir, Database: p.url, Ledger: p.ledger(), pause: time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range r.Checks {
					if c.Promise == promiseKnown && c.Violations > 0 {
						t.Errorf("%s: %q", c.Promise, c.Examples)
					}
				}
			})
		}
	})
}
