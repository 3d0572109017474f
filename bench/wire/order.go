package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// Deadline begins the id of the job that would end an order in time.
const Deadline = "deadline-"

// A request is what a customer asks for.
type request struct {
	UserID string `json:"userId"`
	Items  []struct {
		ProductID string `json:"productId"`
		Quantity  int64  `json:"quantity"`
	} `json:"items"`
}

// An Accepted is a new order, with everything that is stored about it.
type Accepted struct {
	contract.OrderCreated
	At          time.Time
	Stored      string // its lines
	Said        []byte // OrderCreated
	Expire      []byte // the work for when its deadline has passed
	Answer      []byte
	Key, Digest string // of the request
	Trace       string
}

// Accept reads an order and prepares all that is stored about it.
func Accept(r *http.Request, menu *Menu, style string) Accepted {
	text, err := io.ReadAll(r.Body)
	Must(err)
	q := Decode[request](text)
	now := time.Now().UTC().Truncate(time.Microsecond)
	o := contract.OrderCreated{OrderID: NewID(), UserID: q.UserID, Style: style, Method: "ok", Deadline: now.Add(5 * time.Minute)}
	for _, i := range q.Items {
		p := menu.Product(i.ProductID)
		o.Lines = append(o.Lines, contract.Line{ProductID: i.ProductID, Name: p.Name, Quantity: i.Quantity, UnitPrice: p.Price})
		o.Total += i.Quantity * p.Price
		o.Currency = p.Currency
	}
	expire := `{"orderId":"` + o.OrderID + `"}`
	if style == contract.Orchestrated {
		expire = `{"id":"` + o.OrderID + `"}` // of its saga
	}
	digest := sha256.Sum256(text)
	return Accepted{OrderCreated: o, At: now, Stored: string(Encode(o.Lines)), Said: Encode(o), Expire: []byte(expire),
		Answer: Encode(NewDocument(o, now)), Key: r.Header.Get("Idempotency-Key"), Digest: hex.EncodeToString(digest[:]), Trace: NewTrace()}
}

// Location is where the order is to be found.
func (a Accepted) Location() string { return "/api/orders/" + a.OrderID }

// Reply tells the customer.
func (a Accepted) Reply(w http.ResponseWriter) {
	w.Header()["Location"] = []string{a.Location()}
	reply(w, http.StatusAccepted, a.Answer)
}

// Reply sends the page.
func (p Page) Reply(w http.ResponseWriter) { reply(w, http.StatusOK, Encode(p)) }

func reply(w http.ResponseWriter, status int, text []byte) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone has what it asked for all the same
}
