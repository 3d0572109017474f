package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// happened is said in these tests.
type happened struct{ N int }

func (happened) Kind() string         { return "Happened" }
func (happened) Class() message.Class { return message.Public }

// say appends a fact, which gives a hint.
func say(t testing.TB, db *store.DB, n int) {
	t.Helper()
	if _, err := db.Update(soon(t), nil, func(tx *store.Tx) error { return tx.Append("k", happened{n}) }); err != nil {
		t.Error(err)
	}
}

func heard(t testing.TB, hint <-chan struct{}) {
	t.Helper()
	select {
	case <-hint:
	case <-soon(t).Done():
		t.Fatal("nothing was heard")
	}
}

// TestHintsOfOthers: what one process commits is heard by another, again after its
// connection was lost, and until it is closed.
func TestHintsOfOthers(t *testing.T) {
	schema := newSchema(t)
	here, there := store.Open("test", openAt(t, serverURL(), schema)), store.Open("test", openAt(t, with(serverURL(), "application_name=deaf"), schema))
	hint, stop := there.Watch(store.Journal)
	defer stop()
	hearing := func() bool { return there.Hinted() && here.Hinted() }
	eventually(t, "both hear", hearing)
	began := time.Now()
	say(t, here, 1)
	heard(t, hint)
	t.Logf("heard after %v", time.Since(began))

	c := admin(t)
	if _, err := c.Exec(soon(t), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deaf' AND query LIKE 'LISTEN%'`); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the loss is noticed", func() bool { return !there.Hinted() })
	eventually(t, "both hear again", hearing)
	say(t, here, 2)
	heard(t, hint)
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	say(t, here, 3)
	if there.Hinted() {
		t.Error("it hears although it is closed")
	}
}

// TestNothingIsHeardBehindAPooler: there readers look more often.
func TestNothingIsHeardBehindAPooler(t *testing.T) {
	db := store.Open("test", openAt(t, poolerURL(), newSchema(t)))
	say(t, db, 1)
	if db.Hinted() {
		t.Error("behind a pooler something is said to be heard")
	}
}

// TestHintsAreFew: however much is committed, a process tells of it every 20 ms at most,
// and of the last at last; and of nothing that was undone.
func TestHintsAreFew(t *testing.T) {
	c := admin(t)
	if _, err := c.Exec(soon(t), `LISTEN tidewire`); err != nil {
		t.Fatal(err)
	}
	schema := newSchema(t)
	db := store.Open("test", openAt(t, serverURL(), schema))
	began := time.Now()
	const commits = 300
	for n := range commits {
		say(t, db, n)
	}
	took := time.Since(began)
	told := listened(t, c, schema, 500*time.Millisecond)
	if most := int(took/(20*time.Millisecond)) + 2; told == 0 || told > most {
		t.Errorf("told %d times of %d commits in %v, want 1 to %d", told, commits, took, most)
	}
	_, err := db.Update(soon(t), nil, func(tx *store.Tx) error {
		if err := tx.Append("k", happened{}); err != nil {
			return err
		}
		return fmt.Errorf("no")
	})
	if err == nil {
		t.Fatal("committed")
	}
	if told := listened(t, c, schema, 200*time.Millisecond); told > 0 {
		t.Errorf("told of what was undone")
	}
}

// listened counts what was told about a schema, until nothing is for a while.
func listened(t *testing.T, c *pgx.Conn, schema string, while time.Duration) (told int) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(soon(t), while)
		n, err := c.WaitForNotification(ctx)
		cancel()
		if err != nil {
			return told
		}
		if strings.Contains(n.Payload, "\n"+schema+" journal") {
			told++
		}
	}
}

// TestConnectionsOfAProcess: with all of its changes under way, and listening, a process has
// at most 20 connections.
func TestConnectionsOfAProcess(t *testing.T) {
	server, err := postgres.Connect(soon(t), with(serverURL(), "application_name=counted"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var dbs []*store.DB
	for range 8 {
		d, err := server.Open(soon(t), newSchema(t), migrations())
		if err != nil {
			t.Fatal(err)
		}
		dbs = append(dbs, store.Open("test", d))
	}
	eventually(t, "it hears", dbs[0].Hinted)
	done := make(chan error)
	for n := range 100 {
		go func() {
			_, err := dbs[n%8].Update(soon(t), nil, func(tx *store.Tx) error {
				_, err := tx.Row([]any{nil}, `SELECT 1 FROM pg_sleep(0.05)`)
				return err
			})
			done <- err
		}()
	}
	most := 0
	c := admin(t)
	for range 100 {
		var n int
		if err := c.QueryRow(soon(t), `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counted'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most > 20 || most < 13 {
		t.Errorf("got %d connections, want 13 to 20", most)
	}
}
