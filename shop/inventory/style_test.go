package inventory

import (
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
)

// An order has its stock reserved at the turn of its style, and at no other: twice would
// not hurt, but too early would take what others could have.
func TestEachStyleHasItsTurn(t *testing.T) {
	l := lines("a", "b")
	turns := map[string]func(style string) message.Kind{
		contract.Choreographed: func(style string) message.Kind {
			return contract.PaymentProcessed{OrderID: "o", Style: style, Lines: l}
		},
		contract.Parallel:     func(style string) message.Kind { return contract.OrderCreated{OrderID: "o", Style: style, Lines: l} },
		contract.Orchestrated: func(style string) message.Kind { return contract.ReserveStock{OrderID: "o", Style: style, Lines: l} },
	}
	for style := range turns {
		for of, at := range turns {
			turn := at(style)
			t.Run(style+"/"+turn.Kind(), func(t *testing.T) {
				if _, command := turn.(contract.ReserveStock); command && style != of {
					return // whoever commands it has decided
				}
				s := start(t)
				s.hears(t, "o", turn)
				want := none
				if style == of {
					want = reserved
				}
				if got := s.status(t, "o"); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				if style == of && !strings.Contains(s.spoken(t, "o")[0], `"style":"`+style+`"`) {
					t.Errorf("said %q, without the style", s.spoken(t, "o"))
				}
			})
		}
	}
}
