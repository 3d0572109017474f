package payment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Simulated is the payment simulator as a Provider. It never repeats a request: the
// key stands in the body and not in an Idempotency-Key header, at which net/http would.
type Simulated struct {
	url    string
	client *http.Client
}

var _ Provider = (*Simulated)(nil)

// NewSimulated returns the provider at an address such as http://127.0.0.1:3100.
func NewSimulated(url string) *Simulated {
	return &Simulated{url: url, client: &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 512, // as many as workers may call at a time: a new connection costs more than a call
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true,
		},
		// A redirect is no answer, and following it would repeat the request.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Charge captures the money of c.
func (s *Simulated) Charge(ctx context.Context, c Charge) Answer {
	return s.ask(ctx, "POST /charges", c, c.understand)
}

// Authorize has the money of c held.
func (s *Simulated) Authorize(ctx context.Context, c Charge) Answer {
	return s.ask(ctx, "POST /authorizations", c, c.understand)
}

// Capture captures what is held under the key of c.
func (s *Simulated) Capture(ctx context.Context, c Charge) Answer {
	return s.ask(ctx, "POST /authorizations/"+url.PathEscape(c.Key)+"/capture", nil, c.understand)
}

// Lookup says what became of c.
func (s *Simulated) Lookup(ctx context.Context, c Charge) Answer {
	return s.ask(ctx, "GET /charges/"+url.PathEscape(c.Key), nil, c.understand)
}

// Void makes sure that c captures nothing from now on.
func (s *Simulated) Void(ctx context.Context, c Charge) Answer {
	return s.ask(ctx, "POST /charges/"+url.PathEscape(c.Key)+"/void", nil, c.understand)
}

// Refund gives back what c captured.
func (s *Simulated) Refund(ctx context.Context, key string, c Charge) Answer {
	body := map[string]any{"key": key, "chargeKey": c.Key, "orderId": c.OrderID, "amount": c.Amount, "currency": c.Currency}
	return s.ask(ctx, "POST /refunds", body, func(code int, r reply) Answer {
		about := r.Key == key && r.ChargeKey == c.Key && r.Amount == c.Amount && r.Currency == c.Currency
		switch {
		case r.Key == key && r.transient(code):
			return r.nothing()
		case code == http.StatusOK && r.Status == "refunded" && about && r.Reference != "":
			return Answer{Outcome: Refunded, Reference: r.Reference, At: r.At}
		}
		return r.unclear(code)
	})
}

// Ledger reads the simulator's ledger.
func (s *Simulated) Ledger(ctx context.Context, cursor string, most int) (page Page, err error) {
	code, text, err := s.send(ctx, "GET /ledger?limit="+strconv.Itoa(most)+"&cursor="+url.QueryEscape(cursor), nil)
	switch {
	case err != nil:
		return page, fmt.Errorf("%w: %v", ErrAway, err)
	case code >= http.StatusInternalServerError:
		return page, fmt.Errorf("%w: its ledger answers with HTTP status %d", ErrAway, code)
	case code != http.StatusOK:
		return page, fmt.Errorf("the provider's ledger answers with HTTP status %d", code)
	}
	var listed struct {
		Items []reply   `json:"items"`
		Now   time.Time `json:"now"`
	}
	if err := json.Unmarshal(text, &listed); err != nil {
		return page, fmt.Errorf("the provider's ledger: %w", err)
	}
	page.Now = listed.Now
	for _, r := range listed.Items {
		page.Entries = append(page.Entries, Entry{Cursor: r.Cursor, Outcome: Outcome(r.Status), Key: r.Key, OrderID: r.OrderID,
			Amount: r.Amount, Currency: r.Currency, Reference: r.Reference, At: r.At})
	}
	return page, nil
}

// A reply is the body of the simulator's answers.
type reply struct {
	Key       string    `json:"key"`
	ChargeKey string    `json:"chargeKey"`
	OrderID   string    `json:"orderId"`
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"`
	Status    string    `json:"status"`
	Reference string    `json:"reference"`
	At        time.Time `json:"at"`
	Cursor    string    `json:"cursor"` // of an entry of the ledger
}

// understand reads a reply to a question about c.
func (c Charge) understand(code int, r reply) Answer {
	if r.Key != c.Key {
		return r.unclear(code) // a proxy's error page, or a stranger
	}
	about := r.OrderID == c.OrderID && r.Amount == c.Amount && r.Currency == c.Currency && r.Reference != ""
	switch {
	case r.transient(code):
		return r.nothing()
	case code == http.StatusNotFound && r.Status == "not_found":
		return Answer{Outcome: NotFound}
	case (code == http.StatusOK || code == http.StatusConflict) && r.Status == "voided":
		return Answer{Outcome: Voided}
	case code == http.StatusOK && r.Status == "authorized" && about:
		return Answer{Outcome: Authorized, Reference: r.Reference, At: r.At}
	case code == http.StatusOK && r.Status == "captured" && about:
		return Answer{Outcome: Captured, Reference: r.Reference, At: r.At}
	case code == http.StatusOK && r.Status == "declined" && about:
		return Answer{Outcome: Declined, Reference: r.Reference, Error: "the provider declined"}
	}
	return r.unclear(code)
}

// transient reports whether the provider itself said that nothing happened.
func (r reply) transient(code int) bool {
	return code == http.StatusServiceUnavailable && (r.Status == "unavailable" || r.Status == "down")
}

// nothing says that nothing happened: for this order, or for any if the provider is down.
func (r reply) nothing() Answer {
	return Answer{Outcome: Unavailable, Error: "the provider had a transient error", Away: r.Status == "down"}
}

// unclear says that a reply decides nothing. What it said stays with the attempt.
func (r reply) unclear(code int) Answer {
	return Answer{Outcome: Unknown, Away: code >= http.StatusInternalServerError, Error: fmt.Sprintf("unclear answer: HTTP status %d, %.40q", code, r.Status)}
}

const maxReply = 1 << 20 // a page of the ledger has 500 entries

// ask sends one request, and has the reply understood if there is a whole one. Without
// one nothing is known: the request may have been lost, or its answer.
func (s *Simulated) ask(ctx context.Context, route string, body any, understand func(int, reply) Answer) Answer {
	code, text, err := s.send(ctx, route, body)
	if err != nil {
		return Answer{Outcome: Unknown, Away: true, Error: fmt.Sprintf("no answer: %v", err)}
	}
	var r reply
	if err := json.Unmarshal(text, &r); err != nil {
		return reply{}.unclear(code)
	}
	return understand(code, r)
}

func (s *Simulated) send(ctx context.Context, route string, body any) (code int, text []byte, err error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		content = bytes.NewReader(b)
	}
	method, path, _ := strings.Cut(route, " ")
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, content)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", store.TraceOf(ctx)) // of the call, for whoever looks for it there
	resp, err := s.client.Do(req)
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the provider's address
	}
	if err != nil {
		return 0, nil, err
	}
	// Read to the end, or the connection is not used again.
	text, err = io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return resp.StatusCode, text, errors.Join(err, resp.Body.Close())
}
