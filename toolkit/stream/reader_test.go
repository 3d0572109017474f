package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

type counted struct{ N int }

func (counted) Kind() string { return "counted" }

type ended struct{}

func (ended) Kind() string { return "ended" }

// An effect is one thing that a handler did.
type effect struct {
	key string
	n   int
}

// A bench is a journal with one reader beside it.
type bench struct {
	source, target *store.DB
	reader         *stream.Reader
}

func newBench(t *testing.T, handle func(context.Context, *store.Tx, message.Of[counted]) error) *bench {
	t.Helper()
	b := &bench{}
	drivers := map[string]*sqlite.Driver{}
	for name, db := range map[string]**store.DB{"source": &b.source, "target": &b.target} {
		d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), name+".db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		*db, drivers[name] = store.Open(name, d), d
		t.Cleanup(func() { (*db).Close() })
	}
	b.update(t, b.target, func(tx *store.Tx) error {
		return tx.Exec(`CREATE TABLE effect (n INTEGER PRIMARY KEY, key TEXT, value BIGINT)`)
	})
	b.reader = &stream.Reader{DB: b.target, Log: sqlite.NewLog(b.source, drivers["source"]), Name: "source", Process: &run.Process{Instance: "test"},
		Policy: failure.Policy{Attempts: 3, First: time.Millisecond, Max: time.Millisecond},
		Handlers: []stream.Handler{
			stream.On("source", handle),
			stream.On("source", func(_ context.Context, tx *store.Tx, m message.Of[ended]) error { return do(tx, m.Key, -1) }).Passing(),
		}}
	return b
}

func do(tx *store.Tx, key string, n int) error {
	return tx.Exec(`INSERT INTO effect (key, value) VALUES ($1, $2)`, key, n)
}

