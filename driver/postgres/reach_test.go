package postgres_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/store"
)

// configure rewrites a file of the server and has it start anew.
func (s *ownServer) configure(file string, edit func(string) string) {
	s.t.Helper()
	name := filepath.Join(s.data, file)
	old, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(edit(string(old))), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.run("down")
	s.run("up")
}

// do runs statements as the super-user, each by itself.
func (s *ownServer) do(statements ...string) {
	s.t.Helper()
	c, err := pgx.Connect(soon(s.t), s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close(soon(s.t))
	for _, statement := range statements {
		if _, err := c.Exec(soon(s.t), statement); err != nil {
			s.t.Errorf("%s: %v", statement, err)
		}
	}
}

// as is the server's URL for a user, with a database and parameters.
func (s *ownServer) as(user, rest string) string {
	s.t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	return "postgres://" + user + "@" + u.Host + "/" + rest
}

// TestRefusals: whatever a server has against us is said in one sentence, without the
// password and with what to do, and nothing is begun.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.configure("pg_hba.conf", func(old string) string {
		return "host all word 127.0.0.1/32 scram-sha-256\nhostssl all coded 127.0.0.1/32 trust\nhostnossl all coded 127.0.0.1/32 reject\n" + old
	})
	s.do(`CREATE ROLE word LOGIN PASSWORD 'right'`, `CREATE ROLE coded LOGIN`, `CREATE ROLE poor LOGIN`, `CREATE ROLE few LOGIN CONNECTION LIMIT 5`,
		`CREATE ROLE old LOGIN`, `CREATE ROLE lax LOGIN`, `CREATE ROLE guest LOGIN`,
		`CREATE SCHEMA past`, `CREATE FUNCTION past.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT '130004'$$`,
		`GRANT USAGE ON SCHEMA past TO old`, `ALTER ROLE old SET search_path = past, pg_catalog`,
		`ALTER ROLE lax SET synchronous_commit = off`, `ALTER ROLE lax SUPERUSER`,
		`CREATE SCHEMA taken`, `CREATE TABLE taken.orders (id int)`, `GRANT ALL ON SCHEMA taken TO guest`,
		`CREATE SCHEMA closed`, `CREATE DATABASE private`, `REVOKE CONNECT ON DATABASE private FROM PUBLIC`)
	for _, tt := range []struct{ name, url, schema, want string }{
		{"wrong password", s.as("word:hush", "postgres"), "a", `does not let "word" in: correct user and password`},
		{"not encrypted", s.as("coded", "postgres?sslmode=disable"), "a", `lets "coded" in only with encryption: add sslmode=verify-full`},
		{"no right to connect", s.as("poor", "private"), "a", `does not let "poor" use the database "private"`},
		{"no right to create", s.as("poor", "postgres"), "a", `prepare schema a: create the schema, or let poor do it (GRANT CREATE ON DATABASE postgres TO poor)`},
		{"another's schema", s.as("poor", "postgres"), "closed", `prepare schema closed: poor may not create tables there: GRANT CREATE, USAGE ON SCHEMA closed TO poor`},
		{"another's tables", s.as("guest", "postgres"), "taken", `prepare schema taken: the database postgres has a schema taken with tables that are not Tidewire's`},
		{"too few connections", s.as("few", "postgres"), "a", `has 5 connections for "few", and this process takes up to 17`},
		{"an old version", s.as("old", "postgres"), "a", "has version 13: use 14 or newer"},
		{"unsafe", s.as("lax", "postgres"), "a", "can lose what it has committed: switch on synchronous_commit, or accept that with unsafe=synchronous_commit"},
		{"unsafe in another way", s.as("lax", "postgres?unsafe=fsync"), "a", "switch on synchronous_commit"},
		{"unsafe what", s.as("lax", "postgres?unsafe=all"), "a", "unsafe=all in the database URL: it names settings that may be off"},
		{"pooled how", s.as("lax", "postgres?pool_mode=statement"), "a", "pool_mode=statement in the database URL: it is session or transaction"},
	} {
		_, err := postgres.Open(soon(t), tt.url, tt.schema, migrations())
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
		if errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: taken for a server that is away: %v", tt.name, err)
		}
	}
	unsafe, err := postgres.Connect(soon(t), s.as("lax", "postgres?unsafe=fsync,synchronous_commit"))
	if err != nil {
		t.Fatal(err)
	}
	defer unsafe.Close()
	if got := fmt.Sprint(unsafe.Unsafe()); got != "[synchronous_commit]" {
		t.Errorf("what is unsafe: got %s", got)
	}
	enough, err := postgres.Connect(soon(t), s.as("few", "postgres?pool_max_conns=4"))
	if err != nil {
		t.Fatal(err)
	}
	enough.Close()
}

// TestEncryption: a certificate must be one that is asked for, and what is wrong with it
// is said.
func TestEncryption(t *testing.T) {
	t.Parallel()
	tls := os.Getenv("TIDEWIRE_TEST_POSTGRES_TLS")
	if tls == "" {
		t.Fatal(`no certificates: eval "$(scripts/servers env postgres)"`)
	}
	u, err := url.Parse(serverURL())
	if err != nil {
		t.Fatal(err)
	}
	plain := newServer(t)
	plain.configure("postgresql.conf", func(old string) string { return old + "ssl = off\n" })
	ca := "&sslrootcert=" + filepath.Join(tls, "ca.pem")
	other := newProxyAt(t, "127.0.0.2", serverURL()).url
	other, _, _ = strings.Cut(other, "?")
	for _, tt := range []struct{ name, url, want string }{
		{"none demanded", "postgres://postgres@" + u.Host + "/postgres?sslmode=disable", ""},
		{"demanded", "postgres://postgres@" + u.Host + "/postgres?sslmode=require", ""},
		{"verified", "postgres://postgres@" + u.Host + "/postgres?sslmode=verify-full" + ca, ""},
		{"not there", plain.as("postgres", "postgres?sslmode=require"), "does not encrypt, and sslmode in the database URL demands it"},
		{"unknown authority", "postgres://postgres@" + u.Host + "/postgres?sslmode=verify-full", "an authority that is not known here: name its file with sslrootcert"},
		{"another host", other + "?sslmode=verify-full" + ca, `a certificate of another host than "127.0.0.2"`},
		{"no such file", "postgres://postgres@" + u.Host + "/postgres?sslmode=verify-full&sslrootcert=/nowhere", "/nowhere"},
	} {
		server, err := postgres.Connect(soon(t), tt.url)
		if err == nil {
			server.Close()
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}
