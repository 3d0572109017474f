package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/simulator"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Everything that was ever said, told once more to everybody who follows it, changes nothing:
// no row of any service, and no mail. The provider is gone by then, so that nobody can call it.
func TestReplayOfEverythingChangesNothing(t *testing.T) {
	for engine, set := range map[string]func(*testing.T) []string{
		"sqlite":   func(*testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string { return []string{"database=" + database(t)} },
	} {
		t.Run(engine, func(t *testing.T) {
			provider, stopProvider := provide(t, filepath.Join(t.TempDir(), "simulator.db"))
			f := openFront(t, t.TempDir(), append(set(t), "payment.simulator="+provider, "carrier.day=100ms")...)
			stop := f.runs()
			defer stop()
			f.mixed()
			before := f.settled()
			stopProvider()
			replays := 0
			for _, s := range f.subscriptions() {
				replays += int(f.replay(s).Messages)
			}
			after := f.settled()
			for _, table := range slices.Sorted(maps.Keys(before)) {
				if gone, added := without(before[table], after[table]), without(after[table], before[table]); len(gone)+len(added) > 0 {
					t.Errorf("a replay changed %s:\ngone\n%s\nnew\n%s", table, strings.Join(gone, "\n"), strings.Join(added, "\n"))
				}
			}
			if replays < 500 || len(before) < 20 {
				t.Errorf("only %d messages were told again, and %d tables compared", replays, len(before))
			}
			t.Logf("%d messages were told again", replays)
		})
	}
}

// provide runs a payment provider until stop.
func provide(t *testing.T, file string) (url string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- simulator.Run(ctx, l, file, simulator.Options{Slow: 10 * time.Millisecond}) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return "http://" + l.Addr().String(), stop
}

// runs lets all parts run until stop.
func (f *shopfront) runs() (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run.All(ctx, f.parts(nil)...) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			f.t.Error(err)
		}
	})
}

// mixed has orders end in every way, of every style.
func (f *shopfront) mixed() {
	f.t.Helper()
	f.post("/api/users", `{"id":"u1","name":"Una","email":"una@example.com"}`)
	f.post("/api/products", `{"id":"rare","name":"Rare","price":"1.50","stock":4}`)
	f.post("/api/products", `{"id":"many","name":"Many","price":"2.50","stock":1000}`)
	for _, style := range []string{"choreographed", "orchestrated", "parallel"} {
		for _, method := range []string{"ok", "declined", "fails_twice", "timeout_captured", "timeout_lost", "slow"} {
			f.post("/api/orders", fmt.Sprintf(`{"id":"%s-%s","userId":"u1","style":"%[1]s","payment":{"method":"%s"},"items":[{"productId":"many","quantity":1},{"productId":"many","quantity":2}]}`, style, method, method))
		}
		for n := range 3 { // one of them is too many
			f.post("/api/orders", fmt.Sprintf(`{"id":"%s-rare-%d","userId":"1","style":"%[1]s","productId":"rare","quantity":2}`, style, n))
		}
		f.post("/api/orders", fmt.Sprintf(`{"id":"%s-off","userId":"1","style":"%[1]s","productId":"many","quantity":1,"payment":{"method":"slow"}}`, style))
		f.post("/api/orders/"+style+"-off/cancel", "")
	}
	f.post("/api/inventory/many/restock", `{"quantity":7}`)
	f.patch("/api/products/many", `{"name":"Many more","price":"3.50"}`)
	f.patch("/api/users/u1", `{"name":"Una Two"}`)
}

func (f *shopfront) patch(path, body string) {
	f.t.Helper()
	c := served{pattern: "PATCH " + path, path: path, body: body}.good()
	if w := f.send(c); w.Code > 299 {
		f.t.Fatalf("PATCH %s: %d %s", path, w.Code, w.Body)
	}
}

// without returns those of rows that are not among others.
func without(rows, others []string) (rest []string) {
	for _, r := range rows {
		if _, found := slices.BinarySearch(others, r); !found {
			rest = append(rest, r)
		}
	}
	return rest
}

// settled waits until nobody has anything to do, and returns all that the services have. That
// they were told again is left out.
func (f *shopfront) settled() map[string][]string {
	f.t.Helper()
	var last map[string][]string
	eventually(f.t, "nothing is left to do", func() bool {
		for _, s := range f.subscriptions() {
			if s.Behind != 0 || s.Parked != 0 {
				last = nil
				return false
			}
		}
		depths, err := f.desk.Depths(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		for _, q := range depths {
			if q.Due+q.Out > 0 && q.Queue != "payment_reconciliation" || q.Dead > 0 {
				last = nil
				return false
			}
		}
		open := f.send(&call{method: "GET", path: "/api/orders?status=pending", host: "localhost"}).Body.String()
		now := f.rows()
		// Who has read how far, and who asks now and then, is no effect of a message.
		maps.DeleteFunc(now, func(table string, _ []string) bool {
			_, name, _ := strings.Cut(table, ".")
			return slices.Contains([]string{"position", "member", "pulse", "identity"}, name) || table == "payment.job" || strings.HasPrefix(name, "reconcil") || strings.Contains(name, "goose")
		})
		for service, db := range f.databases {
			now[service+".journal"] = f.said(db)
		}
		same := maps.EqualFunc(last, now, slices.Equal)
		last = now
		return same && strings.HasPrefix(open, `{"items":[]`)
	})
	return last
}

// said is what a service has ever said, each once: a command that comes again is answered
// again. What it is answered is what is so by then, so that of the orders that are conducted
// only their own history must be the same. That an operator asked for all that is left out.
func (f *shopfront) said(db *store.DB) (all []string) {
	f.t.Helper()
	body := "CAST(body AS TEXT)"
	if f.server != nil {
		body = "convert_from(body, 'UTF8')"
	}
	err := db.View(f.t.Context(), func(tx *store.Tx) (err error) {
		all, err = texts(tx, `SELECT DISTINCT kind || ' ' || key || ' ' || CAST(COALESCE(version, 0) AS TEXT) || ' ' || `+body+` FROM journal WHERE class <> 'audit' AND ('`+db.Service()+`' = 'order' OR key NOT LIKE 'orchestrated-%')`)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func (f *shopfront) subscriptions() []operate.Stream {
	f.t.Helper()
	all, err := f.desk.Streams(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

// replay has one partition of a subscription read again, and waits until it was.
func (f *shopfront) replay(s operate.Stream) (done operate.StreamReplayed) {
	f.t.Helper()
	body := fmt.Sprintf(`{"from":"start","partition":%d,"who":"eve","why":"to see that nothing happens"}`, s.Partition)
	r := httptest.NewRequest("POST", "http://localhost/admin/v1/streams/"+s.Subscription+"/"+s.Log+"/replay", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, f.desk.Routes()...).ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &done); w.Code != 200 || err != nil {
		f.t.Fatalf("%s: %d %s", s.Where(), w.Code, w.Body)
	}
	return done
}
