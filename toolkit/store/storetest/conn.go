package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

func conns() []test {
	return append(queries(), []test{
		// A change that leaks its connection must not write into the next one.
		{"is useless once its change has ended", func(k *desk) {
			var leaked store.Conn
			k.must(k.update(k.d, nil, func(c store.Conn) error { leaked = c; return nil }))
			k.useless(leaked)
			k.want(k.update(k.d, nil, func(c store.Conn) error { leaked = c; return errOwn }), errOwn)
			k.useless(leaked)
			k.wantCount("useless", 0)
		}},
		// A driver that delays statements may not reorder them.
		{"runs statements in order", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error {
				for i := range int64(10) {
					if err := c.Exec(`INSERT INTO counter (name, n) VALUES ('a', $1) ON CONFLICT (name) DO UPDATE SET n = counter.n * 2 + $1`, i); err != nil {
						return err
					}
				}
				n, err := read(c, "a")
				if n != 1013 {
					k.Errorf("read %d, want 1013", n)
				}
				return err
			}))
		}},
		// SQLite binds $2 before $1 by appearance, silently.
		{"binds parameters by number", numbered},
		// A prepared statement keeps nothing of its last run.
		{"runs a statement again with other parameters", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error {
				for i := range int64(3) {
					var got int64
					err := c.Query(`SELECT CAST($1 AS BIGINT) + 1`, []any{i}, func(scan func(...any) error) error { return scan(&got) })
					if err != nil || got != i+1 {
						return fmt.Errorf("got %d, %w; want %d", got, err, i+1)
					}
				}
				return nil
			}))
		}},
		// The ends of each type, and what quoting or a time zone could spoil.
		{"keeps every kind of value", values},
		// A scan overwrites what was there before.
		{"reads NULL as the zero value", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error {
				if err := c.Exec(`INSERT INTO thing (id) VALUES (1)`); err != nil {
					return err
				}
				got := thing{1, 1, true, "x", []byte("x"), time.Now()}
				err := got.read(c)
				if got.whole != 0 || got.small != 0 || got.yes || got.text != "" || len(got.bytes) != 0 || !got.at.IsZero() {
					k.Errorf("read %+v, want zero values", got)
				}
				return err
			}))
		}},
	}...)
}

// queries are the tests of how rows are read.
func queries() []test {
	return []test{
		// Readers skip bodies that nobody wants.
		{"skips a column at nil", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error {
				var third int64
				return c.Query(`SELECT 'x', 2, 3`, nil, func(scan func(...any) error) error {
					if err := scan(nil, nil, &third); err != nil || third != 3 {
						k.Errorf("read %d, %v; want 3", third, err)
					}
					return nil
				})
			}))
		}},
		// A statement left half read does not block the next.
		{"ends a query at the error of row, and goes on", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error {
				calls := 0
				k.want(c.Query(`SELECT 1 UNION ALL SELECT 2`, nil, func(func(...any) error) error { calls++; return errOwn }), errOwn)
				if calls != 1 {
					k.Errorf("row was called %d times, want 1", calls)
				}
				return add(c, "a")
			}))
			k.wantCount("a", 1)
		}},
		// Stores count on RETURNING on every database.
		{"returns rows of a write", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error {
				var got []int64
				err := c.Query(`INSERT INTO counter (name, n) VALUES ('a', 1), ('b', 2) RETURNING n`, nil, func(scan func(...any) error) error {
					var n int64
					err := scan(&n)
					got = append(got, n)
					return err
				})
				if len(got) != 2 {
					k.Errorf("RETURNING gave %v, want two rows", got)
				}
				return err
			}))
		}},
	}
}

// numbered: $2 before $1, one used twice, and more than nine.
func numbered(k *desk) {
	k.must(k.update(k.d, nil, func(c store.Conn) error {
		var args []any
		var marks []string
		for i := range 12 {
			args = append(args, string(rune('a'+i)))
			marks = append(marks, fmt.Sprintf("CAST($%d AS TEXT)", 12-i))
		}
		for query, want := range map[string]string{
			`SELECT CAST($2 AS TEXT) || CAST($1 AS TEXT) || CAST($2 AS TEXT)`: "bab",
			`SELECT '$1' || CAST($1 AS TEXT) || CAST($2 AS TEXT)`:             "$1ab",
			`SELECT ` + strings.Join(marks, " || "):                           "lkjihgfedcba",
		} {
			n := 2
			if len(want) == 12 {
				n = 12
			}
			var got string
			if err := c.Query(query, args[:n], func(scan func(...any) error) error { return scan(&got) }); err != nil {
				return err
			}
			if got != want {
				k.Errorf("%s is %q, want %q", query, got, want)
			}
		}
		return nil
	}))
}

// thing is a row with a column of each kind.
type thing struct {
	whole int64
	small int
	yes   bool
	text  string
	bytes []byte
	at    time.Time
}

func (th *thing) read(c store.Conn) error {
	return c.Query(`SELECT whole, whole, yes, text, bytes, at FROM thing`, nil, func(scan func(...any) error) error {
		return scan(&th.whole, &th.small, &th.yes, &th.text, &th.bytes, &th.at)
	})
}

func values(k *desk) {
	at := time.Date(2026, 2, 28, 23, 59, 59, 999_999_000, time.FixedZone("east", 7200))
	for _, want := range []thing{
		{-1 << 63, -1 << 63, true, "grün\n'\"", []byte{0, 255, '\''}, at},
		{1<<63 - 1, 1<<63 - 1, false, "", []byte{}, time.UnixMicro(0)},
		{0, 0, true, strings.Repeat("x", 100_000), bytes.Repeat([]byte{7}, 100_000), time.UnixMicro(-1)},
	} {
		var got thing
		k.must(k.update(k.d, nil, func(c store.Conn) error {
			if err := c.Exec(`DELETE FROM thing`); err != nil {
				return err
			}
			err := c.Exec(`INSERT INTO thing (id, whole, yes, text, bytes, at) VALUES (1, $1, $2, $3, $4, $5)`, want.whole, want.yes, want.text, want.bytes, want.at)
			if err != nil {
				return err
			}
			return got.read(c)
		}))
		if got.whole != want.whole || got.small != want.small || got.yes != want.yes || got.text != want.text || !bytes.Equal(got.bytes, want.bytes) {
			k.Errorf("got %+.100v, want %+.100v", got, want)
		}
		if !got.at.Equal(want.at) {
			k.Errorf("got time %v, want %v", got.at, want.at)
		}
	}
}
