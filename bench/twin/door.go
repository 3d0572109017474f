package twin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
)

func (s *shop) door() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/orders", s.post)
	mux.HandleFunc("GET /api/orders", s.ended)
	return mux
}

// post accepts an order: all that can be done before the transaction, is.
func (s *shop) post(w http.ResponseWriter, r *http.Request) {
	a := wire.Accept(r, &s.menu, s.style.name)
	begin := s.style.begin(a)
	s.order.update(func(t *tx) { t.accept(a, begin) })
	a.Reply(w)
}

func (s *shop) offer(id string) (p wire.Product) {
	s.product.view(func(c *connection) {
		r := c.do(`SELECT name, price, currency FROM product WHERE id = ?`).text(id)
		r.rows(func() { p = wire.Product{Name: r.ColumnText(0), Price: r.ColumnInt64(1), Currency: r.ColumnText(2)} })
	})
	return p
}

// accept stores an order, and what its style begins with.
func (t *tx) accept(a wire.Accepted, begin func(*tx, envelope)) {
	at, due := a.At.UnixMicro(), a.Deadline.UnixMicro()
	e := envelope{key: a.OrderID, trace: a.Trace}
	t.do(`INSERT INTO orders (id, user_id, status, reason, style, currency, total, method, lines, payment_status,
			payment_attempts, shipment_status, tracking, deadline, created, updated, version, ended)
		VALUES (?1, ?2, 'pending', '', ?3, ?4, ?5, ?6, ?7, 'pending', 0, 'pending', '', ?8, ?9, ?9, 1, NULL)`).
		text(a.OrderID).text(a.UserID).text(a.Style).text(a.Currency).int(a.Total).text(a.Method).text(a.Stored).int(due).int(at).run()
	t.append(e, 1, a.Kind(), a.Said)
	begin(t, e)
	t.do(`INSERT INTO idempotency (caller, route, key, digest, status, location, body, time) VALUES ('', 'POST /api/orders', ?, ?, 202, ?, ?, ?)`).
		text(a.Key).text(a.Digest).text(a.Location()).bytes(a.Answer).int(at).run()
}

// ended lists orders in the order in which they ended.
func (s *shop) ended(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, _ := strconv.ParseInt(query.Get("cursor"), 10, 64) // "" is the beginning
	limit, err := strconv.ParseInt(query.Get("limit"), 10, 64)
	wire.Must(err)
	page := wire.Page{Items: []wire.Document{}}
	s.order.view(func(c *connection) {
		o := c.do(`SELECT id, user_id, status, reason, style, currency, total, lines, payment_status, payment_attempts,
			shipment_status, tracking, created, updated, version, ended FROM orders WHERE ended > ? ORDER BY ended LIMIT ?`).int(after).int(limit)
		o.rows(func() {
			created := contract.OrderCreated{OrderID: o.ColumnText(0), UserID: o.ColumnText(1), Style: o.ColumnText(4), Currency: o.ColumnText(5), Total: o.ColumnInt64(6)}
			created.Lines = wire.Decode[[]contract.Line](o.blob(7))
			d := wire.NewDocument(created, time.UnixMicro(o.ColumnInt64(12)).UTC())
			d.Status, d.Reason, d.Payment, d.Shipment = o.ColumnText(2), o.ColumnText(3), wire.Paid{Status: o.ColumnText(8), Attempts: o.ColumnInt64(9)},
				wire.Sent{Status: o.ColumnText(10), TrackingNumber: o.ColumnText(11)}
			d.UpdatedAt, d.Version = time.UnixMicro(o.ColumnInt64(13)).UTC(), o.ColumnInt64(14)
			page.Items = append(page.Items, d)
			after = o.ColumnInt64(15)
		})
	})
	page.Next = strconv.FormatInt(after, 10)
	page.Reply(w)
}
