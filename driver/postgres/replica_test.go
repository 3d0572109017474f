package postgres_test

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// replicaURL is the replica of the real server.
func replicaURL() string {
	if url := os.Getenv("TIDEWIRE_TEST_REPLICA"); url != "" {
		return url
	}
	return "postgres://postgres@127.0.0.1:15433/postgres?sslmode=disable"
}

// connect connects to a server and its replica.
func connect(t testing.TB, url, replica string) *postgres.Server {
	t.Helper()
	s, err := postgres.Connect(soon(t), with(url, "pool_max_conns=8"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Replicate(replica); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReplica(t *testing.T) {
	t.Parallel()
	h := harness(serverURL())
	h.Open = func(t testing.TB, place, service string, migrations fs.FS) store.Driver {
		d, err := connect(t, serverURL(), replicaURL()).Open(soon(t), place+"_"+service, migrations)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	storetest.RunReplica(t, h)
}

// TestReplicaComesAndGoes: while a replica is away, stopped or behind, the primary answers,
// soon; when it is the primary itself, or another database's, it is not read at all.
func TestReplicaComesAndGoes(t *testing.T) {
	t.Parallel()
	s := newServer(t).standby()
	server := connect(t, s.ownServer.url, s.url)
	d, err := server.Open(soon(t), "shop", migrations())
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("shop", d)
	n := int64(0)
	// shown is what a read shows that asks for what was just committed, and where it was.
	shown := func() (follows bool) {
		t.Helper()
		n++
		at, err := db.Update(soon(t), []string{"k"}, func(tx *store.Tx) error {
			if err := tx.Exec(`INSERT INTO thing (id, n) VALUES (CAST(CAST($1 AS BIGINT) AS TEXT), 0)`, n); err != nil {
				return err
			}
			return tx.Append("k", happened{})
		})
		if err != nil {
			t.Fatal(err)
		}
		var rows int64
		began := time.Now()
		err = db.Replica().View(soon(t), at, func(tx *store.Tx) error {
			_, err := tx.Row([]any{&rows, &follows}, `SELECT count(*), pg_is_in_recovery() FROM thing`)
			return err
		})
		if took := time.Since(began); err != nil || rows != n || took > 12*time.Second {
			t.Errorf("got %d rows, %v after %v, want %d at once", rows, err, took, n)
		}
		return follows
	}
	eventually(t, "the replica is read", shown)
	if bytes, found, err := server.Lag(soon(t)); err != nil || !found || bytes > 1<<20 {
		t.Errorf("lag: got %d, %v, %v", bytes, found, err)
	}
	for _, fault := range []struct{ begin, end string }{{"down", "up"}, {"pause", "resume"}} {
		s.have(fault.begin, "replica")
		if shown() {
			t.Errorf("%s: the replica was read", fault.begin)
		}
		if _, found, err := server.Lag(soon(t)); err == nil || !found {
			t.Errorf("%s: its lag is said to be known", fault.begin)
		}
		s.have(fault.end, "replica")
		eventually(t, "the replica is read again after "+fault.begin, shown)
	}
	for name, url := range map[string]string{"the primary": s.ownServer.url, "a stranger": replicaURL()} {
		other := connect(t, s.ownServer.url, url)
		if d, err = other.Open(soon(t), "shop", migrations()); err != nil {
			t.Fatal(err)
		}
		db = store.Open("shop", d)
		if shown() {
			t.Errorf("%s was read as a replica", name)
		}
	}
}
