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
	"github.com/tidewire/tidewire/shop/operate"
)

// An orderCommand looks at orders.
type orderCommand struct {
	Show orderShowCommand `cmd:"" help:"What happened to an order in all services, why, and what it waits for."`
}

// An orderShowCommand shows all that is known of an order.
type orderShowCommand struct {
	ID      string `arg:"" help:"The order's id."`
	Diagram bool   `help:"Print who made something of what, as a sequence diagram in Mermaid."`
	JSON    bool   `help:"Print JSON: the timeline, and the answers of the customers' routes."`
}

// Help gives examples.
func (orderShowCommand) Help() string {
	return `The messages of all services come from the operators' door. AFTER is what made a service say something (with *, through work of its own), WAITED how long that took. Attempts to pay, postings, the parcel and the stock are what the services say at the customers' door.

Examples:

  tidewire order show 0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e
  tidewire order show 4711 --diagram > 4711.mmd
  tidewire order show 4711 --json | jq '.timeline.waiting'`
}

// An account of an order is what each service says about it; null where one says nothing.
// The views decode only what the table shows; --json passes on what they hold.
type account struct {
	Timeline  operate.Order     `json:"timeline"`
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

// Run prints the order. The customers' door may be elsewhere, or closed: then the timeline is
// there all the same.
func (cmd orderShowCommand) Run(c *console) error {
	operators, err := c.operators()
	if err != nil {
		return err
	}
	var a account
	if err := operators.do(http.MethodGet, "/admin/v1/orders/"+url.PathEscape(cmd.ID), nil, &a.Timeline); err != nil {
		return orderError(cmd.ID, err)
	}
	if cmd.Diagram && !cmd.JSON {
		fmt.Fprint(c.out, a.Timeline.Diagram)
		return nil
	}
	customers, err := c.customers()
	if err != nil {
		return err
	}
	if err := a.fetch(customers, cmd.ID); err != nil {
		fmt.Fprintf(c.err, "what the customers' door says is not here: %v\n", err)
	}
	if cmd.JSON {
		return printJSON(c.out, a)
	}
	return a.print(c)
}

// orderError says which order an error is about.
func orderError(id string, err error) error { return fmt.Errorf("order %s: %w", id, err) }

// fetch asks all services. Only the order itself must be known: the others hear of it
// later, or never if it ends before.
func (a *account) fetch(d *client, id string) error {
	id = url.PathEscape(id)
	if err := d.do(http.MethodGet, "/api/orders/"+id+"/events", nil, &a.History); err != nil {
		return err
	}
	if err := optional(d.do(http.MethodGet, "/api/payments/"+id, nil, &a.Payment)); err != nil {
		return err
	}
	if err := optional(d.do(http.MethodGet, "/api/shipments/"+id, nil, &a.Shipment)); err != nil {
		return err
	}
	var order struct {
		Items []struct{ ProductID string }
	}
	if err := json.Unmarshal(a.History.Order, &order); err != nil {
		return err
	}
	for _, item := range order.Items {
		var stock json.RawMessage
		if err := optional(d.do(http.MethodGet, "/api/inventory/"+url.PathEscape(item.ProductID), nil, &stock)); err != nil {
			return err
		}
		if stock != nil {
			a.Inventory = append(a.Inventory, stock)
		}
	}
	return nil
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
	at                 time.Time
	who, what          string
	after, took, about string
}

// print puts what has a time in its order, what waits behind it, and last what is so now.
func (a account) print(c *console) error {
	moments := a.moments()
	slices.SortStableFunc(moments, func(x, y moment) int { return x.at.Compare(y.at) })
	t := newTable(c.out, "TIME", "SERVICE", "WHAT", "AFTER", "WAITED", "ABOUT")
	for _, m := range moments {
		t.row(clock(m.at), m.who, m.what, m.after, m.took, m.about)
	}
	if until := a.Timeline.ReadUntil; !until.IsZero() {
		t.row(clock(until), "", "not read further", "", "", "the journals are too long to be read to their end")
	}
	for _, w := range a.Timeline.Waiting {
		about := w.Place
		if w.Tries > 0 {
			about = fmt.Sprintf("%s, failed %d times: %s", w.Place, w.Tries, firstLine(w.Failure))
		}
		if !w.Due.IsZero() {
			about += ", due " + clock(w.Due)
		}
		t.row("waits", w.Service, w.What+": "+w.Kind, "", since(w.Since), about)
	}
	if s := a.Shipment; s != nil {
		t.row("now", "shipping", s.Status, "", "", strings.TrimSpace(s.Carrier+" "+s.TrackingNumber))
	}
	if p := a.Payment; p != nil {
		t.row("now", "payment", p.Status, "", "", fmt.Sprintf("%d attempts", len(p.Attempts)))
	}
	for _, stock := range a.Inventory {
		t.row("now", "inventory", "stock", "", "", inline(stock))
	}
	if a.History.Order != nil {
		t.row("now", "order", "order", "", "", inline(a.History.Order))
	}
	return t.end()
}

// moments are what has a time: messages, and beside them what only payment keeps.
func (a account) moments() (all []moment) {
	for _, m := range a.Timeline.Moments {
		line := moment{at: m.Time, who: m.Service, what: m.Kind, after: "a request", about: inline(json.RawMessage(m.Body))}
		switch {
		case m.After != "":
			line.after, line.took = m.By+" "+m.After, fmt.Sprintf("%.1fms", m.Waited)
			if m.Through != "" {
				line.after += " *"
			}
		case m.Cause != "":
			line.after = m.Cause
		}
		if m.Who != "" {
			line.what, line.after = m.Kind+": "+m.Act, "by "+m.Who
			if line.about = m.Why; m.Why == "" {
				line.about = "no reason given"
			}
		}
		all = append(all, line)
	}
	if a.Payment == nil {
		return all
	}
	for _, t := range a.Payment.Attempts {
		all = append(all, moment{at: t.At, who: "payment", what: t.Kind + " " + t.Status, about: cmp.Or(t.Error, t.Reference)})
	}
	for _, p := range a.Payment.Postings {
		all = append(all, moment{at: p.At, who: "payment", what: "posting", about: p.Account + " " + p.Amount + " " + p.Currency})
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
