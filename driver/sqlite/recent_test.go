package sqlite_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// What comes from memory is what is in the file: a follower that keeps up, one that
// begins when memory holds the end alone, and one after a restart see the same.
func TestRecentRowsAreThoseOfTheFile(t *testing.T) {
	const groups, each = 60, 100 // more than is held
	path := filepath.Join(t.TempDir(), "a.db")
	db, d := openBoth(t, path)
	log := sqlite.NewLog(db, d)
	early := follow(log)
	for g := range groups {
		if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			for i := range each {
				if err := tx.Append(fmt.Sprint("key", i%50), said{g*each + i}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		early.rest(t, 70)
	}
	late := follow(log)
	late.rest(t, 70)
	early.want(t, "who keeps up", groups*each)
	late.want(t, "who comes late", groups*each)
	want := whole(t, log)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, d = openBoth(t, path)
	log = sqlite.NewLog(db, d)
	if got := whole(t, log); got != want {
		t.Error("a message read from memory was not the one in the file")
	}
}

// whole reads the last thousand messages, with all there is of them.
func whole(t *testing.T, log sqlite.Log) string {
	t.Helper()
	var from []store.Position
	for p := range store.Partitions {
		from = append(from, store.Position{Partition: p, Seq: 5000})
	}
	got, err := log.Read(t.Context(), stream.Query{From: from, Max: 2000, Want: func(string) bool { return true }})
	if err != nil || len(got) != 1000 {
		t.Fatalf("read %d, %v; want 1000", len(got), err)
	}
	return fmt.Sprintf("%+v", got)
}

// What a savepoint has undone in a change is in no file, and must not be read.
func TestUndoneRowsAreNotRead(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(store.Conn) error
		want   int
	}{
		{"appended twice", func(c store.Conn) error { return errors.Join(appendOne(c, "a"), appendOne(c, "b")) }, 2},
		{"undone and said again", func(c store.Conn) error {
			return errors.Join(c.Exec("SAVEPOINT s"), appendOne(c, "a"), c.Exec("ROLLBACK TO s"), c.Exec("RELEASE s"), appendOne(c, "b"))
		}, 1},
		{"undone", func(c store.Conn) error {
			return errors.Join(c.Exec("SAVEPOINT s"), appendOne(c, "a"), c.Exec("ROLLBACK TO s"), c.Exec("RELEASE s"))
		}, 0},
		{"a failed change", func(c store.Conn) error { return errors.Join(appendOne(c, "a"), errors.New("no")) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			log := sqlite.NewLog(store.Open("test", d), d)
			for range 2 { // the second meets what the first has left
				_ = d.Update(t.Context(), store.Change{Run: func(c store.Conn, _ time.Time) error { return tt.change(c) }}) // one of them fails
			}
			f := follow(log)
			f.rest(t, 10)
			f.want(t, "the follower", 2*tt.want)
		})
	}
}

func appendOne(c store.Conn, key string) error {
	_, err := c.Append([]message.Message{{ID: uuid.NewString(), Kind: "said", Class: message.Public, Key: key, Body: []byte("{}")}})
	return err
}
