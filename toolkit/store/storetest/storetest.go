package storetest

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Harness makes databases for the suites.
type Harness struct {
	// Place names a new place for databases, which is removed at the end of t. Another
	// process can open them by it.
	Place func(t testing.TB) string
	// Open opens the database of a service at a place, with the toolkit's tables and
	// those of migrations (nil: none), and makes it if there is none. It is closed at the
	// end of t. It can be opened again after Close, and several times at once unless the
	// driver is store.Alone.
	Open func(t testing.TB, place, service string, migrations fs.FS) store.Driver
	// Deaf says that a store.Teller tells nothing here, as behind a pooler.
	Deaf bool
}

//go:embed migrations/*.sql
var migrations embed.FS

// Run checks a driver.
func Run(t *testing.T, h Harness) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Update", updates()},
		{"Member", members()},
		{"Keys", locks()},
		{"View", views()},
		{"Conn", conns()},
		{"Journal", journals()},
		{"Each", eaches()},
		{"Insert", inserts()},
		{"Exchange", exchanges()},
		{"Twice", twices()},
		{"Hint", hints()},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					tt.run(newDesk(t, h))
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*desk)
}

// limit bounds every wait of the suite.
const limit = time.Minute

// A desk is a database under test, and what a test does with it.
type desk struct {
	*testing.T
	open func() store.Driver
	deaf bool
	d    store.Driver
	ctx  context.Context
}

func newDesk(t *testing.T, h Harness) *desk {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	place := h.Place(t)
	open := func() store.Driver { return h.Open(t, place, "suite", migrations) }
	return &desk{T: t, open: open, deaf: h.Deaf, d: open(), ctx: ctx}
}

// again is a second driver on the same database, as another process would have it, or
// the same one where there can be no other.
func (k *desk) again() store.Driver {
	if a, ok := k.d.(store.Alone); ok && a.Alone() {
		return k.d
	}
	return k.open()
}

// must fails the test if err is one.
func (k *desk) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// want fails the test if err is not target.
func (k *desk) want(err, target error) {
	k.Helper()
	if !errors.Is(err, target) {
		k.Errorf("got error %v, want %v", err, target)
	}
}

func (k *desk) update(d store.Driver, keys []string, run func(store.Conn) error) error {
	return d.Update(k.ctx, store.Change{Keys: keys, Run: func(c store.Conn, _ time.Time) error { return run(c) }})
}

// add counts a name up by reading and writing, which only a lock makes right.
func add(c store.Conn, name string) error {
	n, err := read(c, name)
	if err != nil {
		return err
	}
	return c.Exec(`INSERT INTO counter (name, n) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = excluded.n`, name, n+1)
}

func read(c store.Conn, name string) (n int64, err error) {
	err = c.Query(`SELECT n FROM counter WHERE name = $1`, []any{name}, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

// count reads a counter from outside any change.
func (k *desk) count(name string) (n int64) {
	k.Helper()
	k.must(k.d.View(k.ctx, func(c store.Conn) (err error) {
		n, err = read(c, name)
		return err
	}))
	return n
}

func (k *desk) wantCount(name string, want int64) {
	k.Helper()
	if got := k.count(name); got != want {
		k.Errorf("%s is %d, want %d", name, got, want)
	}
}

// hold begins a change that holds keys, and returns once it runs. It ends with release.
func (k *desk) hold(keys ...string) (release func()) {
	began, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		ended <- k.update(k.d, keys, func(store.Conn) error {
			once.Do(func() { close(began) })
			<-end
			return nil
		})
	}()
	k.wait(began, "a change that only waits does not begin")
	return sync.OnceFunc(func() {
		close(end)
		if err := <-ended; err != nil {
			k.Errorf("a change that only waited: %v", err)
		}
	})
}

func (k *desk) wait(c <-chan struct{}, otherwise string) {
	k.Helper()
	select {
	case <-c:
	case <-k.ctx.Done():
		k.Fatal(otherwise)
	}
}

// settle gives goroutines that were just started time to get in line; a test that
// comes too early tests less, and does not fail.
func settle() { <-time.After(50 * time.Millisecond) }

// within fails the test if f takes longer than most.
func (k *desk) within(most time.Duration, f func()) {
	k.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > most {
		k.Errorf("took %v, want at most %v", took, most)
	}
}

// fact is a message for key.
func fact(id, key string) message.Message {
	return message.Message{ID: id, Kind: "fact", Class: message.Public, Key: key, Time: time.UnixMicro(1_700_000_000_000_000), Body: []byte(`{}`)}
}

// slow is a query that takes hours and little memory.
const slow = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
	SELECT count(*) AS total FROM n AS a, n AS b, n AS c, n AS d WHERE a.i + b.i + c.i + d.i < 0`

// slowRow is the same as a row for counter: a statement that writes is interrupted at a
// higher price.
const slowRow = `SELECT 'slow', total FROM (` + slow + `) AS s`

func runSlow(c store.Conn) error {
	return c.Query(slow, nil, func(func(...any) error) error { return nil })
}

func ids(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return all
}
