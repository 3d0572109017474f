package operate_test

import (
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// pulseOf is when it was last tried whether the database can be written.
func pulseOf(t *testing.T, db *store.DB) (last time.Time) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&last}, `SELECT time FROM pulse`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// Readiness writes when it is asked, once a second at most, however many ask.
func TestReadinessWritesOnceASecond(t *testing.T) {
	s := newShop(t)
	never := pulseOf(t, s.db)
	start := time.Now()
	tries := map[time.Time]bool{}
	for range 5 {
		var asking sync.WaitGroup
		for range 8 {
			asking.Go(func() {
				if status, text := s.do("GET", "/readyz", ""); status != 200 {
					t.Errorf("got %d %s", status, text)
				}
			})
		}
		asking.Wait()
		tries[pulseOf(t, s.db)] = true
	}
	if most := 1 + int(time.Since(start)/time.Second); tries[never] || len(tries) > most {
		t.Errorf("tries at %v and before any at %v, want one to %d", tries, never, most)
	}
}

// What was found a second ago is looked at again.
func TestReadinessLooksAgain(t *testing.T) {
	s := newShop(t)
	s.do("GET", "/readyz", "")
	first := pulseOf(t, s.db)
	eventually(t, "another try", func() bool {
		s.do("GET", "/readyz", "")
		return pulseOf(t, s.db).After(first)
	})
}
