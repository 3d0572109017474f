package journal_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/journal"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

type fact struct{ class message.Class }

func (fact) Kind() string           { return "fact" }
func (f fact) Class() message.Class { return f.class }

func open(t *testing.T, service string) *store.DB {
	t.Helper()
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), service+".db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(service, d)
	t.Cleanup(func() { db.Close() })
	return db
}

func update(t *testing.T, db *store.DB, change func(*store.Tx) error) {
	t.Helper()
	if _, err := db.Update(t.Context(), nil, change); err != nil {
		t.Fatal(err)
	}
}

// Six rows of one partition, 1 command, 2 public, 3 audit, 4 command, 5 audit, 6 command,
// sequences as numbered; all older than the retention unless young.
func TestPruneNeverPassesAReader(t *testing.T) {
	for _, tt := range []struct {
		name     string
		position int64 // of the slower of two readers; -1: it has none
		young    bool
		left     []int64
	}{
		{"everybody has read everything", 6, false, []int64{2, 6}},
		{"the row at a position stays", 4, false, []int64{2, 4, 5, 6}},
		{"a reader is behind", 2, false, []int64{2, 3, 4, 5, 6}},
		{"a reader has not begun", -1, false, []int64{1, 2, 3, 4, 5, 6}},
		{"too young", 6, true, []int64{1, 2, 3, 4, 5, 6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source, fast, slow := open(t, "source"), open(t, "fast"), open(t, "slow")
			update(t, source, func(tx *store.Tx) error {
				for _, c := range []message.Class{message.Command, message.Public, message.Audit, message.Command, message.Audit, message.Command} {
					if err := tx.Append("k", fact{c}); err != nil {
						return err
					}
				}
				return nil
			})
			if !tt.young {
				update(t, source, func(tx *store.Tx) error {
					return tx.Exec(`UPDATE journal SET time = $1`, tx.Now.Add(-25*time.Hour))
				})
			}
			at(t, fast, 6)
			at(t, slow, tt.position)
			p := journal.Pruner{DB: source, Readers: []*store.DB{fast, slow}, Keep: 24 * time.Hour}
			deleted, err := p.Prune(t.Context())
			if got := seqs(t, source); err != nil || !slices.Equal(got, tt.left) || deleted != 6-len(tt.left) {
				t.Errorf("Prune = %d, %v, left %v; want left %v", deleted, err, got, tt.left)
			}
		})
	}
}

func at(t *testing.T, db *store.DB, seq int64) {
	t.Helper()
	if seq < 0 {
		return
	}
	update(t, db, func(tx *store.Tx) error {
		for p := range store.Partitions {
			if err := tx.Exec(`INSERT INTO position (subscription, log, partition, seq) VALUES ($1, 'source', $2, $3)`, db.Service(), p, seq); err != nil {
				return err
			}
		}
		return nil
	})
}

func seqs(t *testing.T, db *store.DB) (seqs []int64) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT seq FROM journal ORDER BY seq`, nil, func(scan func(...any) error) error {
			var seq int64
			err := scan(&seq)
			seqs = append(seqs, seq)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return seqs
}
