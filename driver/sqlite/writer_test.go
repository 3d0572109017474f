package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/toolkit/store"
)

// tables makes tables in a new database.
func tables(t *testing.T, statements ...string) *store.DB {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
		for _, s := range statements {
			if err := tx.Exec(s); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return db
}

// number reads one number.
func number(t *testing.T, db *store.DB, query string) (n int64) {
	t.Helper()
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, query)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// A constraint that is only checked at the commit fails the change that breaks it, and
// not those that share its fsync.
func TestDeferredConstraintFailsOneChangeOfAGroup(t *testing.T) {
	db := tables(t, `CREATE TABLE parent (id BIGINT PRIMARY KEY)`,
		`CREATE TABLE child (id BIGINT PRIMARY KEY, parent BIGINT REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)`,
		`INSERT INTO parent VALUES (1)`)
	began, goOn := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) }) // it runs again when its group is taken apart
	var wg sync.WaitGroup
	wg.Go(func() { // holds the writer until the others are in line
		if _, err := db.Update(t.Context(), nil, func(*store.Tx) error { begin(); <-goOn; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-began
	var lined sync.WaitGroup
	for i := range 20 {
		lined.Add(1)
		wg.Go(func() {
			parent := 1
			if i == 7 {
				parent = 2 // there is none
			}
			lined.Done()
			_, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
				return tx.Exec(`INSERT INTO child VALUES ($1, $2)`, i, parent)
			})
			if failed := err != nil; failed != (i == 7) {
				t.Errorf("change %d: %v", i, err)
			}
		})
	}
	lined.Wait()
	close(goOn)
	wg.Wait()
	if n := number(t, db, `SELECT count(*) FROM child`); n != 19 {
		t.Errorf("%d rows, want the 19 that have a parent", n)
	}
}

// More Views than there are connections wait for each other, and no longer than their
// context lasts; a View that panics gives its connection back.
func TestViewsShareAFewConnections(t *testing.T) {
	db := tables(t, `CREATE TABLE t (v BIGINT)`, `INSERT INTO t VALUES (7)`)
	const many = 16
	goOn, reading := make(chan struct{}), make(chan struct{}, many)
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			if err := db.View(t.Context(), func(tx *store.Tx) error {
				reading <- struct{}{}
				<-goOn
				var n int
				if _, err := tx.Row([]any{&n}, `SELECT v FROM t`); err != nil || n != 7 {
					t.Errorf("read %d, %v; want 7", n, err)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-reading
	}
	cause := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := db.View(ctx, func(*store.Tx) error { return nil }); !errors.Is(err, cause) {
		t.Errorf("a View whose caller has gone: %v, want %v", err, cause)
	}
	close(goOn)
	wg.Wait()
	for range many {
		func() {
			defer func() { _ = recover() }()
			_ = db.View(t.Context(), func(tx *store.Tx) error {
				return tx.Rows(`SELECT v FROM t`, nil, func(func(...any) error) error { panic("in the middle") })
			})
		}()
	}
	if n := number(t, db, `SELECT v FROM t`); n != 7 {
		t.Errorf("after Views that panicked read %d, want 7", n)
	}
}

// NULL is told apart from zero where a column may be either, and no bytes are not NULL.
func TestNull(t *testing.T) {
	db := tables(t, `CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT, b BLOB NOT NULL)`)
	zero := int64(0)
	for id, want := range []*int64{nil, &zero} {
		if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			if err := tx.Exec(`INSERT INTO t VALUES ($1, $2, $3)`, id, want, []byte(nil)); err != nil {
				return err
			}
			got, b := &zero, []byte("before")
			if want != nil {
				got = nil
			}
			found, err := tx.Row([]any{&got, &b}, `SELECT n, b FROM t WHERE id = $1`, id)
			if !found || (got == nil) != (want == nil) || got != nil && *got != 0 || len(b) != 0 {
				t.Errorf("row %d: found %v, %v with bytes %q; want %v and none", id, found, got, b, want)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}
