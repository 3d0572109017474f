package main

import (
	"context"
	"errors"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// reached returns what waits until m has what is at a place of a log. In a log of its own
// it has: what it shows is written in the commit that appends.
func (p *platform) reached(m member) func(context.Context, door.Place) error {
	return func(ctx context.Context, at door.Place) error {
		log, known := p.logs[at.Log]
		if !known {
			return door.ErrNowhere
		}
		var err error
		if at.Log == m.name() {
			err = stream.Stands(ctx, log, at.Position)
		} else {
			err = stream.Follower{DB: m.db, Log: log, Name: at.Log, Handlers: m.streams}.Await(ctx, at.Position)
		}
		switch {
		case errors.Is(err, stream.ErrNowhere):
			return door.ErrNowhere
		case errors.Is(err, stream.ErrBehind):
			return door.ErrNotYet
		}
		return err
	}
}
