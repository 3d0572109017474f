package operate_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// What waits is measured, queues with nothing in them too; a database that is closed is
// down, and hides nothing of the others.
func TestMeasure(t *testing.T) { databases.Each(t, "stock", nil, testMeasure) }

func testMeasure(t *testing.T, open func() *store.DB) {
	db := open()
	gone, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "away.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	away := store.Open("away", gone)
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	reader := metric.NewManualReader()
	d := &operate.Desk{Services: []*store.DB{db, away}, Queues: map[string][]string{"stock": {"stock_idle"}}}
	if err := d.Measure(metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
		const job = `INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due, lease) VALUES ($1, 'stock_work', 'Work', 'k', $2, '', '', '', $2, $3)`
		for id, lease := range map[string]string{"late": "", "lost": "x"} {
			if err := tx.Exec(job, id, time.Now().Add(-time.Hour), lease); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				got[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = float64(p.Value)
			}
		case metricdata.Gauge[float64]:
			for _, p := range data.DataPoints {
				got[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
			}
		}
	}
	for name, want := range map[string]struct{ least, most float64 }{
		"tidewire.database.up service=stock":      {1, 1},
		"tidewire.database.up service=away":       {0, 0},
		"tidewire.queue.oldest queue=stock_work":  {3600, 3700},
		"tidewire.queue.oldest queue=stock_idle":  {0, 0},
		"tidewire.queue.expired queue=stock_work": {1, 1},
		"tidewire.queue.expired queue=stock_idle": {0, 0},
	} {
		if n, ok := got[name]; !ok || n < want.least || n > want.most {
			t.Errorf("%s is %v (%v), want %v to %v", name, n, ok, want.least, want.most)
		}
	}
}
