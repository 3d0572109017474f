package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Options are the settings of a simulator. The zero value is the default.
type Options struct {
	Faults Faults        // to begin with; none
	Slow   time.Duration // how long the method slow takes; 2s
}

const (
	cutAfter  = 20 * time.Millisecond // what a lost answer takes without Faults.Hold
	drainTime = 2 * time.Second       // for requests that are being served when Run ends
	maxBody   = 64 << 10
	pageSize  = 1000
)

// A server is the HTTP side of the provider.
type server struct {
	ledger   ledger
	faults   *switchboard
	slow     time.Duration
	identity func(context.Context) (string, error) // of the ledger
	life     context.Context                       // of Run: a request that was repeated or delayed does not end with its caller
}

// Run serves the provider on l, with its ledger in file, until ctx ends, and then
// returns nil. It closes l.
func Run(ctx context.Context, l net.Listener, file string, o Options) (err error) {
	driver, err := sqlite.Open(ctx, file, migrations)
	if err != nil && ctx.Err() != nil {
		return l.Close()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("payment simulator: %w", err), l.Close())
	}
	db := store.Open("simulator", driver)
	defer func() { err = errors.Join(err, db.Close()) }()
	if o.Slow == 0 {
		o.Slow = 2 * time.Second
	}
	s := &server{ledger: ledger{db}, identity: sqlite.NewLog(db, driver).Identity, faults: &switchboard{on: o.Faults}, slow: o.Slow, life: ctx}
	h := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		stopped <- errors.Join(h.Shutdown(drain), h.Close())
	})
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return errors.Join(fmt.Errorf("payment simulator: %w", err), h.Close())
	}
	if err := <-stopped; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// routes are the API, as doc.go lists it.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /charges", s.money(charging))
	mux.HandleFunc("POST /authorizations", s.money(authorizing))
	mux.HandleFunc("POST /authorizations/{key}/capture", s.about(capturing))
	mux.HandleFunc("POST /refunds", s.money(refunding))
	mux.HandleFunc("POST /charges/{key}/void", s.about(voiding))
	mux.HandleFunc("GET /charges/{key}", s.about(lookingUp))
	mux.HandleFunc("GET /ledger", s.page)
	mux.HandleFunc("POST /faults", s.setFaults)
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, s.faults.get()) })
	mux.HandleFunc("GET /healthz", s.health)
	return mux
}

// health says which ledger this is: another one knows nothing of what was charged here.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	id, err := s.identity(r.Context())
	if err != nil {
		problem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	w.Header().Set("Ledger", id)
	w.WriteHeader(http.StatusNoContent)
}

// money serves a request with a body.
func (s *server) money(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req request
		if err := decode(w, r, &req); err != nil {
			problem(w, http.StatusBadRequest, err.Error())
			return
		}
		if what := req.check(kind); what != "" {
			problem(w, http.StatusUnprocessableEntity, what)
			return
		}
		s.serve(w, r, kind, req)
	}
}

// about serves a request that names a charge or a hold in its path.
func (s *server) about(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, kind, request{Key: r.PathValue("key")})
	}
}

// check returns what is not acceptable in r.
func (r request) check(kind string) string {
	methods := []string{"ok", "declined", "declined_late", "fails_twice", "unavailable", "timeout_captured", "timeout_lost", "slow"}
	switch {
	case r.Key == "" || r.OrderID == "":
		return "key and orderId are needed"
	case r.Amount <= 0 || len(r.Currency) != 3:
		return "a positive amount and a currency of three letters are needed"
	case kind == refunding && r.ChargeKey == "":
		return "chargeKey is needed"
	case (kind == charging || kind == authorizing) && !slices.Contains(methods, r.Method):
		return fmt.Sprintf("no method %q", r.Method)
	}
	return ""
}

// serve lets the faults and the ledger decide what the caller gets.
func (s *server) serve(w http.ResponseWriter, r *http.Request, kind string, req request) {
	faults := s.faults.get()
	delay := time.Duration(faults.Slow)
	if req.Method == "slow" {
		delay += s.slow
	}
	wait(s.life, delay) // not r.Context(): what is on its way arrives, whoever has given up
	first, err := s.process(kind, req, faults)
	if err != nil {
		problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	if first.cut {
		hold := time.Duration(faults.Hold)
		if hold == 0 {
			hold = cutAfter
		}
		wait(r.Context(), hold)
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	}
	reply(w, status(kind, first.Status), first)
}

// process has the ledger serve a request, twice at once if the network repeats it.
func (s *server) process(kind string, req request, faults Faults) (first answer, err error) {
	ctx := context.WithoutCancel(s.life) // what has begun is finished
	var twin sync.WaitGroup
	defer twin.Wait()
	if faults.Duplicate && kind != lookingUp {
		twin.Go(func() {
			// Whoever sent the repeated request never sees its answer.
			_, _ = s.ledger.serve(ctx, kind, req, faults.Down)
		})
	}
	return s.ledger.serve(ctx, kind, req, faults.Down)
}

// status is the HTTP status of an answer.
func status(kind, answer string) int {
	switch answer {
	case notFound:
		return http.StatusNotFound
	case mismatch:
		return http.StatusUnprocessableEntity
	case refused:
		return http.StatusConflict
	case unavailable, "down":
		return http.StatusServiceUnavailable
	case voided:
		if kind == charging || kind == authorizing || kind == capturing {
			return http.StatusConflict
		}
	}
	return http.StatusOK
}

// page answers with the ledger after a cursor, which is the number of a call, and with
// the provider's own time: that of its entries is told by the same clock.
func (s *server) page(w http.ResponseWriter, r *http.Request) {
	faults := s.faults.get()
	wait(r.Context(), time.Duration(faults.Slow))
	if faults.Down {
		reply(w, http.StatusServiceUnavailable, answer{Status: "down"})
		return
	}
	cursor, err := number(r.FormValue("cursor"), 0)
	limit, err2 := number(r.FormValue("limit"), pageSize)
	if err != nil || err2 != nil || limit < 1 || limit > pageSize {
		problem(w, http.StatusBadRequest, fmt.Sprintf("cursor must be that of an entry, and limit 1 to %d", pageSize))
		return
	}
	now := time.Now() // before the ledger is read: what it has not is later
	items, next, err := s.ledger.page(r.Context(), cursor, limit)
	if err != nil {
		problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer := map[string]any{"items": items, "now": now.UTC()}
	if next != 0 {
		answer["next"] = strconv.FormatInt(next, 10)
	}
	reply(w, http.StatusOK, answer)
}

// number reads a parameter that may be absent.
func number(text string, absent int64) (int64, error) {
	if text == "" {
		return absent, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

// setFaults switches those faults that the body names.
func (s *server) setFaults(w http.ResponseWriter, r *http.Request) {
	if err := s.faults.set(func(f *Faults) error { return decode(w, r, f) }); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	reply(w, http.StatusOK, s.faults.get())
}

// decode reads one JSON value with no unknown key.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

func reply(w http.ResponseWriter, code int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(b) // a caller that has gone looks the answer up
}

func problem(w http.ResponseWriter, code int, detail string) {
	http.Error(w, detail, code)
}
