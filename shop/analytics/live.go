package analytics

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/broadcast"
)

const (
	liveEach = time.Second // between two looks for all who look at the numbers together
	liveRoom = 4           // states that a client need not have taken yet
)

// Run tells the numbers to whoever looks at them, each time that they are others, until ctx
// ends. They are read once for all, and not at all for nobody.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(liveEach)
	defer tick.Stop()
	var last jsontext.Value
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if s.looking.Load() == 0 {
			last = nil
			continue
		}
		now, err := s.text(ctx)
		if err == nil && !bytes.Equal(last, now) { // the first time too: somebody may have looked before
			err = s.Numbers.Publish(ctx, "", now)
		}
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "the numbers are not shown live", "error", err)
			continue
		}
		last = now
	}
}

// text is all numbers, as the door shows them.
func (s *Service) text(ctx context.Context) (jsontext.Value, error) {
	p, err := s.all(ctx, s.DB.View, defaultDays, defaultTop)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(p)
	return text, err
}

// live shows all numbers, and then each time that they are others.
func (s *Service) live(*http.Request) (door.Answer, error) {
	changed, err := s.Numbers.Listen("", liveRoom)
	if err != nil {
		return door.Answer{}, err
	}
	s.looking.Add(1)
	return door.Answer{Live: &view{s: s, changed: changed}}, nil
}

// A view is the numbers, that somebody looks at.
type view struct {
	s       *Service
	changed *broadcast.Listener[jsontext.Value]
	shown   jsontext.Value // what was said last
}

// Next returns the numbers once they are others than were said.
func (v *view) Next(ctx context.Context) (door.Event, error) {
	if v.shown == nil {
		now, err := v.s.text(ctx)
		v.shown = now
		return door.Event{Name: "analytics", Data: now}, err
	}
	var missed int64
	for {
		now, lost, err := v.changed.Next(ctx)
		if missed += lost; err != nil {
			return door.Event{}, err
		}
		if !bytes.Equal(now, v.shown) {
			v.shown = now
			return door.Event{Name: "analytics", Data: now, Lost: missed}, nil
		}
	}
}

// Close ends the view.
func (v *view) Close() {
	v.changed.Close()
	v.s.looking.Add(-1)
}
