package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
)

// ordered posts an order and returns its id, and where that was written.
func (f *shopfront) ordered() (id, position string) {
	f.t.Helper()
	w := f.send(&call{method: "POST", path: "/api/orders", host: "localhost", body: `{"userId":"1","productId":"1","quantity":1,"style":"choreographed"}`,
		header: http.Header{"Content-Type": {"application/json"}}})
	position = w.Header().Get("Tidewire-Position")
	if w.Code != http.StatusAccepted || !strings.HasPrefix(position, "order/") || w.Header().Get("Etag") == "" {
		f.t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	return strings.TrimPrefix(w.Header().Get("Location"), "/api/orders/"), position
}

// read is a GET that sends headers back.
func (f *shopfront) read(path string, headers ...string) *httptest.ResponseRecorder {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Add(headers[i], headers[i+1])
	}
	return f.send(&call{method: "GET", path: path, host: "localhost", header: h})
}

// during runs the platform while do runs.
func (f *shopfront) during(do func()) {
	f.t.Helper()
	ctx, stop := context.WithCancel(f.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run.All(ctx, f.parts(nil)...) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			f.t.Error(err)
		}
	}()
	do()
}

// Whoever orders and sends the position back sees the order everywhere, at once or 503: in
// no view is it not there.
func TestReadYourOwnWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *shopfront) {
		f := open()
		id, position := f.ordered()
		// Nobody reads yet: its own service shows it, who follows that does not.
		for path, want := range map[string]int{"/api/orders/" + id: 200, "/api/products/1": 200, "/api/users/1": 200, "/api/payments/" + id: 503} {
			if w := f.read(path, "Tidewire-Position", position); w.Code != want || want == 503 && w.Header().Get("Retry-After") != "1" {
				t.Errorf("%s while nobody reads: %d %s, want %d", path, w.Code, w.Body, want)
			}
		}
		place := strings.Split(position, "/")
		for header, want := range map[string]string{"nobody/1/1": "unknown-position", place[0] + "/" + place[1] + "/" + "999999999": "unknown-position", "order": "bad-position"} {
			for _, path := range []string{"/api/orders/" + id, "/api/payments/" + id, "/api/analytics"} {
				if w := f.read(path, "Tidewire-Position", header); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s at %s: %d %s, want 400 %s", path, header, w.Code, w.Body, want)
				}
			}
		}
		reader := f
		if f.server != nil {
			reader = open() // another instance, which has not seen the order being written
		}
		f.during(func() {
			for n := 2; n <= 12; n++ {
				id, position := f.ordered()
				if w := reader.eventually("/api/payments/"+id, position); w.Code != 200 {
					t.Errorf("payment of %s: %d %s", id, w.Code, w.Body)
				}
				w := reader.eventually("/api/analytics", position)
				var counted struct {
					TotalOrders int `json:"totalOrders"`
				}
				if err := json.Unmarshal(w.Body.Bytes(), &counted); err != nil || counted.TotalOrders < n {
					t.Errorf("order %d is not counted: %s, %v", n, w.Body, err)
				}
				if w := reader.eventually("/api/notifications", position); !strings.Contains(w.Body.String(), id) {
					t.Errorf("nobody was told of %s: %s", id, w.Body)
				}
				if w := reader.read("/api/orders/"+id, "Tidewire-Position", position); w.Code != 200 {
					t.Errorf("order %s: %d %s", id, w.Code, w.Body)
				}
			}
		})
	})
}

// eventually reads until the answer is not that it is not there yet: a machine may be slow,
// and 503 is no lie.
func (f *shopfront) eventually(path, position string) (w *httptest.ResponseRecorder) {
	f.t.Helper()
	eventually(f.t, path, func() bool {
		w = f.read(path, "Tidewire-Position", position)
		return !strings.Contains(w.Body.String(), "not-there-yet")
	})
	return w
}

// A message that is parked has not been seen, though its reader has gone on.
func TestAViewWithoutAParkedMessageIsNotThere(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *shopfront) {
		f := open()
		id, position := f.ordered()
		db := f.databases["payment"]
		f.settle("/api/payments/" + id)
		if w := f.read("/api/payments/"+id, "Tidewire-Position", position); w.Code != 200 {
			t.Fatalf("before: %d %s", w.Code, w.Body)
		}
		var partition, seq int64
		if _, err := fmt.Sscanf(position, "order/%d/%d", &partition, &seq); err != nil {
			t.Fatal(err)
		}
		_, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			return tx.Exec(`INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due)
				VALUES ('payment', 'order', $1, $2, 'm', 'OrderCreated', 'public', $3, 1, $4, '', '', $5, 'dead', $4)`, partition, seq, id, tx.Now, []byte("{}"))
		})
		if err != nil {
			t.Fatal(err)
		}
		if w := f.read("/api/payments/"+id, "Tidewire-Position", position); w.Code != 503 || !strings.Contains(w.Body.String(), "not-there-yet") {
			t.Errorf("parked: %d %s", w.Code, w.Body)
		}
	})
}

// An order has a tag of all that is shown of it: progress changes it, though the version stays.
func TestTheTagOfAnOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *shopfront) {
		f := open()
		id, position := f.ordered()
		path := "/api/orders/" + id
		tag := f.read(path).Header().Get("Etag")
		if w := f.read(path, "If-None-Match", tag, "Tidewire-Position", position); w.Code != 304 || w.Body.Len() > 0 || w.Header().Get("Etag") != tag {
			t.Errorf("unchanged: %d %s", w.Code, w.Body)
		}
		_, err := f.databases["order"].Update(t.Context(), []string{id}, func(tx *store.Tx) error {
			return tx.Exec(`UPDATE orders SET payment_attempts = 2 WHERE id = $1`, id)
		})
		if err != nil {
			t.Fatal(err)
		}
		w := f.read(path, "If-None-Match", tag)
		if w.Code != 200 || w.Header().Get("Etag") == tag || !strings.HasPrefix(w.Header().Get("Etag"), `"1-`) {
			t.Errorf("progress: %d %s, tag %s was %s", w.Code, w.Body, w.Header().Get("Etag"), tag)
		}
	})
}
