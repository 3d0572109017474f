package order

// A progress is what the other services have said about the payment and the shipment of an
// order, in their own words. It is no part of the order's history: it comes when it comes,
// and what is known never becomes less.
type progress struct {
	Payment  string // pending, captured, failed, refunding, refunded; ended: not paid when the order ended, and no word since
	Attempts int64  // to be paid; 0 as long as payment has not said; unsaid: not known for that time
	Shipment string // pending, shipped, delivered, recalled; ended: never shipped
	Tracking string
}

const (
	waiting   = "pending"
	captured  = "captured"
	unpaid    = "failed"
	refunding = "refunding"
	refunded  = "refunded"
	shipped   = "shipped"
	delivered = "delivered"
	recalled  = "recalled"
	none      = "ended"
)

// unsaid are the attempts at a time of which only the history of the order is left.
const unsaid = -1

// begin is the progress of an order that was just accepted.
func begin() progress { return progress{Payment: waiting, Shipment: waiting} }

// paid is payment's word that the money was captured. Money that came after the end of the
// order is captured too, until settle says what becomes of it.
func (p *progress) paid(attempts int) {
	p.Attempts = max(p.Attempts, int64(attempts))
	if p.Payment == waiting || p.Payment == none {
		p.Payment = captured
	}
}

// charged is what inventory's word implies: it takes stock for what is paid only. Payment's
// own word may come later.
func (p *progress) charged() { p.paid(0) }

// refused is payment's word that no money was kept.
func (p *progress) refused(attempts int) {
	p.Attempts = max(p.Attempts, int64(attempts))
	if p.Payment == waiting || p.Payment == none {
		p.Payment = unpaid
	}
}

// moneyBack is payment's last word, and nothing comes after it. It may also be the first:
// of money that came after the end of the order, payment says only that it went back.
func (p *progress) moneyBack(attempts int) {
	p.Attempts, p.Payment = max(p.Attempts, int64(attempts)), refunded
}

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
// paid, even if payment's own word is still to come; one that was undone gives the money
// back, and gets no parcel.
func (p *progress) settle(s State) {
	switch {
	case s.undone():
		p.Payment = then(p.Payment, waiting, none)
		p.Payment = then(p.Payment, captured, refunding)
		p.Shipment = then(p.Shipment, waiting, none)
	case s == Confirmed:
		p.Payment = then(p.Payment, waiting, captured)
	case s == Completed:
		p.Payment = then(p.Payment, waiting, captured)
		p.Shipment = then(p.Shipment, waiting, shipped)
	}
}

// owing reports whether money must still go back, or may have to: the order ended before
// payment said that it was or was not paid, and a charge may be under way.
func (p *progress) owing() bool { return p.Payment == refunding || p.Payment == none }

func then(word, from, to string) string {
	if word == from {
		return to
	}
	return word
}
