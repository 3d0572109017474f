package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// A far database is a round trip away, and notes what goes there together.
type far struct {
	store.Driver
	trips [][]string
}

func (d *far) Update(ctx context.Context, c store.Change) error {
	run := c.Run
	c.Run = func(conn store.Conn, now time.Time) error { return run(&farConn{conn, d}, now) }
	return d.Driver.Update(ctx, c)
}

type farConn struct {
	store.Conn
	d *far
}

func (c *farConn) Ask(questions []*store.Question) error {
	var trip []string
	for _, q := range questions {
		trip = append(trip, fmt.Sprint(q.Args...))
		if q.Err = c.Query(q.Query, q.Args, q.Row); q.Err != nil {
			return q.Err
		}
	}
	c.d.trips = append(c.d.trips, trip)
	return nil
}

// Those with no key in common share their round trips; one that has waits until the one
// before it is over, and nobody waits for more.
func TestEachSharesRoundTrips(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys [][]string
		want [][]string // what goes out together: which one asks, and its how manieth question
	}{
		{"none in common", [][]string{{"a"}, {"b"}, {"c"}}, [][]string{{"0 1", "1 1", "2 1"}, {"0 2", "1 2", "2 2"}}},
		{"all in common", [][]string{{"a"}, {"a"}}, [][]string{{"0 1"}, {"0 2"}, {"1 1"}, {"1 2"}}},
		{"one of two keys in common", [][]string{{"a", "x"}, {"x", "b"}, {"c"}}, [][]string{{"0 1", "2 1"}, {"0 2", "2 2"}, {"1 1"}, {"1 2"}}},
		{"a chain", [][]string{{"a"}, {"a", "b"}, {"b"}, {"d"}}, [][]string{{"0 1", "3 1"}, {"0 2", "3 2"}, {"1 1"}, {"1 2"}, {"2 1"}, {"2 2"}}},
		{"the same key twice", [][]string{{"a", "a"}, {"b"}}, [][]string{{"0 1", "1 1"}, {"0 2", "1 2"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &far{Driver: onDisk(t)}
			update(t, store.Open("test", d), nil, func(tx *store.Tx) error {
				_, err := tx.Each(tt.keys, func(tx *store.Tx, i int) error {
					for n := range 2 {
						if _, err := tx.Row([]any{nil, nil}, `SELECT $1, $2`, i, n+1); err != nil {
							return err
						}
					}
					return nil
				})
				return err
			})
			if !slices.EqualFunc(d.trips, tt.want, slices.Equal) {
				t.Errorf("trips are %q, want %q", d.trips, tt.want)
			}
		})
	}
}
