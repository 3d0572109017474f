package operate

import (
	"context"
	"errors"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/tidewire/tidewire/shop/door"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// Metrics is where the process measures itself.
type Metrics struct {
	Meter    metric.Meter
	registry *prometheus.Registry
}

// NewMetrics returns metrics that a Handler can show.
func NewMetrics() (*Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(exporter))
	return &Metrics{Meter: provider.Meter("tidewire"), registry: registry}, nil
}

// Handler answers at the operators' door. It answers only for this machine's own names,
// as it asks nobody for a token.
func (d *Desk) Handler(m *Metrics) (http.Handler, error) {
	if err := d.measure(m.Meter); err != nil {
		return nil, err
	}
	routes := door.Handler(door.Options{OpenMode: true}, d.Routes()...)
	mux := http.NewServeMux()
	mux.Handle("/", routes)
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
	return mux, nil
}

// measure has the depth of every queue and the lag of every subscription counted when
// somebody looks, and not before.
func (d *Desk) measure(m metric.Meter) error {
	depth, err := m.Int64ObservableGauge("tidewire.queue.depth", metric.WithDescription("Messages in a queue: waiting, out with a worker, or dead."))
	if err != nil {
		return err
	}
	behind, err := m.Int64ObservableGauge("tidewire.stream.behind", metric.WithDescription("Messages that a subscription has still to read."))
	if err != nil {
		return err
	}
	parked, err := m.Int64ObservableGauge("tidewire.stream.parked", metric.WithDescription("Messages that wait for an earlier one of their key, or for an operator."))
	if err != nil {
		return err
	}
	_, err = m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		depths, queueErr := d.Depths(ctx)
		for _, q := range depths {
			for state, n := range map[string]int64{"waiting": q.Waiting, "out": q.Out, "dead": q.Dead} {
				o.ObserveInt64(depth, n, metric.WithAttributes(attribute.String("queue", q.Queue), attribute.String("state", state)))
			}
		}
		streams, streamErr := d.Streams(ctx)
		for at, s := range sums(streams) {
			of := metric.WithAttributes(attribute.String("subscription", at.subscription), attribute.String("log", at.log))
			o.ObserveInt64(behind, s.Behind, of)
			o.ObserveInt64(parked, s.Parked, of)
		}
		return errors.Join(queueErr, streamErr)
	}, depth, behind, parked)
	return err
}

// sums adds up the partitions of each subscription and log.
func sums(streams []Stream) map[streamKey]Stream {
	all := map[streamKey]Stream{}
	for _, s := range streams {
		at := streamKey{subscription: s.Subscription, log: s.Log}
		sum := all[at]
		sum.Behind += max(0, s.Behind)
		sum.Parked += s.Parked
		all[at] = sum
	}
	return all
}
