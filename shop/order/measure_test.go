package order

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Each order is counted once when it is accepted and once when it ends, whatever comes
// twice or is undone; those that are open are looked up.
func TestMeasure(t *testing.T) {
	s := open(t)
	reader := metric.NewManualReader()
	if err := s.Measure(metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		s.placed(t, id)
	}
	_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		if _, err := s.accept(tx, terms("f")); err != nil {
			return err
		}
		return fmt.Errorf("undone")
	})
	if err == nil {
		t.Fatal("an order that was undone is there")
	}
	s.hears(t, "a", contract.PaymentProcessed{OrderID: "a", Attempts: 1}, contract.InventoryUpdated{OrderID: "a"})
	for range 2 {
		s.hears(t, "a", contract.OrderShipped{OrderID: "a", TrackingNumber: "T"})
		s.hears(t, "b", contract.PaymentFailed{OrderID: "b", Reason: "payment_declined", Attempts: 1})
	}
	s.calledOff(t, "c")
	s.update(t, func(tx *store.Tx) error { // long ago
		return tx.Exec(`UPDATE orders SET deadline = $1 WHERE id = 'd'`, tx.Now.Add(-time.Hour))
	})
	got := map[string]int64{}
	late := 0.0
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	add := func(name string, of attribute.Set, n int64) {
		if n != 0 {
			got[name+" "+of.Encoded(attribute.DefaultEncoder())] = n
		}
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				add(m.Name, p.Attributes, p.Value)
			}
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				add(m.Name, p.Attributes, p.Value)
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				add(m.Name, p.Attributes, int64(p.Count))
			}
		case metricdata.Gauge[float64]:
			late = data.DataPoints[0].Value
		}
	}
	want := map[string]int64{
		"tidewire.orders.accepted ":                                            5,
		"tidewire.orders.ended outcome=completed,reason=":                      1,
		"tidewire.orders.ended outcome=failed,reason=payment_declined":         1,
		"tidewire.orders.ended outcome=cancelled,reason=cancelled_by_customer": 1,
		"tidewire.order outcome=completed":                                     1,
		"tidewire.order outcome=failed":                                        1,
		"tidewire.order outcome=cancelled":                                     1,
		"tidewire.orders.open status=pending":                                  2,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if late < 3600 || late > 3700 {
		t.Errorf("the first is %v s late, want an hour", late)
	}
}
