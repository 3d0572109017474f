package notification

import (
	"context"
	"log/slog"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// Run measures the mails, and looks once whether their server is there: one that is not may
// come later. When ctx ends it sends home the calls that wait for the server, and cuts
// those that are out after grace. Without a mail server it holds what was to be sent.
func (s *Service) Run(ctx context.Context) error {
	if s.Mailer == nil {
		s.withhold(ctx)
		return nil
	}
	if err := s.gate.open(s.Meter); err != nil {
		return err
	}
	stop, err := s.measure()
	if err != nil {
		return err
	}
	defer stop()
	hello, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	if err := s.Mailer.Hello(hello); err != nil && ctx.Err() == nil {
		slog.Warn("mail: the server does not answer: mails wait until it does", "error", err)
	}
	if err := s.adopt(ctx); err != nil && ctx.Err() == nil {
		slog.Warn("mail: some mails that were held or noted without a mail server wait until the next start", "error", err)
	}
	<-ctx.Done()
	s.gate.stop()
	return s.Mailer.Close()
}

// Away reports whether the mail server takes no mail now: then they wait, whoever works.
func (s *Service) Away() bool {
	return s.Mailer != nil && s.gate.open(s.Meter) == nil && s.gate.state() != 0
}

// Unsent returns how many mails are to leave and have not, and since when the oldest waits.
func (s *Service) Unsent(ctx context.Context) (n int64, oldest time.Time, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		n, oldest, err = unsent(tx)
		return err
	})
	return n, oldest, err
}

// measure makes the instruments, and returns what ends them.
func (s *Service) measure() (stop func(), err error) {
	if s.Meter == nil {
		return func() {}, nil
	}
	age, err := s.Meter.Float64ObservableGauge("tidewire.notification.oldest", metric.WithUnit("s"),
		metric.WithDescription("For how long the oldest mail has waited that has not left."))
	if err != nil {
		return nil, err
	}
	breaker, err := s.Meter.Int64ObservableGauge("tidewire.notification.breaker",
		metric.WithDescription("0: the mail server is asked. 1: one mail tries. 2: it is given a rest."))
	if err != nil {
		return nil, err
	}
	reg, err := s.Meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		o.ObserveInt64(breaker, s.gate.state())
		n, oldest, err := s.Unsent(ctx)
		if err != nil {
			return err
		}
		waited := 0.0
		if n > 0 {
			waited = max(0, time.Since(oldest).Seconds())
		}
		o.ObserveFloat64(age, waited)
		return nil
	}, age, breaker)
	if err != nil {
		return nil, err
	}
	return func() { _ = reg.Unregister() }, nil // it only fails if it was never registered
}
