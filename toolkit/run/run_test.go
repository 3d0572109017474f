package run_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tidewire/tidewire/toolkit/run"
)

func TestAllStopsWithTheFirstFailure(t *testing.T) {
	failed, stopped := errors.New("failed"), false
	err := run.All(t.Context(),
		func(context.Context) error { return failed },
		func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil })
	if !errors.Is(err, failed) || !stopped {
		t.Errorf("All = %v, other part stopped: %v; want %v, true", err, stopped, failed)
	}
}

func TestAllEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run.All(ctx, func(ctx context.Context) error { <-ctx.Done(); return nil }); err != nil {
		t.Errorf("All = %v; want nil", err)
	}
}
