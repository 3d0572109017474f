package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// door is the server as its customers know it. It uses a transport, not a client: an
// answer that points elsewhere is to be counted as what it is, not followed.
type door struct {
	base string
	http *http.Transport
}

func newDoor(base string, clients int) *door {
	// A transport alone: a client would follow redirects and keep cookies, and costs more.
	return &door{base: base, http: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConnsPerHost: clients + 1, // and the poller
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true, // it would cost the server under test more than it saves
	}}
}

func (d *door) close() { d.http.CloseIdleConnections() }

// order is what is read of an order.
type order struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Style    string `json:"style"`
	Total    string `json:"total"`
	Currency string `json:"currency"`
}

// page is a part of the list of ended orders, which is in the order in which they ended.
// Its next is never empty: from there one goes on when more have ended.
type page struct {
	Items []order `json:"items"`
	Next  string  `json:"next"`
}

// call is a request. It can be made again as it is: a call that changes anything has a
// key. The zero key sends none.
type call struct {
	method, path, key string
	once              bool // "not now" is an answer
	body              []byte
}

// settledBy reports whether a refusal is the answer to c.
func (c call) settledBy(r *refusal) bool {
	return r.final() || c.once && r.status == http.StatusServiceUnavailable
}

// callTimeout is how long an answer may take before the call is made again.
const callTimeout = 15 * time.Second

// send makes one call and decodes its answer. Its error is a *refusal, or says that
// the answer was lost.
func (d *door) send(ctx context.Context, c call, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, c.method, d.base+c.path, bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	if c.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		r.Header.Set("Idempotency-Key", c.key)
	}
	resp, err := d.http.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return refused(resp)
	}
	if err := json.UnmarshalRead(resp.Body, into); err != nil {
		return fmt.Errorf("answer of %s %s: %w", c.method, c.path, err)
	}
	return nil
}

// refusal is an answer that is not 2xx: a problem document, or nothing that can be read.
type refusal struct {
	status int
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Reason string `json:"reason"`
	after  time.Duration
}

func refused(resp *http.Response) error {
	r := &refusal{status: resp.StatusCode}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || json.Unmarshal(body, r) != nil { // the status says enough
		r.Title = http.StatusText(resp.StatusCode)
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		r.after = time.Duration(s) * time.Second
	}
	return r
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s: %s", r.status, r.Title, r.Detail)
}

// final reports whether the same call would be refused again. A conflict without a
// cause is a twin of the call that is still in progress.
func (r *refusal) final() bool {
	switch r.status {
	case http.StatusConflict:
		return r.Reason == "out_of_stock"
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return r.status < 500
}

// insist makes a call until it is answered for good. It returns the last error once
// patience is over. The pauses double and are spread, so that clients who were cut off
// together do not come back together; a server's Retry-After counts up to five seconds.
func (d *door) insist(ctx context.Context, patience time.Duration, c call, into any) error {
	end := time.Now().Add(patience)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		err := d.send(ctx, c, into)
		var no *refusal
		if err == nil || errors.As(err, &no) && c.settledBy(no) {
			return err
		}
		pause := wait/2 + rand.N(wait/2) // apart from the other clients, who lost it at the same moment
		if no != nil {
			pause += min(no.after, 5*time.Second)
		}
		if time.Now().Add(pause).After(end) || !sleep(ctx, pause) {
			return err
		}
	}
}

// reach finds the server, and brings f to the end of the orders that have ended.
func (d *door) reach(ctx context.Context, f *follower, patience time.Duration) error {
	err := f.skip(ctx, min(patience, 10*time.Second))
	var no *refusal
	if err != nil && !errors.As(err, &no) {
		return fmt.Errorf("%w at %s: %w", ErrUnreached, d.base, err)
	}
	return err
}

// ended asks for the orders that ended after a cursor.
func (d *door) ended(cursor string, limit int) call {
	path := "/api/orders?final=true&limit=" + strconv.Itoa(limit)
	if cursor != "" {
		path += "&cursor=" + url.QueryEscape(cursor)
	}
	return call{method: "GET", path: path}
}

// sleep waits, and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
