package rabbitmq

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// meters are what a Server tells of itself.
type meters struct {
	failures, redelivered metric.Int64Counter
	reg                   metric.Registration
}

func newMeters(m metric.Meter, s *Server) (*meters, error) {
	if m == nil {
		m = noop.Meter{}
	}
	var of meters
	var err error
	if of.failures, err = m.Int64Counter("tidewire.rabbitmq.publish.failures", metric.WithDescription("Messages that RabbitMQ did not store, by queue and why: returned, refused, unconfirmed, blocked, unreached. They are sent again.")); err != nil {
		return nil, err
	}
	if of.redelivered, err = m.Int64Counter("tidewire.rabbitmq.redelivered", metric.WithDescription("Messages that RabbitMQ handed out again, as they had not been acknowledged.")); err != nil {
		return nil, err
	}
	up, err := m.Int64ObservableGauge("tidewire.rabbitmq.up", metric.WithDescription("1 if RabbitMQ is connected and takes messages, 0 if not."))
	if err != nil {
		return nil, err
	}
	blocked, err := m.Int64ObservableGauge("tidewire.rabbitmq.blocked", metric.WithDescription("1 while RabbitMQ takes no messages because it is short of memory or disk."))
	if err != nil {
		return nil, err
	}
	of.reg, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(blocked, one(s.out.blocked.Load()))
		o.ObserveInt64(up, one(!s.out.blocked.Load() && s.out.alive()))
		return nil
	}, up, blocked)
	return &of, err
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func (m *meters) failed(queue string, err error) {
	m.failures.Add(context.Background(), 1, metric.WithAttributes(attribute.String("queue", queue), attribute.String("why", failure(err))))
}

func (m *meters) again(queue string) {
	m.redelivered.Add(context.Background(), 1, metric.WithAttributes(attribute.String("queue", queue)))
}

func (m *meters) stop() { _ = m.reg.Unregister() } // it only fails if it was never registered
