package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/driver/redis"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// An engine is where everything is stored: the databases by service, their journals as
// logs, and what their queues are made of.
type engine struct {
	databases map[string]*store.DB
	logs      map[string]stream.Log
	tables    map[string]queue.Table
	server    *postgres.Server // nil: SQLite
	hands     hands            // of work and questions
	cache     *redis.Server    // nil: none
	news      *redis.Broadcast // on cache
	topics    *topics          // nil: the logs are all that is followed
}

// An opener opens the database of a service.
type opener func(ctx context.Context, service string, migrations fs.FS) (*store.DB, stream.Log, queue.Table, error)

// openEngine opens the databases of the services, in SQLite files or in schemas of one
// PostgreSQL.
func openEngine(ctx context.Context, c config.Config, schemas map[string]fs.FS) (*engine, error) {
	e := &engine{databases: map[string]*store.DB{}, logs: map[string]stream.Log{}, tables: map[string]queue.Table{}}
	open := inFiles(c.Data)
	if c.Database == "" && c.Replica != "" {
		return nil, errNoPrimary
	}
	if c.Database == "" {
		oversubscribe()
	} else {
		server, err := connect(ctx, c)
		if err != nil {
			return nil, err
		}
		e.server = server
		open = inSchemas(server)
	}
	if err := e.openAll(ctx, schemas, open); err != nil {
		return nil, errors.Join(err, e.close())
	}
	topics, err := openTopics(ctx, c)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.topics = topics
	return e, nil
}

// oversubscribe has twice as many goroutines run as there are processors, unless the environment
// says how many. One that waits for its disk keeps its place until the runtime's monitor
// takes it away; a few of them at a time would leave processors idle.
func oversubscribe() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * runtime.NumCPU())
	}
}

// inFiles opens a file for each service. No other process can have it open.
func inFiles(dir string) opener {
	return func(ctx context.Context, service string, migrations fs.FS) (*store.DB, stream.Log, queue.Table, error) {
		d, err := sqlite.Open(ctx, filepath.Join(dir, service+".db"), migrations)
		if err != nil {
			return nil, nil, queue.Table{}, err
		}
		db := store.Open(service, d)
		return db, sqlite.NewLog(db, d), queue.Table{DB: db}, nil
	}
}

// inSchemas opens a schema for each service. Other instances may have it open as well:
// whoever takes a job locks its row.
func inSchemas(server *postgres.Server) opener {
	return func(ctx context.Context, service string, migrations fs.FS) (*store.DB, stream.Log, queue.Table, error) {
		d, err := server.Open(ctx, service, migrations)
		if err != nil {
			return nil, nil, queue.Table{}, err
		}
		db := store.Open(service, d)
		return db, postgres.NewLog(db, d), queue.Table{DB: db, Skip: d.SkipLocked()}, nil
	}
}

// openAll opens the databases at the same time: each waits for its disk. Those that did
// open stay in e, so that close finds them if another did not.
func (e *engine) openAll(ctx context.Context, schemas map[string]fs.FS, open opener) error {
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	for service, migrations := range schemas {
		wg.Go(func() {
			db, log, table, err := open(ctx, service, migrations)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("database of %s: %w", service, err))
				return
			}
			e.databases[service], e.logs[service], e.tables[service] = db, log, table
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return errs[0] // one sentence is enough: the others fail alike
	}
	// What another process of ours had in hand when it died need not wait for its lease.
	for _, table := range e.tables {
		if err := table.Recover(ctx); err != nil {
			return err
		}
	}
	return nil
}

// close waits for the changes that have begun. The server comes last, for the databases
// are its connections.
func (e *engine) close() error {
	errs := []error{e.hands.close(), e.topics.close()}
	for _, db := range e.databases {
		errs = append(errs, db.Close())
	}
	if e.cache != nil {
		errs = append(errs, e.cache.Close())
	}
	if e.server != nil {
		e.server.Close()
	}
	return errors.Join(errs...)
}
