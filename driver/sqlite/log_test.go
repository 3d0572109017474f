package sqlite_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A follower reads a log as a reader of a service does, and keeps what it saw.
type follower struct {
	log  sqlite.Log
	at   []store.Position
	seen map[string]bool
}

// follow begins at the beginning of some partitions; of all if none is named.
func follow(log sqlite.Log, partitions ...int) *follower {
	f := &follower{log: log, seen: map[string]bool{}}
	for p := range store.Partitions {
		if len(partitions) == 0 || slices.Contains(partitions, p) {
			f.at = append(f.at, store.Position{Partition: p})
		}
	}
	return f
}

// read reads at most most messages once, and returns how many there were. None may come
// twice, of another partition, or out of order.
func (f *follower) read(t *testing.T, most int) int {
	t.Helper()
	got, err := f.log.Read(t.Context(), stream.Query{From: f.at, Max: most, Want: func(string) bool { return false }})
	if err != nil || len(got) > most {
		t.Fatalf("read %d of at most %d, %v", len(got), most, err)
	}
	for _, e := range got {
		i := slices.IndexFunc(f.at, func(p store.Position) bool { return p.Partition == e.Partition })
		if i < 0 || e.Seq <= f.at[i].Seq || f.seen[e.Message.ID] {
			t.Fatalf("read %s at %+v, which was read before or is not wanted", e.Message.ID, e.Position)
		}
		f.at[i], f.seen[e.Message.ID] = e.Position, true
	}
	return len(got)
}

// rest reads until nothing comes.
func (f *follower) rest(t *testing.T, most int) {
	t.Helper()
	for f.read(t, most) > 0 {
	}
}

func (f *follower) want(t *testing.T, what string, n int) {
	t.Helper()
	if len(f.seen) != n {
		t.Errorf("%s: saw %d messages, want %d", what, len(f.seen), n)
	}
}

// More rows than Open looks at: the rare key stands before them all, the hot one fills
// the end. Whoever reads after a restart sees each of them, also where the first reader
// has found nothing, and what is said later.
func TestTailsAfterReopen(t *testing.T) {
	const hot, rare, hotRows = "hot", "rare", 12_000
	path := filepath.Join(t.TempDir(), "a.db")
	db, _ := openBoth(t, path)
	appendAll := func(key string, n int) {
		t.Helper()
		if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			for i := range n {
				if err := tx.Append(key, said{i}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	appendAll(rare, 3)
	for range hotRows / 100 { // a change may take a second
		appendAll(hot, 100)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, d := openBoth(t, path)
	log := sqlite.NewLog(db, d)
	empty := 0
	for empty == store.Partition(hot) || empty == store.Partition(rare) {
		empty++
	}
	all, only, none := follow(log), follow(log, store.Partition(rare)), follow(log, empty)
	late := follow(log)
	none.rest(t, 100) // it lowers what is known of its partition, and of no other
	none.want(t, "a partition without rows", 0)
	only.rest(t, 2)
	only.want(t, "the rare key", 3)
	all.rest(t, 500)
	all.want(t, "everything", hotRows+3)

	appendAll(rare, 1)
	for p := range store.Partitions { // and one in every partition
		appendAll(keyOf(p), 1)
	}
	none.rest(t, 100)
	none.want(t, "a partition without rows, later", 1)
	only.rest(t, 100)
	only.want(t, "the rare key, later", 3+2)
	all.rest(t, 100)
	all.want(t, "everything, later", hotRows+3+1+store.Partitions)
	late.rest(t, 5000)
	late.want(t, "who begins late", hotRows+3+1+store.Partitions)
}

// keyOf finds a key of a partition.
func keyOf(partition int) string {
	for i := 0; ; i++ {
		if key := fmt.Sprint("key ", i); store.Partition(key) == partition {
			return key
		}
	}
}

// Eight write while four read, each at its own pace and some of a few partitions only:
// nobody misses anything, although what is known of the tails goes up and down between
// them.
func TestReadersMissNothingWhileOthersWrite(t *testing.T) {
	const writers, each = 8, 150
	db, d := openBoth(t, filepath.Join(t.TempDir(), "a.db"))
	log := sqlite.NewLog(db, d)
	var writing, reading sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
					if err := tx.Append(fmt.Sprint("key ", w, i%11), said{i}); err != nil {
						return err
					}
					return tx.Append("hot", said{i})
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { writing.Wait(); close(written) }()
	followers := []*follower{follow(log), follow(log), follow(log, 0, 3, 7), follow(log, store.Partition("hot"))}
	for i, f := range followers {
		reading.Go(func() {
			hint, stop := log.Watch()
			defer stop()
			for running := true; running; {
				select {
				case <-written:
					running = false
				case <-hint:
				}
				f.rest(t, []int{1000, 3, 20, 7}[i])
			}
		})
	}
	reading.Wait()
	for i, f := range followers {
		fresh := follow(log)
		fresh.at = slices.Clone(f.at)
		for p := range fresh.at {
			fresh.at[p] = store.Position{Partition: fresh.at[p].Partition}
		}
		want := int64(0)
		if n, err := log.Behind(t.Context(), fresh.at); err != nil {
			t.Fatal(err)
		} else {
			want = n
		}
		f.want(t, fmt.Sprint("reader ", i), int(want))
	}
	if n := count(t, db); n != 2*writers*each {
		t.Errorf("the journal has %d rows, want %d", n, 2*writers*each)
	}
	if n, err := log.Behind(t.Context(), followers[0].at); err != nil || n != 0 {
		t.Errorf("%d follow what a reader of everything has read, %v", n, err)
	}
}
