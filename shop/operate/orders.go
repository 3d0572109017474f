package operate

import (
	"errors"
	"net/http"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/timeline"
)

// An Order is what all services have said about one, and what waits.
type Order struct {
	timeline.Timeline
	Diagram string `json:"diagram"` // Mermaid: who made something of what
}

// showOrder answers with the timeline of an order.
func (d *Desk) showOrder(r *http.Request) (door.Answer, error) {
	var sources []timeline.Source
	for _, db := range d.sorted() {
		sources = append(sources, timeline.Source{DB: db, Follows: d.Follows[db.Service()], Acts: sagaKey(r.PathValue("id"))})
	}
	t, err := timeline.Of(r.Context(), r.PathValue("id"), sources)
	if errors.Is(err, timeline.ErrUnknown) {
		err = door.NotFound("order")
	}
	return door.Answer{Body: Order{Timeline: t, Diagram: t.Diagram()}}, err
}
