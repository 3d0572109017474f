package request_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// double asks for twice a number.
type double struct{ N int }

func (double) Kind() string  { return "double" }
func (double) Queue() string { return "test_sums" }

// half asks the same queue for something that nobody there knows.
type half struct{ N int }

func (half) Kind() string  { return "half" }
func (half) Queue() string { return "test_sums" }

type sum struct{ N int }

func (sum) Kind() string { return "sum" }

// product is another answer.
type product struct{ N int }

func (product) Kind() string { return "product" }

// A desk is one client, and a server that answers by a function.
type desk struct {
	*testing.T
	client *request.Client
	driver *request.Local
	meter  *sdk.ManualReader
	stop   func() // the server; returns when it has stopped
}

// open starts a server with so many workers; none where h is nil.
func open(t *testing.T, workers int, h func(context.Context, double) (sum, error)) *desk {
	t.Helper()
	d := &desk{T: t, driver: &request.Local{Waiting: 2}, meter: sdk.NewManualReader(), stop: func() {}}
	p := &run.Process{Meter: sdk.NewMeterProvider(sdk.WithReader(d.meter)).Meter("test")}
	var err error
	if d.client, err = request.NewClient(d.driver, "asker", p); err != nil {
		t.Fatal(err)
	}
	if h == nil {
		return d
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		s := &request.Server{Driver: d.driver, Service: "test", Handlers: []request.Handler{request.On(h)}, Process: p, Workers: workers}
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	d.stop = func() { cancel(); running.Wait() }
	synctest.Wait()
	return d
}

func (d *desk) close() { d.stop(); d.client.Close() }

// ask asks with a time limit; 0 has none.
func (d *desk) ask(n int, limit time.Duration) (int, error) {
	ctx := d.Context()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	got, err := request.Ask[sum](ctx, d.client, double{n})
	return got.N, err
}

// counted returns a counter by its attributes, as "name value value": 3.
func (d *desk) counted() map[string]int64 {
	d.Helper()
	var all metricdata.ResourceMetrics
	if err := d.meter.Collect(context.Background(), &all); err != nil {
		d.Fatal(err)
	}
	counts := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			points, ok := m.Data.(metricdata.Sum[int64])
			if !ok {
				continue
			}
			for _, p := range points.DataPoints {
				name := strings.TrimPrefix(m.Name, "tidewire.request.")
				for _, a := range p.Attributes.ToSlice() {
					if a.Key != "queue" {
						name += " " + a.Value.AsString()
					}
				}
				counts[name] = p.Value
			}
		}
	}
	return counts
}

func (d *desk) wantCounted(want map[string]int64) {
	d.Helper()
	if got := d.counted(); fmt.Sprint(got) != fmt.Sprint(want) {
		d.Errorf("counted %v, want %v", got, want)
	}
}

func TestAsk(t *testing.T) {
	errNone := errors.New("there is none")
	for _, tt := range []struct {
		name    string
		answer  func(context.Context, double) (sum, error)
		limit   time.Duration
		took    time.Duration
		err     error
		told    string
		counted map[string]int64 // once everything has come to its end
	}{
		{"is answered", func(_ context.Context, q double) (sum, error) { return sum{2 * q.N}, nil }, 0, 0, nil, "",
			map[string]int64{"asked answered": 1, "answered answered": 1}},
		{"nobody serves it", nil, 0, 0, request.ErrNobody, "ask double of test_sums", map[string]int64{"asked nobody": 1}},
		{"fails", func(context.Context, double) (sum, error) { return sum{}, errNone }, 0, 0, request.ErrFailed, "there is none",
			map[string]int64{"asked failed": 1, "answered failed": 1}},
		{"fails without a word", func(context.Context, double) (sum, error) { return sum{}, errors.New("") }, 0, 0, request.ErrFailed, "no reason was given",
			map[string]int64{"asked failed": 1, "answered failed": 1}},
		{"panics", func(context.Context, double) (sum, error) { panic("secret") }, 0, 0, request.ErrFailed, "its handler panicked",
			map[string]int64{"asked failed": 1, "answered failed": 1}},
		{"heeds its deadline", func(ctx context.Context, _ double) (sum, error) { <-ctx.Done(); return sum{}, ctx.Err() }, time.Second, time.Second, request.ErrTimeout, "no answer in time",
			map[string]int64{"asked timeout": 1, "answered failed": 1, "dropped late": 1}},
		{"does not heed it", func(_ context.Context, q double) (sum, error) { pause(time.Minute); return sum(q), nil }, time.Second, time.Second, request.ErrTimeout, "",
			map[string]int64{"asked timeout": 1, "answered answered": 1, "dropped late": 1}},
		{"has five seconds unless told otherwise", func(ctx context.Context, _ double) (sum, error) { <-ctx.Done(); return sum{}, ctx.Err() }, 0, 5 * time.Second, request.ErrTimeout, "",
			map[string]int64{"asked timeout": 1, "answered failed": 1, "dropped late": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, 1, tt.answer)
				started := time.Now()
				got, err := d.ask(21, tt.limit)
				if took := time.Since(started); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				if !errors.Is(err, tt.err) || tt.err == nil && (err != nil || got != 42) || tt.err != nil && !strings.Contains(err.Error(), tt.told) {
					t.Errorf("got %d, %v; want 42 or %v %q", got, err, tt.err, tt.told)
				}
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("%v tells what is nobody's business", err)
				}
				d.close()
				d.wantCounted(tt.counted)
			})
		})
	}
}

