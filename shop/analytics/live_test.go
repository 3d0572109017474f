package analytics

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/run"
)

// Whoever looks at the numbers sees them at once, and again when they are others.
func TestLive(t *testing.T) {
	s := start(t)
	var err error
	if s.Numbers, err = broadcast.NewTopic[jsontext.Value](&broadcast.Local{}, "numbers", &run.Process{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	a, err := s.live(nil)
	if err != nil {
		t.Fatal(err)
	}
	next := func(limit time.Duration) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		e, err := a.Live.Next(ctx)
		text, _ := e.Data.(jsontext.Value)
		return e.Name + " " + string(text), err
	}
	if got, err := next(time.Minute); err != nil || !strings.HasPrefix(got, `analytics {"totalOrders":0,`) {
		t.Errorf("first %s, %v", got, err)
	}
	s.hears(t, registers("1", noon))
	if got, err := next(time.Minute); err != nil || !strings.Contains(got, `"users":1`) {
		t.Errorf("then %s, %v", got, err)
	}
	if got, err := next(2 * liveEach); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("and then %s, %v, though nothing has happened", got, err)
	}
	a.Live.Close()
	if n := s.looking.Load(); n != 0 {
		t.Errorf("%d still look", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
