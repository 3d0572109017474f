package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/driver/redis"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/run"
)

// tells returns what carries broadcasts: to whoever listens in this process, or on the
// Redis at cache to all instances. It is closed with e, and runs as a part.
func (e *engine) tells(c config.Config, p *run.Process) (broadcast.Driver, error) {
	if c.Cache == "" {
		return &broadcast.Local{}, nil
	}
	server, err := redis.New(c.Cache)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	e.cache = server
	e.news, err = redis.NewBroadcast(server, p)
	return e.news, err
}

// lookAtCache refuses a Redis that would not work tomorrow either. One that is away may
// come: nothing depends on it.
func lookAtCache(ctx context.Context, c config.Config) error {
	err := checkCache(ctx, c)
	if errors.Is(err, redis.ErrAway) {
		slog.WarnContext(ctx, "others are told of changes late until it does", "error", err)
		return nil
	}
	return err
}

// checkCache returns what is wrong with the Redis at cache, if there is to be one.
func checkCache(ctx context.Context, c config.Config) error {
	if c.Cache == "" {
		return nil
	}
	server, err := redis.New(c.Cache)
	if err == nil {
		err = errors.Join(server.Check(ctx), server.Close())
	}
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// cacheAway finds a Redis that is away, or does not work.
func cacheAway(ctx context.Context, c config.Config) []operate.Finding {
	err := checkCache(ctx, c)
	if err == nil {
		return nil
	}
	return []operate.Finding{{What: err.Error(), Where: "configuration", Do: "nothing is lost: what other instances change is seen up to a second later; start Redis, or mend the key cache"}}
}
