package sqlite_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// A group whose transaction has died, and cannot begin again, stores nothing: outside a
// transaction each change would be committed by itself, told that it failed, and its
// rows passed by.
func TestGroupThatCannotBeginAgain(t *testing.T) {
	t.Parallel() // it waits for SQLite's five seconds
	path := filepath.Join(t.TempDir(), "a.db")
	db, d := openBoth(t, path)
	follower := follow(sqlite.NewLog(db, d))
	other, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite|zombiezen.OpenWAL)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var w sync.WaitGroup
	began, waiting, over := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	w.Go(func() {
		_, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			close(began)
			<-waiting
			err := errors.Join(tx.Exec(`ROLLBACK`), sqlitex.ExecuteTransient(other, "BEGIN IMMEDIATE", nil))
			time.AfterFunc(5500*time.Millisecond, func() { over <- sqlitex.ExecuteTransient(other, "ROLLBACK", nil) })
			return errors.Join(err, errors.New("died"))
		})
		if err == nil {
			t.Error("a change that rolled back was told that it is stored")
		}
	})
	<-began
	errs := make([]error, 4)
	for i := range errs {
		to := db
		if i > 1 {
			to = db.Background()
		}
		w.Go(func() {
			_, errs[i] = to.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append(fmt.Sprint("key", i), said{i}) })
		})
	}
	time.AfterFunc(100*time.Millisecond, func() { close(waiting) }) // they stand in line by then
	w.Wait()
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	stored := 0
	for i, err := range errs {
		n := number(t, db, fmt.Sprintf(`SELECT count(*) FROM journal WHERE key = 'key%d'`, i))
		if (err == nil) != (n == 1) {
			t.Errorf("change %d was told %v, and %d of it are stored", i, err, n)
		}
		stored += int(n)
	}
	if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append("later", said{9}) }); err != nil {
		t.Fatal(err)
	}
	follower.rest(t, 10)
	follower.want(t, "the follower", stored+1)
}
