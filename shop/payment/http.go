package payment

import (
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Routes lists what customers can ask.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "GET /api/payments/{orderId}", Handle: s.show},
	}
}

// A view is a payment as a customer sees it.
type view struct {
	OrderID  string        `json:"orderId"`
	Status   string        `json:"status"`
	Attempts []attemptView `json:"attempts"`
	Postings []posting     `json:"postings"`
}

// An attemptView is a call to the provider that has ended.
type attemptView struct {
	Kind      string    `json:"kind"`
	Status    string    `json:"status"`
	Reference string    `json:"reference"`
	Error     string    `json:"error"`
	At        time.Time `json:"at"`
}

// A posting is one leg of an entry: what it adds to an account.
type posting struct {
	Account  string    `json:"account"`
	Amount   string    `json:"amount"`
	Currency string    `json:"currency"`
	At       time.Time `json:"at"`
}

func (s *Service) show(r *http.Request) (door.Answer, error) {
	v := view{OrderID: r.PathValue("orderId"), Attempts: []attemptView{}, Postings: []posting{}}
	err := s.DB.View(r.Context(), func(tx *store.Tx) error {
		p, err := load(tx, v.OrderID)
		if err != nil {
			return err
		}
		if !p.stored {
			return door.NotFound("payment")
		}
		v.Status = string(p.state)
		if p.state == closing { // a word of our own
			v.Status = string(wanted)
		}
		calls, err := attempts(tx, v.OrderID)
		if err != nil {
			return err
		}
		for _, a := range calls {
			v.Attempts = append(v.Attempts, attemptView{a.kind, string(a.Outcome), a.Reference, a.Error, a.at})
		}
		booked, err := entries(tx, v.OrderID)
		for _, e := range booked {
			v.Postings = append(v.Postings,
				posting{e.debit, money.Format(e.amount, e.currency), e.currency, e.at},
				posting{e.credit, money.Format(-e.amount, e.currency), e.currency, e.at})
		}
		return err
	})
	return door.Answer{Body: v}, err
}