func (b *bench) update(t *testing.T, db *store.DB, change func(*store.Tx) error) {
	t.Helper()
	if _, err := db.Update(t.Context(), nil, change); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) append(t *testing.T, key string, facts ...message.Kind) {
	t.Helper()
	b.update(t, b.source, func(tx *store.Tx) error {
		for _, f := range facts {
			if err := tx.Append(key, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// start runs the reader, and returns what stops it.
func (b *bench) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.reader.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

func (b *bench) effects(t *testing.T) (effects []effect) {
	t.Helper()
	err := b.target.View(t.Context(), func(tx *store.Tx) error {
		effects = nil
		return tx.Rows(`SELECT key, value FROM effect ORDER BY n`, nil, func(scan func(...any) error) error {
			var e effect
			err := scan(&e.key, &e.n)
			effects = append(effects, e)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return effects
}

// await polls until ok, for at most ten seconds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(10 * time.Second)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func of(effects []effect, key string) (ns []int) {
	for _, e := range effects {
		if e.key == key {
			ns = append(ns, e.n)
		}
	}
	return ns
}

func TestEveryMessageHasItsEffectOnceInOrder(t *testing.T) {
	b := newBench(t, func(_ context.Context, tx *store.Tx, m message.Of[counted]) error { return do(tx, m.Key, m.Data.N) })
	stop := b.start(t)
	for n := range 300 {
		b.append(t, fmt.Sprint("key", n%7), counted{n / 7})
		if n == 150 {
			stop()
			b.start(t)
		}
	}
	await(t, "300 effects", func() bool { return len(b.effects(t)) >= 300 })
	for k := range 7 {
		if ns := of(b.effects(t), fmt.Sprint("key", k)); !slices.IsSorted(ns) || len(slices.Compact(ns)) != len(ns) {
			t.Errorf("key%d: effects %v are not once and in order", k, ns)
		}
	}
}

// A batch of 50 with one poisoned message: bisection finds it, its key waits, the
// others go on, and it is the only one that dies.
func TestPoisonParksItsKeyOnly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		poison func(*store.Tx) error
	}{
		{"error", func(*store.Tx) error { return errors.New("no") }},
		{"panic", func(*store.Tx) error { panic("no") }},
		{"statement", func(tx *store.Tx) error { return tx.Exec(`INSERT INTO nowhere VALUES (1)`) }},
		{"permanent", func(*store.Tx) error { return failure.Permanent(errors.New("never")) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, func(_ context.Context, tx *store.Tx, m message.Of[counted]) error {
				if m.Data.N == 13 {
					return tt.poison(tx)
				}
				return do(tx, m.Key, m.Data.N)
			})
			for n := range 50 {
				b.append(t, fmt.Sprint("key", n%5), counted{n})
			}
			b.append(t, "key3", ended{})
			b.start(t)
			await(t, "the others and the end", func() bool { return len(b.effects(t)) == 50-8+1 })
			if got, want := of(b.effects(t), "key3"), []int{3, 8, -1}; !slices.Equal(got, want) {
				t.Errorf("effects of the poisoned key are %v, want %v", got, want)
			}
			await(t, "13 dead, 7 waiting", func() bool { return b.states(t) == "dead 1 waiting 7 " })
		})
	}
}

func (b *bench) states(t *testing.T) (s string) {
	t.Helper()
	err := b.target.View(t.Context(), func(tx *store.Tx) error {
		s = ""
		return tx.Rows(`SELECT state, count(*) FROM parked GROUP BY state ORDER BY state`, nil, func(scan func(...any) error) error {
			var state string
			var n int
			err := scan(&state, &n)
			s += fmt.Sprint(state, " ", n, " ")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A message that fails twice keeps its key's order, and delays no other key.
func TestRetryKeepsOrder(t *testing.T) {
	failed := 0
	b := newBench(t, func(_ context.Context, tx *store.Tx, m message.Of[counted]) error {
		if m.Data.N == 0 && failed < 2 {
			failed++
			return errors.New("not yet")
		}
		return do(tx, m.Key, m.Data.N)
	})
	b.reader.Policy.Immediate = 1
	b.append(t, "a", counted{0}, counted{1}, counted{2})
	b.append(t, "b", counted{10}, counted{11})
	b.start(t)
	await(t, "5 effects", func() bool { return len(b.effects(t)) == 5 })
	if got := of(b.effects(t), "a"); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("effects of a are %v, want 0 1 2", got)
	}
	await(t, "nothing parked", func() bool { return b.states(t) == "" })
}

func TestRedriveBringsHomeOnce(t *testing.T) {
	broken := true
	b := newBench(t, func(_ context.Context, tx *store.Tx, m message.Of[counted]) error {
		if broken && m.Data.N == 0 {
			return errors.New("a bug")
		}
		return do(tx, m.Key, m.Data.N)
	})
	b.append(t, "a", counted{0}, counted{1})
	stop := b.start(t)
	await(t, "dead", func() bool { return b.states(t) == "dead 1 waiting 1 " })
	stop()
	broken = false
	b.start(t)
	for range 2 {
		b.update(t, b.target, func(tx *store.Tx) error {
			return tx.Exec(`UPDATE parked SET state = 'retry', due = $1 WHERE state = 'dead'`, tx.Now)
		})
	}
	b.append(t, "a", counted{2})
	await(t, "3 effects", func() bool { return len(b.effects(t)) == 3 })
	if got := of(b.effects(t), "a"); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("effects are %v, want 0 1 2", got)
	}
}

// A log that is not the one that was read stops its partitions, and nothing is skipped.
func TestAnotherLogStopsThePartition(t *testing.T) {
	for _, tt := range []struct{ name, spoil, want string }{
		{"wiped", `UPDATE identity SET id = 'another'`, "it was wiped or replaced"},
		{"restored", `DELETE FROM journal`, "it was restored to an earlier state"},
		{"overtaken", `UPDATE journal SET id = 'other'`, "it was restored and has gone on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, func(_ context.Context, tx *store.Tx, m message.Of[counted]) error { return do(tx, m.Key, m.Data.N) })
			b.append(t, "a", counted{0})
			stop := b.start(t)
			await(t, "one effect", func() bool { return len(b.effects(t)) == 1 })
			stop()
			b.update(t, b.source, func(tx *store.Tx) error { return tx.Exec(tt.spoil) })
			b.append(t, "a", counted{1})
			b.start(t)
			var why string
			await(t, "stopped", func() bool {
				b.update(t, b.target, func(tx *store.Tx) error {
					_, err := tx.Row([]any{&why}, `SELECT stopped FROM position WHERE partition = $1`, store.Partition("a"))
					return err
				})
				return why != ""
			})
			if got := b.effects(t); len(got) != 1 || !strings.Contains(why, tt.want) {
				t.Errorf("stopped with %q and effects %v; want a reason with %q and one effect", why, got, tt.want)
			}
		})
	}
}

// A partition that stops is one error in the log of its reader, and a number in its metrics
// as long as it is stopped, whoever looks again; the lag alone would say that all is read.
func TestAStopIsToldOnce(t *testing.T) {
	var said logged
	before := slog.Default()
	slog.SetDefault(slog.New(&said))
	t.Cleanup(func() { slog.SetDefault(before) })
	meters := metric.NewManualReader()
	b := newBench(t, func(_ context.Context, tx *store.Tx, m message.Of[counted]) error { return do(tx, m.Key, m.Data.N) })
	b.reader.Process.Meter = metric.NewMeterProvider(metric.WithReader(meters)).Meter("test")
	stopped := func() (n int64) {
		var all metricdata.ResourceMetrics
		if err := meters.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, m := range all.ScopeMetrics[0].Metrics {
			if m.Name == "tidewire.stream.stopped" {
				n = m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value
			}
		}
		return n
	}
	b.append(t, "a", counted{0})
	stop := b.start(t)
	await(t, "one effect", func() bool { return len(b.effects(t)) == 1 })
	if n := stopped(); n != 0 {
		t.Errorf("%d partitions are stopped while all is well", n)
	}
	stop()
	b.update(t, b.source, func(tx *store.Tx) error { return tx.Exec(`UPDATE identity SET id = 'another' || id`) })
	stop = b.start(t)
	const words = "a partition is not read any more"
	await(t, "the number of the stopped, and a line", func() bool { return stopped() == 1 && len(said.of(words)) > 0 })
	want := fmt.Sprintf("ERROR a partition is not read any more subscription=target log=source partition=%d error=", store.Partition("a"))
	if got := said.of(words); len(got) != 1 || !strings.HasPrefix(got[0], want) || !strings.Contains(got[0], "wiped or replaced") {
		t.Errorf("got %q, want once %q and why", got, want)
	}
	stop()
	b.update(t, b.source, func(tx *store.Tx) error { return tx.Exec(`UPDATE identity SET id = substr(id, 8)`) })
	b.append(t, "a", counted{1})
	b.start(t)
	await(t, "none to be stopped, and the next effect", func() bool { return stopped() == 0 && len(b.effects(t)) == 2 })
}

// A logged is what was logged, a line each.
type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }
func (l *logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logged) WithGroup(string) slog.Handler            { return l }

func (l *logged) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

// of returns the lines with these words.
func (l *logged) of(words string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, words) {
			lines = append(lines, line)
		}
	}
	return lines
}

// A reader that rests takes what has come meanwhile together, later; it does not rest as
// long as it is behind, nor when it is to stop.
func TestReaderThatRests(t *testing.T) {
	b := newBench(t, func(_ context.Context, tx *store.Tx, m message.Of[counted]) error { return do(tx, m.Key, m.Data.N) })
	b.reader.Rest = time.Hour
	const behind = 600 // more than two batches
	for range behind / 100 {
		var facts []message.Kind
		for n := range 100 {
			facts = append(facts, counted{n})
		}
		b.append(t, "a", facts...)
	}
	stop := b.start(t)
	await(t, "all that was there", func() bool { return len(b.effects(t)) == behind })
	stop()
	b.append(t, "a", counted{1})
	stop = b.start(t)
	await(t, "the first", func() bool { return len(b.effects(t)) == behind+1 })
	b.append(t, "a", counted{2})
	stop()
	if got := len(b.effects(t)); got != behind+1 {
		t.Errorf("%d effects, want %d: it did not rest", got, behind+1)
	}
	b.start(t)
	await(t, "the second", func() bool { return len(b.effects(t)) == behind+2 })
}

func TestReaderTellsHowFarBehindItIs(t *testing.T) {
	b := newBench(t, func(context.Context, *store.Tx, message.Of[counted]) error { return nil })
	b.reader.Strain = run.NewStrain()
	b.append(t, "a", counted{1}, counted{2})
	b.start(t)
	await(t, "the wait of the message", func() bool { return b.reader.Strain.Wait() > 0 })
}
