package shipping

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
)

// fetch is a customer's request.
func (s *Service) fetch(t testing.TB, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, s.Routes()...).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w
}

func TestDoor(t *testing.T) {
	number := func() string {
		l, _ := (Courier{}).Label(t.Context(), Parcel{Key: "o"})
		return l.Tracking
	}()
	for _, c := range []struct {
		name       string
		give       messages
		status     int
		want       document // without times
		wantPickup bool
		wantEvents []string
	}{
		{"nothing", nil, 404, document{}, false, nil},
		{"ended before it began", messages{failed}, 200, document{OrderID: "o", Status: ended}, false, []string{"ended"}},
		{"wanted", messages{stocked}, 200, document{OrderID: "o", Status: wanted}, false, []string{"wanted"}},
		{"shipped", messages{stocked, made}, 200, document{OrderID: "o", Status: shipped, Carrier: "tidewire-courier", TrackingNumber: number}, true, []string{"wanted", "shipped"}},
		{"delivered", messages{stocked, made, moved}, 200, document{OrderID: "o", Status: delivered, Carrier: "tidewire-courier", TrackingNumber: number}, true, []string{"wanted", "shipped", "picked_up", "in_transit", "out_for_delivery", "delivered"}},
		{"returned", messages{stocked, made, failed, moved}, 200, document{OrderID: "o", Status: returned, Carrier: "tidewire-courier", TrackingNumber: number}, false, []string{"wanted", "shipped", "picked_up", "in_transit", "out_for_delivery", "recalled", "returned"}},
		{"recalled", messages{stocked, made, failed}, 200, document{OrderID: "o", Status: recalled, Carrier: "tidewire-courier", TrackingNumber: number}, false, []string{"wanted", "shipped", "recalled"}},
		{"labelled after its end", messages{stocked, failed, made}, 200, document{OrderID: "o", Status: recalled, Carrier: "tidewire-courier", TrackingNumber: number}, false, []string{"wanted", "shipped", "recalled"}},
	} {
		s := start(t)
		s.hears(t, "o", c.give...)
		w := s.fetch(t, "/api/shipments/o")
		if w.Code != c.status {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if c.status != 200 {
			continue
		}
		var got document
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		var events []string
		for i, e := range got.Events {
			events = append(events, e.Type)
			if i > 0 && e.Time.Before(got.Events[i-1].Time) {
				t.Errorf("%s: %s is before %s", c.name, e.Type, events[i-1])
			}
		}
		pickup := got.PickupAt != nil
		got.Events, got.PickupAt = nil, nil
		if !reflect.DeepEqual(got, c.want) || pickup != c.wantPickup || !reflect.DeepEqual(events, c.wantEvents) {
			t.Errorf("%s: %s", c.name, w.Body)
		}
	}
}

// The label is there from the moment there is one until it must not be used any more.
func TestLabelAtTheDoor(t *testing.T) {
	for _, c := range []struct {
		name    string
		give    messages
		status  int
		problem string
	}{
		{"nothing", nil, 404, "no-such-shipment"},
		{"wanted", messages{stocked}, 404, "no-such-label"},
		{"ended before it began", messages{failed}, 404, "no-such-label"},
		{"ended while its label was made", messages{stocked, failed}, 404, "no-such-label"},
		{"shipped", messages{stocked, made}, 200, ""},
		{"delivered", messages{stocked, made, moved}, 200, ""},
		{"recalled", messages{stocked, made, failed}, 409, "recalled"},
		{"labelled after its end", messages{stocked, failed, made}, 409, "recalled"},
		{"returned", messages{stocked, made, failed, moved}, 409, "recalled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t)
			s.hears(t, "o", c.give...)
			w := s.fetch(t, "/api/shipments/o/label.pdf")
			if w.Code != c.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, c.status)
			}
			if c.status != 200 {
				var p door.Problem
				if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Type != "urn:tidewire:problem:"+c.problem {
					t.Errorf("got %s (%v), want %s", w.Body, err, c.problem)
				}
				return
			}
			l, _ := (Courier{}).Label(t.Context(), Parcel{Key: "o"})
			want := map[string]string{"Content-Type": "application/pdf", "Content-Disposition": "attachment; filename=label-" + l.Tracking + ".pdf"}
			for name, value := range want {
				if got := w.Header().Get(name); got != value {
					t.Errorf("%s: got %q, want %q", name, got, value)
				}
			}
			if again := s.fetch(t, "/api/shipments/o/label.pdf"); again.Body.String() != w.Body.String() || w.Body.Len() == 0 {
				t.Error("the second time, the label is another one")
			}
		})
	}
}

// go test -bench Label ./shop/shipping prints how long a label takes: drawn, and fetched.
func BenchmarkLabel(b *testing.B) {
	s := &Service{DB: database(b)}
	s.hears(b, "o", stocked, made)
	run := func(name string, print func() error) {
		b.Run(name, func(b *testing.B) {
			var took []float64
			for b.Loop() {
				began := time.Now()
				if err := print(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began).Seconds()*1000)
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], "p50-ms")
			b.ReportMetric(took[len(took)*99/100], "p99-ms")
		})
	}
	p := Parcel{Key: "o", Lines: []contract.Line{{Name: "Laptop", Quantity: 2}}}
	l, err := (Courier{}).Label(b.Context(), p)
	if err != nil {
		b.Fatal(err)
	}
	run("drawn", func() error {
		_, err := (Courier{}).Print(b.Context(), p, l)
		return err
	})
	run("fetched", func() error {
		if w := s.fetch(b, "/api/shipments/o/label.pdf"); w.Code != 200 {
			return errors.New(w.Body.String())
		}
		return nil
	})
}
