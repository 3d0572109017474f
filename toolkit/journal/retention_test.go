package journal_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/journal"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// An aging is what is left of rows of these ages in days, after the retention that nobody
// has set.
type aging struct {
	name, left string
	want       []int64
}

// agings: facts stay; a mark of a redelivered message stays as long as its sender may
// keep the message, and as long again.
func agings() []aging {
	of := func(class string) string {
		return `SELECT version FROM journal WHERE version IS NOT NULL AND class = '` + class + `' ORDER BY 1`
	}
	return []aging{
		{"public facts", of("public"), []int64{1, 29, 31, 59, 61}},
		{"internal facts", of("internal"), []int64{1, 29, 31, 59, 61}},
		{"commands", of("command"), []int64{1, 29}},
		{"audit rows", of("audit"), []int64{1, 29}},
		{"idempotency keys", `SELECT status FROM idempotency ORDER BY 1`, []int64{1, 29}},
		{"marks", `SELECT time FROM inbox ORDER BY 1 DESC`, []int64{1, 29, 31, 59}},
	}
}

// numbers are the rows of a query with one column.
func numbers(t *testing.T, db *store.DB, query string) (all []int64) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		all = nil
		return tx.Rows(query, nil, func(scan func(...any) error) error {
			var n int64
			err := scan(&n)
			all = append(all, n)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The clock is turned by the age of the rows: what is older than 30 days goes, and only
// what may.
func TestRetentionOfThirtyDays(t *testing.T) {
	databases.Each(t, "shop", nil, func(t *testing.T, open func() *store.DB) {
		db := open()
		days := []int64{1, 29, 31, 59, 61}
		var began time.Time
		update(t, db, func(tx *store.Tx) error {
			began = tx.Now
			for _, class := range []message.Class{message.Public, message.Internal, message.Command, message.Audit} {
				for range days {
					if err := tx.Append("k", fact{class}); err != nil {
						return err
					}
				}
			}
			for _, n := range days {
				at := tx.Now.AddDate(0, 0, -int(n))
				if err := tx.Exec(`INSERT INTO idempotency (caller, route, key, digest, status, location, body, time) VALUES ('', 'POST /x', $1, '', $2, '', $3, $4)`, fmt.Sprint(n), n, []byte{}, at); err != nil {
					return err
				}
				if err := tx.Exec(`INSERT INTO inbox (source, id, time) VALUES ('s', $1, $2)`, fmt.Sprint(n), at); err != nil {
					return err
				}
			}
			return tx.Append("k", fact{message.Audit}) // young: the last row of all always stays
		})
		update(t, db, func(tx *store.Tx) error { // the n-th of each class is days[n] old, and says so by its version
			for n, day := range days {
				for c := range 4 {
					err := tx.Exec(`UPDATE journal SET time = $1, version = $2 WHERE seq = (SELECT min(seq) + $3 FROM journal)`,
						tx.Now.AddDate(0, 0, -int(day)), day+int64(c)*1000, c*len(days)+n)
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
		if _, err := (journal.Pruner{DB: db}).Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, a := range agings() {
			got := numbers(t, db, a.left)
			for i := range got {
				if a.name == "marks" {
					got[i] = int64(began.Sub(time.UnixMicro(got[i])).Hours()+12) / 24
				}
				got[i] %= 1000
			}
			if !slices.Equal(got, a.want) {
				t.Errorf("%s: of days %v are left %v, want %v", a.name, days, got, a.want)
			}
		}
	})
}
