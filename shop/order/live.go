package order

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/broadcast"
)

const (
	livePoll = time.Second // the truth, should nobody say that an order has changed
	liveRoom = 16          // changes that a client need not have taken yet
)

// live shows an order as it is, and then each time that it is another, until it has ended.
func (s *Service) live(r *http.Request) (door.Answer, error) {
	id := r.PathValue("id")
	changed, err := s.Changes.Listen(id, liveRoom) // before it is read: nothing is missed in between
	if err != nil {
		return door.Answer{}, err
	}
	if _, err := s.read(r.Context(), id); err != nil {
		changed.Close()
		return door.Answer{}, explain(err)
	}
	return door.Answer{Live: &view{s: s, id: id, changed: changed}}, nil
}

// A view is an order that somebody looks at.
type view struct {
	s       *Service
	id      string
	changed *broadcast.Listener[int64]
	shown   document // what was said last
	said    bool     // whether anything was
	ended   bool
}

// Next returns the order once it is another than was said, and io.EOF after its end.
func (v *view) Next(ctx context.Context) (door.Event, error) {
	if v.ended {
		return door.Event{}, io.EOF
	}
	lost := int64(0)
	for {
		r, err := v.s.read(ctx, v.id)
		if err != nil {
			return door.Event{}, err
		}
		if now := r.document(); !v.said || !reflect.DeepEqual(now, v.shown) {
			v.said, v.shown, v.ended = true, now, r.State.ended()
			return door.Event{Name: "order", ID: strconv.FormatInt(now.Version, 10), Data: now, Lost: lost}, nil
		}
		n, err := v.wait(ctx)
		if lost += n; err != nil {
			return door.Event{}, err
		}
	}
}

// wait returns when there may be something to say, and how many changes were missed.
func (v *view) wait(ctx context.Context) (lost int64, err error) {
	poll, cancel := context.WithTimeout(ctx, livePoll)
	defer cancel()
	_, lost, err = v.changed.Next(poll)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil
	}
	return lost, err
}

// Close ends the view.
func (v *view) Close() { v.changed.Close() }
