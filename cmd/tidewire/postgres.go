package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/shop/operate"
	"go.opentelemetry.io/otel/metric"
)

// connect reaches the PostgreSQL server of a configuration. What its URL allows although
// commits can be lost then is not done in silence.
func connect(ctx context.Context, c config.Config) (*postgres.Server, error) {
	server, err := postgres.Connect(ctx, c.Database)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if c.Replica != "" {
		if err := server.Replicate(c.Replica); err != nil {
			server.Close()
			return nil, fmt.Errorf("database.replica: %w", err)
		}
	}
	for _, f := range unsafely(server) {
		slog.WarnContext(ctx, f.What, "key", "database")
	}
	return server, nil
}

// manyBytes is how far a replica may be behind.
const manyBytes = 64 << 20

// laggards finds a replica that is away or far behind: the primary has its work.
func laggards(ctx context.Context, server *postgres.Server) []operate.Finding {
	if server == nil {
		return nil
	}
	what := ""
	switch bytes, found, err := server.Lag(ctx); {
	case !found:
	case err != nil:
		what = "the replica does not answer: " + err.Error()
	case bytes > manyBytes:
		what = fmt.Sprintf("the replica is %d MiB behind", bytes>>20)
	}
	if what == "" {
		return nil
	}
	return []operate.Finding{{What: what, Where: "database.replica", Do: "nothing shown is wrong, for the primary answers instead; look at the replica, or empty the key database.replica"}}
}

// lag measures how far the replica is behind.
func lag(meter metric.Meter, server *postgres.Server) error {
	_, err := meter.Int64ObservableGauge("tidewire.database.replica.lag", metric.WithUnit("By"), metric.WithDescription("What the replica has still to repeat of the primary's log; 0 where none is named, nothing while it does not answer."),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			var bytes int64
			var err error
			if server != nil {
				bytes, _, err = server.Lag(ctx)
			}
			if err == nil {
				o.Observe(bytes)
			}
			return nil
		}))
	return err
}

// errNoPrimary: a replica alone is of no use.
var errNoPrimary = errors.New("database.replica: there is nothing to replicate, for database is empty")

// unsafely finds a server that may lose what it has committed, as its URL allows.
func unsafely(server *postgres.Server) []operate.Finding {
	if server == nil || len(server.Unsafe()) == 0 {
		return nil
	}
	return []operate.Finding{{What: "orders that were accepted are lost when PostgreSQL's machine loses its power: " + strings.Join(server.Unsafe(), ", ") + " is off there, and the key database allows it",
		Where: "database", Do: "switch it on in PostgreSQL, and take unsafe out of the key database"}}
}
