package main

import (
	"context"
	"fmt"

	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// namedOrders is how many orders are named of each kind of discrepancy: those that were
// found first are where to begin.
const namedOrders = 5

// moneyInDoubt finds money of which the payment provider's ledger and ours say different
// things. What is on its way to be mended is shown too, until it is.
func moneyInDoubt(ctx context.Context, db *store.DB) (found []operate.Finding, err error) {
	type open struct{ kind, order, ours, theirs string }
	var first []open
	all := map[string]int{}
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.Rows(`SELECT kind, order_id, ours, theirs, n FROM (
				SELECT kind, order_id, ours, theirs, COUNT(*) OVER (PARTITION BY kind) AS n, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY found, order_id) AS place
				FROM discrepancy WHERE resolved = 0 AND found > 0) d WHERE place <= $1 ORDER BY kind, place`, []any{namedOrders},
			func(scan func(...any) error) error {
				var o open
				var n int
				err := scan(&o.kind, &o.order, &o.ours, &o.theirs, &n)
				first, all[o.kind] = append(first, o), n
				return err
			})
	})
	named := map[string]int{}
	for _, o := range first {
		if o.theirs == "" {
			o.theirs = "nothing"
		}
		named[o.kind]++
		what := fmt.Sprintf("%s: the payment provider's ledger has %s, ours %s", o.kind, o.theirs, o.ours)
		if more := all[o.kind] - named[o.kind]; named[o.kind] == namedOrders && more > 0 {
			what += fmt.Sprintf("; and %d more of this kind", more)
		}
		found = append(found, operate.Finding{What: what, Where: "order " + o.order, Do: aboutMoney(o.kind, o.order)})
	}
	return found, err
}

// aboutMoney is what to do about a kind of discrepancy.
func aboutMoney(kind, order string) string {
	see := "tidewire order show " + order
	switch kind {
	case "capture_unwanted":
		return "nothing: the money is on its way back; if this stays, see tidewire dead list --service payment"
	case "hold_unwanted":
		return "nothing: the hold is being voided; if this stays, see tidewire dead list --service payment"
	case "hold_unknown":
		return see + "; if nobody wants that money held, void it at the provider"
	case "capture_unknown":
		return see + "; if nobody wants that money, refund it at the provider"
	case "capture_missing":
		return see + "; ask the provider what became of the charge, before the customer gets more"
	case "refund_unknown":
		return see + "; somebody gave the money back at the provider: cancel the order, if it is not to be given away"
	case "refund_missing":
		return see + "; ask the provider what became of the refund: the customer waits for it"
	}
	return see + "; ask the provider which of the two is right"
}
