package powercut

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
	_ "modernc.org/sqlite" // for the canary, and to look
)

const (
	envPart = "TIDEWIRE_POWERCUT_PART"
	envPath = "TIDEWIRE_POWERCUT_PATH"
	callers = 32
)

// TestMain plays a part for a test that runs in another process, until it is killed.
func TestMain(m *testing.M) {
	var err error
	switch part, path := os.Getenv(envPart), os.Getenv(envPath); part {
	case "store":
		err = playStore(context.Background(), path)
	case "canary":
		err = playCanary(context.Background(), path)
	default:
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, "child:", err)
	os.Exit(1)
}

// The tables of the store under test: number is one that Next drew, 0 if it was not asked.
var migrations = fstest.MapFS{"00001_test.sql": {Data: []byte("-- +goose Up\nCREATE TABLE state (key TEXT NOT NULL PRIMARY KEY, number BIGINT NOT NULL);\n")}}

type happened struct{ Key string }

func (happened) Kind() string { return "Happened" }

type todo struct{ Key string }

func (todo) Kind() string  { return "todo" }
func (todo) Queue() string { return "test_todo" }

// playStore changes a store through many callers and says what it was told.
func playStore(ctx context.Context, path string) error {
	d, err := sqlite.Open(ctx, path, migrations)
	if err != nil {
		return err
	}
	db := store.Open("test", d)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for {
				key := uuid.NewString()
				at, err := db.Update(ctx, []string{key}, func(tx *store.Tx) error { return change(tx, key, caller%2 == 0) })
				if err != nil {
					return // the power is gone
				}
				fmt.Printf("%s %d %s\n", key, at.Seq, at.ID)
			}
		})
	}
	all.Wait()
	select {} // a machine without power ends nothing
}

// change writes the state, the fact and the job of key.
func change(tx *store.Tx, key string, numbered bool) (err error) {
	var number int64
	if numbered {
		if number, err = tx.Next(); err != nil {
			return err
		}
	}
	return errors.Join(
		tx.Exec(`INSERT INTO state (key, number) VALUES ($1, $2)`, key, number),
		tx.Append(key, happened{key}),
		tx.Send(key, todo{key}))
}

// playCanary writes the same rows through SQLite as it comes, without an fsync.
func playCanary(ctx context.Context, path string) error {
	d, err := sqlite.Open(ctx, path, migrations) // its tables
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	for {
		key := uuid.NewString()
		seq, err := insert(ctx, db, key)
		if err != nil {
			select {} // the power is gone
		}
		fmt.Printf("%s %d %s\n", key, seq, key)
	}
}

func insert(ctx context.Context, db *sql.DB, key string) (seq int64, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // nothing after a commit
	if err := tx.QueryRow(`INSERT INTO journal (partition, id, kind, class, key, time, cause, trace, body)
		VALUES (0, $1, '', '', $1, 0, '', '', '') RETURNING seq`, key).Scan(&seq); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(`INSERT INTO state (key, number) VALUES ($1, 0)`, key); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(`INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due) VALUES ($1, '', '', $1, 0, '', '', '', 0)`, key); err != nil {
		return 0, err
	}
	return seq, tx.Commit()
}
