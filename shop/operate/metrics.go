package operate

import (
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/tidewire/tidewire/shop/door"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// Metrics is where the process measures itself.
type Metrics struct {
	Meter    metric.Meter
	registry *prometheus.Registry
}

// NewMetrics returns metrics that a Handler can show. Nothing is global: two platforms in
// one process, as in tests, count apart.
func NewMetrics() (*Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(exporter), sdk.WithView(sdk.NewView(
		sdk.Instrument{Name: "*", Kind: sdk.InstrumentKindHistogram, Unit: "s"},
		sdk.Stream{Aggregation: sdk.AggregationExplicitBucketHistogram{Boundaries: seconds()}})))
	return &Metrics{Meter: provider.Meter("tidewire"), registry: registry}, nil
}

// seconds are the bounds of every histogram of times: OpenTelemetry's own are meant for
// milliseconds.
func seconds() []float64 {
	return []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
}

// Handler answers at the operators' door. It answers only for this machine's own names,
// as it asks nobody for a token.
func (d *Desk) Handler(m *Metrics) http.Handler {
	routes := door.Handler(door.Options{OpenMode: true}, d.Routes()...)
	mux := http.NewServeMux()
	mux.Handle("/", routes)
	mux.Handle("/livez", unasked(routes))
	mux.Handle("/readyz", unasked(routes))
	local := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !door.Loopback(r.Host) {
				routes.ServeHTTP(w, r) // refuses it
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	mux.Handle("GET /metrics", local(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})))
	mux.Handle("/debug/pprof/", local(http.HandlerFunc(pprof.Index)))
	mux.Handle("/debug/pprof/cmdline", local(http.HandlerFunc(pprof.Cmdline)))
	mux.Handle("/debug/pprof/profile", local(http.HandlerFunc(pprof.Profile)))
	mux.Handle("/debug/pprof/symbol", local(http.HandlerFunc(pprof.Symbol)))
	mux.Handle("/debug/pprof/trace", local(http.HandlerFunc(pprof.Trace)))
	return mux
}

// unasked drops the query: whoever probes adds one of his own, against caches, and a machine
// that is well is not to be ended for it.
func unasked(routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain := *r.URL
		plain.RawQuery, plain.ForceQuery = "", false
		r = r.WithContext(r.Context())
		r.URL = &plain
		routes.ServeHTTP(w, r)
	})
}
