package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/shop/operate"
)

// connect reaches the PostgreSQL server of a configuration. What its URL allows although
// commits can be lost then is not done in silence.
func connect(ctx context.Context, c config.Config) (*postgres.Server, error) {
	server, err := postgres.Connect(ctx, c.Database)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	for _, f := range unsafely(server) {
		slog.WarnContext(ctx, f.What, "key", "database")
	}
	return server, nil
}

// unsafely finds a server that may lose what it has committed, as its URL allows.
func unsafely(server *postgres.Server) []operate.Finding {
	if server == nil || len(server.Unsafe()) == 0 {
		return nil
	}
	return []operate.Finding{{What: "orders that were accepted are lost when PostgreSQL's machine loses its power: " + strings.Join(server.Unsafe(), ", ") + " is off there, and the key database allows it",
		Where: "database", Do: "switch it on in PostgreSQL, and take unsafe out of the key database"}}
}
