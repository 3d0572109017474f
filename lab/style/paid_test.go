package style

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/payment"
)

// A paid is what payment says of an order, and the order of its payment.
type paid struct {
	status, shown      string // by payment, by the order
	captured, refunded int64  // by our postings, in cents
	sum                int64  // of all postings
}

// paid reads it. An order of which payment has heard nothing has no status there.
func (w *world) paid(id string) (p paid, err error) {
	var o struct{ Payment struct{ Status string } }
	var m struct {
		Status   string
		Postings []struct{ Account, Amount string }
	}
	if err := w.show("/api/orders/"+id, &o); err != nil {
		return p, err
	}
	p.shown = o.Payment.Status
	switch code, text := w.ask("GET", "/api/payments/"+id, ""); code {
	case http.StatusOK:
		err = json.Unmarshal([]byte(text), &m)
	case http.StatusNotFound:
	default:
		err = fmt.Errorf("the payment of %s: %d %s", id, code, text)
	}
	p.status = m.Status
	for _, leg := range m.Postings {
		var n int64
		if _, err := fmt.Sscan(strings.ReplaceAll(leg.Amount, ".", ""), &n); err != nil {
			return p, err
		}
		p.sum += n
		switch {
		case leg.Account != "provider":
		case n > 0:
			p.captured += n
		default:
			p.refunded -= n
		}
	}
	return p, err
}

// kept is the money that we keep.
func (p paid) kept() string {
	switch n := p.captured - p.refunded; {
	case p.sum != 0:
		return "unbalanced"
	case n == 0:
		return "0"
	default:
		return fmt.Sprintf("%d.%02d", n/100, n%100)
	}
}

// A purse is what the provider did for an order: by its own ledger, of which nothing here
// knows more.
type purse struct {
	captured, refunded int64
	held               []string // the keys under which it holds money still
}

// purses reads all of the provider's ledger, by order.
func (w *world) purses(ctx context.Context) (map[string]purse, error) {
	const most = 500
	all, holds := map[string]purse{}, map[string]string{} // of each key that holds money, the order
	for cursor := ""; ; {
		page, err := w.provider.Ledger(ctx, cursor, most)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			p := all[e.OrderID]
			switch e.Outcome {
			case payment.Authorized:
				holds[e.Key] = e.OrderID
			case payment.Refunded:
				p.refunded += e.Amount
			case payment.Captured:
				p.captured += e.Amount
			}
			if e.Outcome != payment.Authorized {
				delete(holds, e.Key)
			}
			all[e.OrderID], cursor = p, e.Cursor
		}
		if len(page.Entries) < most {
			break
		}
	}
	for key, order := range holds {
		p := all[order]
		p.held = append(p.held, key)
		all[order] = p
	}
	return all, nil
}

// against says what is wrong with the payment of an order: what its status may be, what the
// order says of it, and what the provider did.
func (p paid) against(v verdict, at purse) (wrong []string) {
	if p.captured != at.captured || p.refunded != at.refunded || len(at.held) > 0 {
		wrong = append(wrong, fmt.Sprintf("captured %d and refunded %d by our ledger; %d and %d by the provider's, which holds money under %v",
			p.captured, p.refunded, at.captured, at.refunded, at.held))
	}
	if want := statuses(v); !slices.Contains(want, p.status) {
		wrong = append(wrong, fmt.Sprintf("the payment is %q, want one of %q", p.status, want))
	}
	if (p.captured > 0) != (p.status == "captured" || p.status == "refunded") || (p.refunded > 0) != (p.status == "refunded") {
		wrong = append(wrong, fmt.Sprintf("the payment is %q; captured %d and refunded %d", p.status, p.captured, p.refunded))
	}
	if p.shown != p.status && !(p.shown == "voided" && p.status == "ended") {
		wrong = append(wrong, fmt.Sprintf("the payment is %q, by the order %q", p.status, p.shown))
	}
	return wrong
}

// statuses are those that the payment of an order may have in the end: one where one cause
// applies, in all styles the same; else it depends on who came first.
func statuses(v verdict) []string {
	short, unpaid := v.stock != "enough", slices.Contains([]string{"declined", "declined_late", "unavailable", "timeout_lost"}, v.method)
	undone := []string{"ended", "voided", "refunded"}
	if unpaid {
		undone = []string{"ended", "voided", "failed"}
	}
	switch {
	case v.cancelled:
		return undone
	case unpaid && !short:
		return []string{"failed"}
	case !short:
		return []string{"captured"}
	}
	switch v.style {
	case contract.Orchestrated: // the stock comes first
		return []string{"ended"}
	case contract.Choreographed: // the money does
		return undone[2:]
	}
	return undone
}
