package operate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// The story of an order is told from the journals of all services, each with what it follows.
func TestAnOrderIsShown(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		m.desk.Follows = map[string][]string{"crew": {"Ordered"}}
		m.change(m.stock, func(tx *store.Tx) error {
			_, err := tx.AppendAfter(store.Place{}, "o1", said("Ordered"))
			return err
		})
		var ordered message.Message
		err := m.stock.View(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Row([]any{&ordered.ID}, `SELECT id FROM journal WHERE key = 'o1'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		m.change(m.crew, func(tx *store.Tx) error {
			tx = tx.Handling(ordered)
			if err := tx.SendAt(tx.Now.Add(time.Hour), "o1", asked{"Sweep", "crew_chores"}); err != nil {
				return err
			}
			return tx.Append("o1", said("Loaded"))
		})
		status, text := m.do("GET", "/admin/v1/orders/o1", "")
		var o operate.Order
		if err := json.Unmarshal([]byte(text), &o); err != nil || status != 200 {
			t.Fatalf("%d %s, %v", status, text, err)
		}
		var kinds []string
		for _, moment := range o.Moments {
			kinds = append(kinds, moment.Service+" "+moment.Kind+" "+moment.After)
		}
		if want := []string{"stock Ordered ", "crew Loaded Ordered"}; !slices.Equal(kinds, want) {
			t.Errorf("got %q, want %q", kinds, want)
		}
		if len(o.Waiting) != 1 || o.Waiting[0].Kind != "Sweep" || o.Waiting[0].Service != "crew" {
			t.Errorf("waiting: %+v", o.Waiting)
		}
		if !strings.Contains(o.Diagram, "stock->>crew: Ordered") {
			t.Errorf("got the diagram\n%s", o.Diagram)
		}
		if status, text := m.do("GET", "/admin/v1/orders/o2", ""); status != 404 || !strings.Contains(text, "no such order") {
			t.Errorf("an order that nobody knows: %d %s", status, text)
		}
	})
}
