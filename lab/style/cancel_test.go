package style

import (
	"fmt"
	"net/http"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
)

// A refusal is how a customer's wish to cancel was received; the zero value is of one who
// had none.
type refusal struct {
	over    string // how the order had ended by then, as the messages have it; "" if it went on
	refused bool
	after   string // the state of the order at once after that
}

// over is how an order has ended of which the order service was told so much; "" if it goes
// on. It is the model of when a customer comes too late: the parcel is on its way, or
// somebody could not do his part and all that was done is undone.
func over(style string, heard map[string]bool) string {
	was := func(m message.Kind) bool { return heard[m.Kind()] }
	conducted := style == contract.Orchestrated
	switch {
	case was(contract.OrderShipped{}):
		return "completed"
	case was(contract.InventoryUpdateFailed{}): // where it is conducted, the first that is asked
		return "failed"
	case conducted && was(contract.StockReleased{}): // the last that is undone
		return "failed"
	case !conducted && was(contract.PaymentFailed{}):
		return "failed"
	}
	return ""
}

// callOff cancels an order as its customer does.
func (w *world) callOff(id, over string) (r refusal, err error) {
	r.over = over
	switch code, text := w.ask("POST", "/api/orders/"+id+"/cancel", ""); code {
	case http.StatusOK, http.StatusAccepted:
	case http.StatusConflict:
		r.refused = true
	default:
		return r, fmt.Errorf("cancel: %d %s", code, text)
	}
	var o struct{ Status string }
	err = w.show("/api/orders/"+id, &o)
	r.after = o.Status
	return r, err
}

// against says what is wrong with how the wish was received: it is granted as long as the
// order goes on, and refused for ever once it has ended.
func (r refusal) against(v verdict) (wrong []string) {
	switch {
	case v.cancel == never:
	case r.refused != (r.over != ""):
		wrong = append(wrong, fmt.Sprintf("to cancel was refused: %t; by what the order was told it was %q", r.refused, r.over))
	case r.refused && (r.after != r.over || v.got.status != r.over):
		wrong = append(wrong, fmt.Sprintf("to cancel was refused, and the order was %q at once and %q in the end, want %q", r.after, v.got.status, r.over))
	case !r.refused && r.after != "cancelled":
		wrong = append(wrong, fmt.Sprintf("it is cancelled, and the order was %q at once", r.after))
	}
	return wrong
}
