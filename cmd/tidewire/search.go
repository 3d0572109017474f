package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/driver/opensearch"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/shop/product"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/search"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// finds has products be found by the search engine that is configured, if any, and returns
// what fills it, which runs where the service does; nil without one.
func (e *engine) finds(c config.Config, products *product.Service, p *run.Process) (fill func(context.Context) error, err error) {
	if c.Search == "" {
		return nil, nil
	}
	server, err := opensearch.New(c.Search)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	index, log := opensearch.NewIndex(server, "product"), e.logs["product"]
	if products.Found, err = search.NewFinder(index, log, p); err != nil {
		return nil, err
	}
	relay := &stream.Relay{DB: products.DB, Log: log, To: "search", Process: p,
		Sink: &search.Feed{DB: products.DB, Log: log, Index: index, Read: product.Documents}}
	return func(ctx context.Context) error {
		defer server.Close()
		return relay.Run(ctx)
	}, nil
}

// lookAtSearch refuses a search engine that would not work tomorrow either. One that is away
// may come: the database is asked meanwhile.
func lookAtSearch(ctx context.Context, c config.Config) error {
	err := checkSearch(ctx, c)
	if errors.Is(err, search.ErrAway) {
		slog.WarnContext(ctx, "the database is searched until it is back", "error", err)
		return nil
	}
	return err
}

// checkSearch returns what is wrong with the search engine, if there is to be one.
func checkSearch(ctx context.Context, c config.Config) error {
	if c.Search == "" {
		return nil
	}
	server, err := opensearch.New(c.Search)
	if err == nil {
		err = server.Check(ctx)
		server.Close()
	}
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	return nil
}

// searchAway finds a search engine that is away, or does not work.
func searchAway(ctx context.Context, c config.Config) []operate.Finding {
	err := checkSearch(ctx, c)
	if err == nil {
		return nil
	}
	return []operate.Finding{{What: err.Error(), Where: "configuration", Do: "nothing is missing: the database is searched meanwhile; start the search engine, or mend the key search"}}
}
