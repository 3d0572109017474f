package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/store"
)

// TestOpenAtOnce: processes that start together migrate once, and find one identity.
func TestOpenAtOnce(t *testing.T) {
	schema := newSchema(t)
	var w sync.WaitGroup
	for range 6 {
		w.Go(func() { openAt(t, serverURL(), schema) })
	}
	w.Wait()
	d := openAt(t, serverURL(), schema)
	if n := number(t, d, `SELECT count(*) FROM identity`); n != 1 {
		t.Errorf("got %d identities, want 1", n)
	}
}

func TestOpenRefusesANewerDatabase(t *testing.T) {
	d, schema := open(t)
	change(t, d, func(c store.Conn) error {
		return c.Exec(`INSERT INTO ` + schema + `_version (version_id, is_applied) VALUES (99, true)`)
	})
	_, err := postgres.Open(soon(t), serverURL(), schema, migrations())
	if err == nil || !strings.Contains(err.Error(), "newer than this binary") {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefusesAFailedMigration(t *testing.T) {
	broken := fstest.MapFS{"00001_x.sql": {Data: []byte("-- +goose Up\nCREATE TABLE half (id TEXT);\nCREATE TABEL x;")}}
	schema := newSchema(t)
	if _, err := postgres.Open(soon(t), serverURL(), schema, broken); err == nil || !strings.Contains(err.Error(), schema) {
		t.Errorf("got %v", err)
	}
	d := openAt(t, serverURL(), schema) // nothing of it is left
	if n := number(t, d, `SELECT count(*) FROM thing`); n != 0 {
		t.Errorf("got %d", n)
	}
}

// What a service has for another database is not for this one.
func TestMigrationsOfOneDatabase(t *testing.T) {
	files := fstest.MapFS{
		"migrations/00001_test.sql":          {Data: []byte(tables)},
		"migrations/postgres/00001_only.sql": {Data: []byte("-- +goose Up\nALTER TABLE thing ADD COLUMN words tsvector;")},
		"migrations/sqlite/00001_only.sql":   {Data: []byte("-- +goose Up\nDROP TABLE thing;")},
	}
	schema := newSchema(t)
	for range 2 { // the second time there is nothing to do
		d, err := postgres.Open(soon(t), serverURL(), schema, files)
		if err != nil {
			t.Fatal(err)
		}
		if n := number(t, d, `SELECT count(words) FROM thing`); n != 0 {
			t.Errorf("got %d", n)
		}
		change(t, d, func(c store.Conn) error {
			return c.Exec(`UPDATE ` + schema + `_postgres_version SET version_id = version_id`)
		})
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSchemaNames(t *testing.T) {
	s, err := postgres.Connect(soon(t), serverURL())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"", "Order", "1st", `a"b`, "tidewire", "a b", strings.Repeat("a", 60)} {
		if _, err := s.Open(soon(t), name, nil); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

// TestTwoSchemas share connections, and not their tables.
func TestTwoSchemas(t *testing.T) {
	s, err := postgres.Connect(soon(t), with(serverURL(), "pool_max_conns=1"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var ds []*postgres.Driver
	for range 2 {
		d, err := s.Open(soon(t), newSchema(t), migrations())
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	for i := range 20 {
		d := ds[i%2]
		change(t, d, func(c store.Conn) error {
			return c.Exec(`INSERT INTO thing (id, n) VALUES ($1, $2)`, fmt.Sprint(i), i%2)
		})
	}
	for i, d := range ds {
		if n := number(t, d, `SELECT count(*) FROM thing WHERE n = $1`, i); n != 10 {
			t.Errorf("schema %d: got %d rows, want 10", i, n)
		}
	}
}

// TestConnectSaysWhatToDo, and no secret.
func TestConnectSaysWhatToDo(t *testing.T) {
	c, name := admin(t), newSchema(t) // of a database, whose settings are nobody else's
	for _, statement := range []string{`CREATE DATABASE ` + name, `ALTER DATABASE ` + name + ` SET synchronous_commit = off`} {
		if _, err := c.Exec(soon(t), statement); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(serverURL())
	if err != nil {
		t.Fatal(err)
	}
	own := *u
	own.Path = name
	_, unsafe := postgres.Connect(soon(t), own.String())
	if _, err := c.Exec(soon(t), `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
		t.Error(err)
	}
	if unsafe == nil || !strings.Contains(unsafe.Error(), "synchronous_commit") {
		t.Errorf("an unsafe server: got %v", unsafe)
	}
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	for _, tc := range []struct {
		name, url, want string
		unavailable     bool
	}{
		{"no such database", "postgres://postgres:s3cret@" + u.Host + "/nowhere", `no database "nowhere"`, false},
		{"no such user", "postgres://nobody:s3cret@" + u.Host + "/postgres", "nobody", false},
		{"nothing there", "postgres://postgres:s3cret@127.0.0.1:1/x", "nothing answers at 127.0.0.1:1", true},
		{"a web server", "postgres://postgres:s3cret@" + strings.TrimPrefix(web.URL, "http://") + "/x?connect_timeout=1", "does not speak like PostgreSQL", true},
		{"no URL", "postgres://postgres:s3cret@host:port/x", "the database URL", false},
	} {
		_, err := postgres.Connect(soon(t), tc.url)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", tc.name, err)
		}
		if errors.Is(err, store.ErrUnavailable) != tc.unavailable {
			t.Errorf("%s: unavailable is not %v: %v", tc.name, tc.unavailable, err)
		}
		t.Log(err)
	}
}

// TestSilentServer: a server that accepts and never answers ends the wait with ctx.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(soon(t), 200*time.Millisecond)
	defer cancel()
	if _, err := postgres.Connect(ctx, "postgres://postgres@"+l.Addr().String()+"/x"); err == nil {
		t.Error("connected")
	}
}