// pause is time that passes in a bubble.
func pause(d time.Duration) { <-time.After(d) }

// A question that waited too long is not worked on, and one that finds no room is refused
// at once: who asks can do without.
func TestQuestionsThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var worked []int
		d := open(t, 1, func(_ context.Context, q double) (sum, error) {
			worked = append(worked, q.N)
			pause(3 * time.Second)
			return sum(q), nil
		})
		results := make([]error, 4)
		var asking sync.WaitGroup
		for i, limit := range []time.Duration{time.Minute, time.Second, time.Minute, time.Minute} {
			asking.Go(func() { _, results[i] = d.ask(i, limit) })
			synctest.Wait() // the first is worked on; two have room
		}
		if !errors.Is(results[3], request.ErrFull) {
			t.Errorf("the fourth: %v, want ErrFull", results[3])
		}
		asking.Wait()
		if results[0] != nil || !errors.Is(results[1], request.ErrTimeout) || results[2] != nil || fmt.Sprint(worked) != "[0 2]" {
			t.Errorf("%v; worked on %v, want 0 and 2 only", results, worked)
		}
		d.close()
		d.wantCounted(map[string]int64{"asked answered": 2, "asked timeout": 1, "asked full": 1, "answered answered": 2, "answered expired": 1})
	})
}

// A server that stops answers what it has, and whoever asks then is told that nobody is there.
func TestStopDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, 1, func(_ context.Context, q double) (sum, error) { pause(time.Second); return sum(q), nil })
		var asking sync.WaitGroup
		for i := range 3 {
			asking.Go(func() {
				if got, err := d.ask(i, time.Minute); err != nil || got != i {
					t.Errorf("question %d: %d, %v", i, got, err)
				}
			})
			synctest.Wait()
		}
		d.stop()
		asking.Wait()
		if _, err := d.ask(9, time.Minute); !errors.Is(err, request.ErrNobody) {
			t.Errorf("after the stop: %v, want ErrNobody", err)
		}
		d.client.Close()
	})
}

// Who has gone away is told nothing, and neither is somebody else.
func TestWhoAskedIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, 2, func(_ context.Context, q double) (sum, error) { pause(time.Second); return sum(q), nil })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		var asking sync.WaitGroup
		asking.Go(func() {
			if got, err := d.ask(2, time.Minute); err != nil || got != 2 {
				t.Errorf("the other: %d, %v", got, err)
			}
		})
		if _, err := request.Ask[sum](ctx, d.client, double{1}); !errors.Is(err, context.Canceled) || errors.Is(err, request.ErrTimeout) {
			t.Errorf("cancelled: %v", err)
		}
		if _, err := request.Ask[sum](ctx, d.client, double{1}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
		asking.Wait()
		d.close()
		d.wantCounted(map[string]int64{"asked answered": 1, "asked cancelled": 2, "answered answered": 2, "dropped unexpected": 1})
	})
}

// A client that is closed hears no replies, which the server counts.
func TestNobodyHearsTheReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, 1, func(_ context.Context, q double) (sum, error) { pause(time.Second); return sum(q), nil })
		time.AfterFunc(100*time.Millisecond, d.client.Close)
		if _, err := d.ask(1, 2*time.Second); !errors.Is(err, request.ErrTimeout) {
			t.Errorf("%v, want ErrTimeout", err)
		}
		d.stop()
		d.wantCounted(map[string]int64{"asked timeout": 1, "answered lost": 1})
	})
}

func TestAnswersOfAnotherKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, 1, func(context.Context, double) (sum, error) { return sum{}, nil })
		if _, err := request.Ask[product](t.Context(), d.client, double{1}); !errors.Is(err, request.ErrFailed) || !strings.Contains(err.Error(), "the answer is sum, not product") {
			t.Errorf("another answer: %v", err)
		}
		if _, err := request.Ask[sum](t.Context(), d.client, half{1}); !errors.Is(err, request.ErrFailed) || !strings.Contains(err.Error(), "nobody answers half there") {
			t.Errorf("another question: %v", err)
		}
		d.close()
	})
}

// A step of the trace asks, and its trace is that of the handler.
func TestTheTraceGoesWithTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var step store.Step
		d := open(t, 1, func(ctx context.Context, _ double) (sum, error) { step = store.StepOf(ctx); return sum{}, nil })
		traceparent := message.NewTrace("")
		if _, err := request.Ask[sum](store.WithTrace(t.Context(), traceparent), d.client, double{1}); err != nil {
			t.Fatal(err)
		}
		d.close()
		if step.Trace != traceparent || step.Service != "test" || step.Kind != "double" {
			t.Errorf("the handler's step is %+v; want that of %s", step, traceparent)
		}
	})
}

func TestServerRefusesWhatCannotWork(t *testing.T) {
	answer := request.On(func(context.Context, double) (sum, error) { return sum{}, nil })
	for want, s := range map[string]*request.Server{
		"two handlers of double": {Service: "test", Handlers: []request.Handler{answer, answer}},
		"is another service's":   {Service: "order", Handlers: []request.Handler{answer}},
	} {
		s.Driver, s.Process = &request.Local{}, &run.Process{}
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
