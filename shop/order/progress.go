package order

import "slices"

// A progress is what the other services have said about the payment, the stock and the
// shipment of an order, in their own words. It is no part of the order's history: it comes
// when it comes, and what is known never becomes less.
type progress struct {
	Payment  string // pending, authorized, captured, failed, voided, refunding, refunded; ended: not paid when the order ended, and no word since
	Attempts int64  // to be paid; 0 as long as payment has not said; unsaid: not known for that time
	Stock    string // pending, reserved, refused, released; ended: not reserved when the order ended, and no word since
	Why      string // it is being undone; "" if it is not, or nobody conducts
	Shipment string // pending, shipped, delivered, recalled; ended: never shipped
	Tracking string
}

const (
	waiting    = "pending"
	authorized = "authorized"
	captured   = "captured"
	unpaid     = "failed"
	voided     = "voided"
	refunding  = "refunding"
	refunded   = "refunded"
	reserved   = "reserved"
	refused    = "refused"
	released   = "released"
	shipped    = "shipped"
	delivered  = "delivered"
	recalled   = "recalled"
	none       = "ended"
)

// unsaid are the attempts at a time of which only the history of the order is left.
const unsaid = -1

// begin is the progress of an order that was just accepted.
func begin() progress { return progress{Payment: waiting, Stock: waiting, Shipment: waiting} }

// held is payment's word that the money can be taken.
func (p *progress) held(attempts int) {
	p.Attempts = max(p.Attempts, int64(attempts))
	p.Payment = then(p.Payment, authorized, waiting, none)
}

// paid is payment's word that the money was captured. Money that came after the end of the
// order is captured too, until settle says what becomes of it.
func (p *progress) paid(attempts int) {
	p.Attempts = max(p.Attempts, int64(attempts))
	p.Payment = then(p.Payment, captured, waiting, authorized, none)
}

// charged is what inventory's word implies: it takes stock for what is paid only. Payment's
// own word may come later.
func (p *progress) charged() { p.paid(0) }

// unpaid is payment's word that the order could not be paid, and no money is kept.
func (p *progress) unpaid(attempts int) {
	p.Attempts = max(p.Attempts, int64(attempts))
	p.Payment = then(p.Payment, unpaid, waiting, authorized, none)
}

// let is payment's word that no money is held any more, and none will be taken.
func (p *progress) let(attempts int) {
	p.Attempts = max(p.Attempts, int64(attempts))
	p.Payment = then(p.Payment, voided, waiting, authorized, none)
}

// moneyBack is payment's last word, and nothing comes after it. It may also be the first:
// of money that came after the end of the order, payment says only that it went back.
func (p *progress) moneyBack(attempts int) {
	p.Attempts, p.Payment = max(p.Attempts, int64(attempts)), refunded
}

// kept is inventory's word that the stock is reserved.
func (p *progress) kept() { p.Stock = then(p.Stock, reserved, waiting, none) }

// short is inventory's word that there was not enough.
func (p *progress) short() { p.Stock = then(p.Stock, refused, waiting, none) }

// freed is inventory's last word: nothing is reserved. What it refused, it need not free.
func (p *progress) freed() { p.Stock = then(p.Stock, released, waiting, reserved, none) }

// sent is shipping's word that the parcel is on its way. One that was recalled stays so, and
// one that has arrived is there.
func (p *progress) sent(tracking string) {
	if p.Tracking = tracking; p.Shipment != recalled && p.Shipment != delivered {
		p.Shipment = shipped
	}
}

// arrived is shipping's word that the parcel was delivered.
func (p *progress) arrived(tracking string) {
	if p.Tracking = tracking; p.Shipment != recalled {
		p.Shipment = delivered
	}
}

// parcelBack is shipping's last word.
func (p *progress) parcelBack() { p.Shipment = recalled }

// settle adds what the state of the order itself says: an order that is confirmed has been
// paid and has its stock, even if their own words are still to come; one that was undone
// gives the money back, and gets no parcel.
func (p *progress) settle(s State) {
	switch {
	case s.undone():
		p.Payment = then(p.Payment, none, waiting, authorized)
		p.Payment = then(p.Payment, refunding, captured)
		p.Stock = then(p.Stock, none, waiting)
		p.Shipment = then(p.Shipment, none, waiting)
	case s == Confirmed, s == Completed:
		p.Payment = then(p.Payment, captured, waiting, authorized)
		p.Stock = then(p.Stock, reserved, waiting)
		if s == Completed {
			p.Shipment = then(p.Shipment, shipped, waiting)
		}
	}
}

// owing reports whether money must still go back, or may have to: the order ended before
// payment said that it was or was not paid, and a charge may be under way.
func (p *progress) owing() bool { return p.Payment == refunding || p.Payment == none }

// then is to where word is one of from, and else word.
func then(word, to string, from ...string) string {
	if slices.Contains(from, word) {
		return to
	}
	return word
}
