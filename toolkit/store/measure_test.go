package store_test

import (
	"errors"
	"testing"

	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Changes that are stored are measured by their line; those that found no database are
// counted; those that fail by themselves are neither.
func TestMeasure(t *testing.T) {
	driver := onDisk(t)
	db := store.Open("test", driver)
	reader := metric.NewManualReader()
	if err := db.Measure(metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")); err != nil {
		t.Fatal(err)
	}
	nothing := func(*store.Tx) error { return nil }
	for range 3 {
		update(t, db, nil, nothing)
	}
	update(t, db.Background(), nil, nothing)
	own := errors.New("its own")
	if _, err := db.Update(t.Context(), nil, func(*store.Tx) error { return own }); !errors.Is(err, own) {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Update(t.Context(), nil, nothing); !store.Away(err) {
		t.Fatalf("after the end: %v, want it away", err)
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				line, _ := p.Attributes.Value(attribute.Key("line"))
				if want := map[string]uint64{"request": 3, "background": 1}[line.AsString()]; p.Count != want {
					t.Errorf("%s of %s: %d, want %d", m.Name, line.AsString(), p.Count, want)
				}
			}
		case metricdata.Sum[int64]:
			least := map[string]int64{"tidewire.database.away": 1, "tidewire.database.groups": 1, "tidewire.database.changes": 4}[m.Name]
			if n := data.DataPoints[0].Value; n < least || m.Name == "tidewire.database.away" && n != 1 {
				t.Errorf("%s is %d, want %d", m.Name, n, least)
			}
		}
	}
	if n := len(all.ScopeMetrics[0].Metrics); n != 5 {
		t.Errorf("%d metrics, want 5: update, away, groups, changes, commit", n)
	}
}
