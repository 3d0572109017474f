package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
)

// An orderCommand looks at orders.
type orderCommand struct {
	Show orderShowCommand `cmd:"" help:"Everything that happened to an order, in one table."`
}

// An orderShowCommand shows all that is known of an order.
type orderShowCommand struct {
	ID   string `arg:"" help:"The order's id."`
	JSON bool   `help:"Print JSON: the answers of the routes."`
}

// Help gives examples.
func (orderShowCommand) Help() string {
	return `It puts together what the order, payment, shipping and inventory services say at the customers' door.

Examples:

  tidewire order show 0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e
  tidewire order show 4711 --json | jq .payment.attempts`
}

// An account of an order is what each service says about it; null where one says nothing.
// The views decode only what the table shows; --json passes on what they hold.
type account struct {
	History   historyView       `json:"history"`
	Payment   *paymentView      `json:"payment"`
	Shipment  *shipmentView     `json:"shipment"`
	Inventory []json.RawMessage `json:"inventory"`
}

// A historyView is the order's events, and the order they add up to.
type historyView struct {
	Events []struct {
		Type    string          `json:"type"`
		Time    time.Time       `json:"time"`
		Version int64           `json:"version"`
		Data    json.RawMessage `json:"data"`
	} `json:"events"`
	Order json.RawMessage `json:"order"`
}

// A paymentView is what was asked of the provider, and what was booked.
type paymentView struct {
	OrderID  string `json:"orderId"`
	Status   string `json:"status"`
	Attempts []struct {
		Kind      string    `json:"kind"`
		Status    string    `json:"status"`
		Reference string    `json:"reference"`
		Error     string    `json:"error"`
		At        time.Time `json:"at"`
	} `json:"attempts"`
	Postings []struct {
		Account  string    `json:"account"`
		Amount   string    `json:"amount"`
		Currency string    `json:"currency"`
		At       time.Time `json:"at"`
	} `json:"postings"`
}

// A shipmentView is where the parcel is.
type shipmentView struct {
	OrderID        string            `json:"orderId"`
	Status         string            `json:"status"`
	Carrier        string            `json:"carrier"`
	TrackingNumber string            `json:"trackingNumber"`
	Events         []json.RawMessage `json:"events"`
}

// Run prints the order.
func (cmd orderShowCommand) Run(c *console) error {
	door, err := c.customers()
	if err != nil {
		return err
	}
	a, err := fetch(door, cmd.ID)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c.out, a)
	}
	return a.print(c)
}

// fetch asks all services. Only the order itself must be known: the others hear of it
// later, or never if it ends before.
func fetch(d *client, id string) (a account, err error) {
	id = url.PathEscape(id)
	if err := d.do(http.MethodGet, "/api/orders/"+id+"/events", nil, &a.History); err != nil {
		return a, err
	}
	if err := optional(d.do(http.MethodGet, "/api/payments/"+id, nil, &a.Payment)); err != nil {
		return a, err
	}
	if err := optional(d.do(http.MethodGet, "/api/shipments/"+id, nil, &a.Shipment)); err != nil {
		return a, err
	}
	var order struct {
		Items []struct{ ProductID string }
	}
	if err := json.Unmarshal(a.History.Order, &order); err != nil {
		return a, err
	}
	for _, item := range order.Items {
		var stock json.RawMessage
		if err := optional(d.do(http.MethodGet, "/api/inventory/"+url.PathEscape(item.ProductID), nil, &stock)); err != nil {
			return a, err
		}
		if stock != nil {
			a.Inventory = append(a.Inventory, stock)
		}
	}
	return a, nil
}

// optional drops a 404: that service has not heard of it yet.
func optional(err error) error {
	var p *door.Problem
	if errors.As(err, &p) && p.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// A moment is one line of an order's story.
type moment struct {
	at        time.Time
	who, what string
	about     string
}

// print puts what has a time in its order, and what is so now behind it.
func (a account) print(c *console) error {
	moments := a.moments()
	slices.SortStableFunc(moments, func(x, y moment) int { return x.at.Compare(y.at) })
	t := newTable(c.out, "TIME", "SERVICE", "WHAT", "ABOUT")
	for _, m := range moments {
		t.row(clock(m.at), m.who, m.what, m.about)
	}
	if s := a.Shipment; s != nil {
		t.row("now", "shipping", s.Status, strings.TrimSpace(s.Carrier+" "+s.TrackingNumber))
	}
	if p := a.Payment; p != nil {
		t.row("now", "payment", p.Status, fmt.Sprintf("%d attempts", len(p.Attempts)))
	}
	for _, stock := range a.Inventory {
		t.row("now", "inventory", "stock", inline(stock))
	}
	t.row("now", "order", "order", inline(a.History.Order))
	return t.end()
}

// moments are what has a time.
func (a account) moments() (all []moment) {
	for _, e := range a.History.Events {
		all = append(all, moment{e.Time, "order", e.Type, inline(e.Data)})
	}
	if a.Payment == nil {
		return all
	}
	for _, t := range a.Payment.Attempts {
		all = append(all, moment{t.At, "payment", t.Kind + " " + t.Status, cmp.Or(t.Error, t.Reference)})
	}
	for _, p := range a.Payment.Postings {
		all = append(all, moment{p.At, "payment", "posting", p.Account + " " + p.Amount + " " + p.Currency})
	}
	return all
}

// inline shortens JSON to what fits on a line.
func inline(text json.RawMessage) string {
	const most = 160
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "…"
	}
	return string(text)
}
