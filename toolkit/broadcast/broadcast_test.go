package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/broadcast/broadcasttest"
	"github.com/tidewire/tidewire/toolkit/run"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestLocal(t *testing.T) {
	broadcasttest.Run(t, broadcasttest.Harness{New: func(*testing.T) (here, there broadcast.Driver) {
		d := &broadcast.Local{}
		return d, d
	}})
}

type price struct{ Cents int64 }

// topic returns a topic, and what counts the messages that it loses.
func topic(t *testing.T) (*broadcast.Topic[price], func() int64) {
	t.Helper()
	reader := sdk.NewManualReader()
	prices, err := broadcast.NewTopic[price](&broadcast.Local{}, "prices", &run.Process{Meter: sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")})
	if err != nil {
		t.Fatal(err)
	}
	return prices, func() (n int64) {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &all); err != nil {
			t.Fatal(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
					n += p.Value
				}
			}
		}
		return n
	}
}

func listen(t *testing.T, on *broadcast.Topic[price], key string, room int) *broadcast.Listener[price] {
	t.Helper()
	l, err := on.Listen(key, room)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// A listener that is slow has the latest, and knows how many it has missed; one that keeps
// up misses nothing, and who publishes waits for neither.
func TestASlowListenerLosesTheOldestAndIsTold(t *testing.T) {
	prices, lost := topic(t)
	slow, quick, other := listen(t, prices, "a", 3), listen(t, prices, "a", 100), listen(t, prices, "b", 3)
	for i := range int64(10) {
		if err := prices.Publish(t.Context(), "a", price{i}); err != nil {
			t.Fatal(err)
		}
	}
	told := func(l *broadcast.Listener[price]) (all string) {
		for {
			ctx, cancel := context.WithCancel(t.Context())
			select {
			case <-l.More():
			default:
				cancel() // whatever is there is returned all the same
			}
			p, n, err := l.Next(ctx)
			cancel()
			if err != nil {
				return all
			}
			all += fmt.Sprint(p.Cents, "-", n, " ")
		}
	}
	if got := told(slow); got != "7-7 8-0 9-0 " {
		t.Errorf("the slow one got %s", got)
	}
	if got := told(quick); got != "0-0 1-0 2-0 3-0 4-0 5-0 6-0 7-0 8-0 9-0 " {
		t.Errorf("the quick one got %s", got)
	}
	if got := told(other); got != "" {
		t.Errorf("who listens to another key got %s", got)
	}
	if err := prices.Publish(t.Context(), "a", price{10}); err != nil {
		t.Fatal(err)
	}
	if got := told(slow); got != "10-0 " || lost() != 7 {
		t.Errorf("then it got %s, and %d are counted, want 7", got, lost())
	}
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prices, _ := topic(t)
		l := listen(t, prices, "a", 1)
		time.AfterFunc(time.Minute, func() {
			if err := prices.Publish(context.Background(), "a", price{1}); err != nil {
				t.Error(err)
			}
		})
		started := time.Now()
		if p, n, err := l.Next(t.Context()); p.Cents != 1 || n != 0 || err != nil || time.Since(started) != time.Minute {
			t.Errorf("got %v, %d lost, %v after %v", p, n, err, time.Since(started))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := l.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of its context", err)
		}
		time.AfterFunc(time.Minute, l.Close)
		if _, _, err := l.Next(t.Context()); !errors.Is(err, broadcast.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		l.Close() // once more
	})
}

// Where there is no topic nobody says anything.
func TestNoTopic(t *testing.T) {
	var none *broadcast.Topic[price]
	if err := none.Publish(t.Context(), "a", price{1}); err != nil {
		t.Error(err)
	}
	l := listen(t, none, "a", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What cannot be read is an error of that message.
func TestAnotherShape(t *testing.T) {
	d := &broadcast.Local{}
	words, err := broadcast.NewTopic[string](d, "prices", &run.Process{})
	if err != nil {
		t.Fatal(err)
	}
	prices, err := broadcast.NewTopic[price](d, "prices", &run.Process{})
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t, prices, "a", 2)
	if err := errors.Join(words.Publish(t.Context(), "a", "dear"), prices.Publish(t.Context(), "a", price{2})); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Next(t.Context()); err == nil {
		t.Error("a word was taken for a price")
	}
	if p, _, err := l.Next(t.Context()); err != nil || p.Cents != 2 {
		t.Errorf("then got %v, %v", p, err)
	}
}
