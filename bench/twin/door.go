package twin

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/tidewire/tidewire/shop/contract"
)

// deadline begins the id of the job that would end an order in time.
const deadline = "deadline-"

func (s *shop) door() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/orders", s.post)
	mux.HandleFunc("GET /api/orders", s.ended)
	return mux
}

type request struct {
	UserID string `json:"userId"`
	Items  []struct {
		ProductID string `json:"productId"`
		Quantity  int64  `json:"quantity"`
	} `json:"items"`
}

// post accepts an order: all that can be done before the transaction, is.
func (s *shop) post(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	must(err)
	q := decode[request](text)
	now := time.Now().UTC().Truncate(time.Microsecond)
	o := contract.OrderCreated{OrderID: newID(), UserID: q.UserID, Style: "choreographed", Method: "ok", Deadline: now.Add(5 * time.Minute)}
	s.product.view(func(c *connection) {
		for _, i := range q.Items {
			l := contract.Line{ProductID: i.ProductID, Quantity: i.Quantity}
			p := c.do(`SELECT name, price, currency FROM product WHERE id = ?`).text(i.ProductID)
			p.rows(func() { l.Name, l.UnitPrice, o.Currency = p.ColumnText(0), p.ColumnInt64(1), p.ColumnText(2) })
			o.Lines = append(o.Lines, l)
			o.Total += l.Quantity * l.UnitPrice
		}
	})
	digest := sha256.Sum256(text)
	a := accepted{OrderCreated: o, at: now, lines: string(encode(o.Lines)), answer: encode(newDocument(o, now)),
		key: r.Header.Get("Idempotency-Key"), digest: hex.EncodeToString(digest[:])}
	s.order.update(a.store)
	w.Header()["Location"] = []string{"/api/orders/" + o.OrderID}
	reply(w, http.StatusAccepted, a.answer)
}

func reply(w http.ResponseWriter, status int, text []byte) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	_, err := w.Write(text)
	must(err)
}

// accepted is an order with everything that is stored about it.
type accepted struct {
	contract.OrderCreated
	at          time.Time
	lines       string
	answer      []byte
	key, digest string
}

func (a accepted) store(t *tx) {
	at, due := a.at.UnixMicro(), a.Deadline.UnixMicro()
	e := envelope{key: a.OrderID, trace: newTrace()}
	t.do(`INSERT INTO orders (id, user_id, status, reason, style, currency, total, method, lines, payment_status,
			payment_attempts, shipment_status, tracking, deadline, created, updated, version, ended)
		VALUES (?1, ?2, 'pending', '', ?3, ?4, ?5, ?6, ?7, 'pending', 0, 'pending', '', ?8, ?9, ?9, 1, NULL)`).
		text(a.OrderID).text(a.UserID).text(a.Style).text(a.Currency).int(a.Total).text(a.Method).text(a.lines).int(due).int(at).run()
	t.say(e, 1, a.OrderCreated)
	t.send(e, job{id: deadline + a.OrderID, queue: "order_deadlines", kind: "expire", due: due, body: []byte(`{"orderId":"` + a.OrderID + `"}`)})
	t.do(`INSERT INTO idempotency (caller, route, key, digest, status, location, body, time) VALUES ('', 'POST /api/orders', ?, ?, 202, ?, ?, ?)`).
		text(a.key).text(a.digest).text("/api/orders/" + a.OrderID).bytes(a.answer).int(at).run()
}

// ended lists orders in the order in which they ended.
func (s *shop) ended(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, _ := strconv.ParseInt(query.Get("cursor"), 10, 64) // "" is the beginning
	limit, err := strconv.ParseInt(query.Get("limit"), 10, 64)
	must(err)
	page := struct {
		Items []document `json:"items"`
		Next  string     `json:"next"`
	}{Items: []document{}}
	s.order.view(func(c *connection) {
		o := c.do(`SELECT id, user_id, status, reason, style, currency, total, lines, payment_status, payment_attempts,
			shipment_status, tracking, created, updated, version, ended FROM orders WHERE ended > ? ORDER BY ended LIMIT ?`).int(after).int(limit)
		o.rows(func() {
			created := contract.OrderCreated{OrderID: o.ColumnText(0), UserID: o.ColumnText(1), Style: o.ColumnText(4), Currency: o.ColumnText(5), Total: o.ColumnInt64(6)}
			must(json.Unmarshal(o.blob(7), &created.Lines))
			d := newDocument(created, time.UnixMicro(o.ColumnInt64(12)).UTC())
			d.Status, d.Reason, d.Payment, d.Shipment = o.ColumnText(2), o.ColumnText(3), paid{o.ColumnText(8), o.ColumnInt64(9)}, sent{o.ColumnText(10), o.ColumnText(11)}
			d.UpdatedAt, d.Version = time.UnixMicro(o.ColumnInt64(13)).UTC(), o.ColumnInt64(14)
			page.Items = append(page.Items, d)
			after = o.ColumnInt64(15)
		})
	})
	page.Next = strconv.FormatInt(after, 10)
	reply(w, http.StatusOK, encode(page))
}
