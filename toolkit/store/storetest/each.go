package storetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tidewire/tidewire/toolkit/store"
)

// eaches are about Tx.Each, and Together where a driver is one.
func eaches() []test {
	return []test{
		// Two of one key that read before either writes would lose one.
		{"those with a key in common run one after another", func(k *desk) {
			const n = 60
			keys := make([][]string, n)
			for i := range keys {
				keys[i] = []string{fmt.Sprint("a", i%3), fmt.Sprint("b", i%4)}
			}
			k.each(keys, func(tx *store.Tx, i int) error {
				for _, key := range keys[i] {
					if err := increment(tx, key); err != nil {
						return err
					}
				}
				_, err := tx.AppendAfter(store.Place{Version: int64(i / 3)}, keys[i][0], said{i})
				return err
			})
			for key, want := range map[string]int64{"a0": 20, "a1": 20, "a2": 20, "b0": 15, "b1": 15, "b2": 15, "b3": 15} {
				k.wantCount(key, want)
			}
			for i, r := range k.journal("a1") {
				if want := fmt.Sprintf(`{"N":%d}`, 3*i+1); string(r.Body) != want {
					k.Errorf("fact %d of a1 is %s, want %s", i, r.Body, want)
				}
			}
		}},
		// What was asked together is answered apart.
		{"each gets its own answers", func(k *desk) {
			const n = 30
			numbers := make([]int64, n)
			k.each(make([][]string, n), func(tx *store.Tx, i int) (err error) {
				for round := range i % 4 {
					var got int
					if _, err := tx.Row([]any{&got}, `SELECT CAST($1 AS BIGINT) * 10`, i+round); err != nil || got != (i+round)*10 {
						return fmt.Errorf("round %d of %d got %d, %w", round, i, got, err)
					}
				}
				if numbers[i], err = tx.Next(); err != nil {
					return err
				}
				return tx.Exec(`INSERT INTO counter (name, n) VALUES ($1, $2)`, fmt.Sprint("c", i), i)
			})
			slices.Sort(numbers)
			if len(slices.Compact(numbers)) != n || numbers[0] == 0 {
				k.Errorf("drew %v, want %d numbers", numbers, n)
			}
			k.wantCount("c29", 29)
		}},
		// The one at fault is taken out; the others have done nothing.
		{"names the one that fails, and nothing of any happens", func(k *desk) {
			for name, fault := range map[string]func(*store.Tx) error{
				"an error": func(*store.Tx) error { return errOwn },
				"an error of a row": func(tx *store.Tx) error {
					return tx.Rows(`SELECT 1`, nil, func(func(...any) error) error { return errOwn })
				},
				"an error of a query": func(tx *store.Tx) error { _, err := tx.Row(nil, `SELECT * FROM nowhere`); return err },
				"a panic":             func(*store.Tx) error { panic("a handler's own") },
				"a panic of a row": func(tx *store.Tx) error {
					return tx.Rows(`SELECT 1`, nil, func(func(...any) error) error { panic("its own") })
				},
			} {
				at := -1
				_, err := store.Open("suite", k.d).Update(k.ctx, nil, func(tx *store.Tx) (err error) {
					at, err = tx.Each(make([][]string, 10), func(tx *store.Tx, i int) error {
						if err := increment(tx, fmt.Sprint("d", i)); err != nil {
							return err
						}
						if i == 6 {
							return fault(tx)
						}
						return increment(tx, fmt.Sprint("d", i))
					})
					return err
				})
				if err == nil || at != 6 {
					k.Errorf("%s: %v at %d, want it at 6", name, err, at)
				}
			}
			for i := range 10 {
				k.wantCount(fmt.Sprint("d", i), 0)
			}
		}},
		// A counter that all of a batch change is written once, when all have run.
		{"what those of a batch gather is written once", func(k *desk) {
			for round := range int64(2) {
				k.each(make([][]string, 30), func(tx *store.Tx, i int) error {
					if err := increment(tx, fmt.Sprint("e", i)); err != nil {
						return err
					}
					store.Gather[sum](tx).n++
					return nil
				})
				k.wantCount("sum", 30*(round+1))
			}
			if _, err := store.Open("suite", k.d).Update(k.ctx, nil, func(tx *store.Tx) error {
				_, err := tx.Each(make([][]string, 3), func(tx *store.Tx, i int) error {
					if store.Gather[sum](tx).n++; i == 2 {
						return errOwn
					}
					return increment(tx, fmt.Sprint("e", i))
				})
				return err
			}); !errors.Is(err, errOwn) {
				k.Errorf("got %v, want its own error", err)
			}
			k.wantCount("sum", 60)
		}},
		// It would run in the middle of the answers.
		{"a row function runs no statement", func(k *desk) {
			var got error
			k.each(make([][]string, 2), func(tx *store.Tx, i int) error {
				return tx.Rows(`SELECT 1`, nil, func(func(...any) error) error {
					_, err := tx.Row(nil, `SELECT 2`)
					got = errors.Join(got, err)
					return nil
				})
			})
			k.must(k.update(k.d, nil, func(c store.Conn) error {
				if _, ok := c.(store.Together); ok && got == nil {
					k.Error("a query in a row function went through")
				}
				return nil
			}))
		}},
	}
}

// each runs Each in an update of its own.
func (k *desk) each(keys [][]string, do func(tx *store.Tx, i int) error) {
	k.Helper()
	_, err := store.Open("suite", k.d).Update(k.ctx, nil, func(tx *store.Tx) error {
		at, err := tx.Each(keys, do)
		if err == nil && at != len(keys) {
			err = fmt.Errorf("no error, at %d of %d", at, len(keys))
		}
		return err
	})
	k.must(err)
}

// A sum is gathered by a batch.
type sum struct{ n int64 }

func (s *sum) Flush(tx *store.Tx) error {
	return tx.Exec(`INSERT INTO counter (name, n) VALUES ('sum', $1) ON CONFLICT (name) DO UPDATE SET n = counter.n + excluded.n`, s.n)
}

// increment reads a counter and then writes it.
func increment(tx *store.Tx, name string) error {
	var n int64
	if _, err := tx.Row([]any{&n}, `SELECT n FROM counter WHERE name = $1`, name); err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO counter (name, n) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = excluded.n`, name, n+1)
}
