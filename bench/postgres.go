package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"

	"github.com/jackc/pgx/v5"
)

// newDatabase makes a database on the PostgreSQL server, and returns its URL. It is
// dropped at the end of the run.
func (b *bench) newDatabase(ctx context.Context) (string, error) {
	at, err := url.Parse(b.postgres)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("tidewire_bench_%d_%d", os.Getpid(), len(b.databases)+1)
	if err := b.execute(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("PostgreSQL at %s: %w", at.Host, err)
	}
	b.databases = append(b.databases, name)
	at.Path = "/" + name
	return at.String(), nil
}

func (b *bench) dropDatabases() error {
	var errs []error
	for _, name := range b.databases {
		errs = append(errs, b.execute(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"))
	}
	b.databases = nil
	return errors.Join(errs...)
}

func (b *bench) execute(ctx context.Context, statement string) error {
	c, err := pgx.Connect(ctx, b.postgres)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(ctx))
}

// onServer is the row in which the server's work is not ours, and counts as others'.
const onServer = "postgres"

// onPostgres measures the pipeline and its latency where everything is stored in
// PostgreSQL.
func (b *bench) onPostgres(ctx context.Context) (_ []figure, err error) {
	if b.postgres == "" {
		fmt.Fprintln(b.progress, "postgres: left out, no server given with -postgres or TIDEWIRE_TEST_POSTGRES")
		return nil, nil
	}
	defer func() { err = errors.Join(err, b.dropDatabases()) }()
	figures, err := b.throughputs(ctx, onServer, choreographed(postgres))
	return slices.DeleteFunc(figures, func(f figure) bool { return f.What == written }), err // the server writes
}
