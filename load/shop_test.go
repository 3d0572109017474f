package load

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// shop is a small server that keeps its promises and has bad manners: it forgets to
// answer, goes away, and comes back.
type shop struct {
	t      *testing.T
	mu     sync.Mutex
	orders map[string]order  // by key
	ended  []order           // in the order in which they ended
	asked  map[string]int    // requests by path
	tries  map[string]int    // placements by key
	at     map[string]string // "product method" by key
	flaw   func(w http.ResponseWriter, try int) (answer bool)
	before func(w http.ResponseWriter, try int) (store bool)
	fates  map[string]string // by product: a final status, or stuck, refused, mute
	keep   bool              // orders never end

	addr string
	http *http.Server
}

func newShop(t *testing.T) *shop {
	s := &shop{t: t, orders: map[string]order{}, asked: map[string]int{}, tries: map[string]int{}, at: map[string]string{}, addr: "127.0.0.1:0"}
	s.open()
	t.Cleanup(s.close)
	return s
}

func (s *shop) open() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.addr = l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/orders", s.list)
	mux.HandleFunc("POST /api/orders", s.place)
	mux.HandleFunc("POST /api/products", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 201, map[string]any{"id": "none-left"})
	})
	s.http = &http.Server{Handler: mux}
	go s.http.Serve(l)
}

// close cuts every connection.
func (s *shop) close() { s.http.Close() }

func (s *shop) place(w http.ResponseWriter, r *http.Request) {
	var body struct {
		UserID  string `json:"userId"`
		Items   []Item `json:"items"`
		Payment struct{ Method string }
		Style   string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Items) != 1 {
		answer(w, 400, map[string]any{"title": "bad", "detail": fmt.Sprint(err)})
		return
	}
	key := r.Header.Get("Idempotency-Key")
	s.mu.Lock()
	s.tries[key]++
	try := s.tries[key]
	s.mu.Unlock()
	if s.before != nil && !s.before(w, try) {
		return
	}
	fate := s.fates[body.Items[0].ProductID]
	switch fate {
	case "refused":
		answer(w, 422, map[string]any{"title": "unknown product"})
		return
	case "mute":
		hangUp(w)
		return
	}
	s.mu.Lock()
	o, ok := s.orders[key]
	if !ok {
		o = order{ID: "o" + strconv.Itoa(len(s.orders)), Status: "completed", Total: "12.00", Currency: "USD", Style: "choreographed"}
		if body.Payment.Method != "" || body.Items[0].ProductID == "none-left" {
			o.Status = "failed"
		}
		if fate != "" {
			o.Status = fate
		}
		s.orders[key] = o
		s.at[key] = body.Items[0].ProductID + " " + body.Payment.Method
		if !s.keep && fate != "stuck" {
			s.ended = append(s.ended, o)
		}
	}
	s.mu.Unlock()
	if s.flaw != nil && !s.flaw(w, try) {
		return
	}
	o.Status = "pending"
	answer(w, 202, o)
}

func (s *shop) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.URL.Path]++
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	from, _ := strconv.Atoi(r.FormValue("cursor"))
	to := min(from+limit, len(s.ended))
	answer(w, 200, page{Items: s.ended[from:to], Next: strconv.Itoa(to)})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// hangUp cuts the connection without an answer.
func hangUp(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		c.Close()
	}
}

// half sends the beginning of an answer.
func half(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	fmt.Fprint(c, "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"id\":\"o")
}

// slowly answers after a time in which the order has long ended.
func slowly(d time.Duration) func(http.ResponseWriter, int) bool {
	return func(http.ResponseWriter, int) bool {
		<-time.After(d)
		return true
	}
}
