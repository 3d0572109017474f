package storetest

import (
	"errors"
	"fmt"

	"github.com/tidewire/tidewire/toolkit/store"
)

const counters = "counter (name, n)"

// inserts are about Tx.Insert: rows that are written at the end, many in one statement.
func inserts() []test {
	return []test{
		{"every row, whatever their number", func(k *desk) {
			for _, n := range []int{1, 2, 3, 63, 64, 65, 200} {
				k.each(make([][]string, n), func(tx *store.Tx, i int) error {
					return tx.Insert(counters, "", fmt.Sprintf("%d of %d", i, n), i+1)
				})
				for i := range n {
					k.wantCount(fmt.Sprintf("%d of %d", i, n), int64(i+1))
				}
			}
		}},
		{"not before the end", func(k *desk) {
			k.each(make([][]string, 3), func(tx *store.Tx, i int) error {
				if err := tx.Insert(counters, "", fmt.Sprint("later", i), 1); err != nil {
					return err
				}
				found, err := tx.Row([]any{nil}, `SELECT n FROM counter WHERE name = $1`, fmt.Sprint("later", i))
				if found {
					err = errors.Join(err, errors.New("the row is there already"))
				}
				return err
			})
			k.wantCount("later2", 1)
		}},
		{"two statements, each with its own conflict", func(k *desk) {
			k.each(make([][]string, 5), func(tx *store.Tx, i int) error {
				return errors.Join(
					tx.Insert(counters, "ON CONFLICT (name) DO NOTHING", "first", i+1),
					tx.Insert(counters, "", fmt.Sprint("own", i), i+1))
			})
			k.wantCount("first", 1)
			k.wantCount("own4", 5)
		}},
		{"a row that cannot be added undoes the change", func(k *desk) {
			_, err := store.Open("suite", k.d).Update(k.ctx, nil, func(tx *store.Tx) error {
				return errors.Join(tx.Insert(counters, "", "twice", 1), tx.Insert(counters, "", "once", 1), tx.Insert(counters, "", "twice", 2))
			})
			if err == nil {
				k.Error("the same key was added twice")
			}
			k.wantCount("twice", 0)
			k.wantCount("once", 0)
		}},
		{"nothing of a change that fails", func(k *desk) {
			_, err := store.Open("suite", k.d).Update(k.ctx, nil, func(tx *store.Tx) error {
				return errors.Join(tx.Insert(counters, "", "undone", 1), errOwn)
			})
			if !errors.Is(err, errOwn) {
				k.Errorf("got %v, want its own error", err)
			}
			k.wantCount("undone", 0)
		}},
		{"refused: another number of values, or in a View", func(k *desk) {
			_, err := store.Open("suite", k.d).Update(k.ctx, nil, func(tx *store.Tx) error {
				return errors.Join(tx.Insert(counters, "", "wide", 1), tx.Insert(counters, "", "narrow"))
			})
			if err == nil {
				k.Error("a row of one value was added to those of two")
			}
			if err := store.Open("suite", k.d).View(k.ctx, func(tx *store.Tx) error { return tx.Insert(counters, "", "seen", 1) }); err == nil {
				k.Error("a View has added a row")
			}
		}},
	}
}
