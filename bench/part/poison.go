package part

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// poisoned is the key whose messages fail.
const poisoned = "poisoned"

// Beside measures how long messages wait until they are handled, while they come at a rate
// for a while. One in ten is of one key, and is not counted; if fails is set, its handler
// fails every time. It returns the 99th percentile of the others.
func Beside(ctx context.Context, dir string, fails bool, perSecond int, d time.Duration) (_ time.Duration, err error) {
	from, log, err := openLog(ctx, dir, "from", nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := open(ctx, dir, "to", things())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	waits := map[string]time.Duration{}
	var others atomic.Int64 // in waits
	r := &stream.Reader{DB: to, Log: log, Name: "from", Process: &run.Process{Instance: "part"},
		Policy: failure.Policy{Attempts: 1000, Max: time.Second}, // it is tried for as long as this takes
		Handlers: []stream.Handler{
			stream.On("from", func(_ context.Context, tx *store.Tx, m message.Of[happened]) error {
				if m.Key != poisoned {
					waits[m.Key] = time.Since(m.Time)
					others.Store(int64(len(waits)))
				} else if fails {
					return errors.New("not now")
				}
				return insert(tx, m.ID, m.Data.N)
			})}}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(reading) }()
	said, err := say(ctx, from, perSecond, d)
	for end := time.Now().Add(10 * time.Second); err == nil && int(others.Load()) < said; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			err = fmt.Errorf("%d messages were handled, of %d", others.Load(), said)
		}
	}
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return 0, err
	}
	sorted := make([]time.Duration, 0, len(waits))
	for _, w := range waits {
		sorted = append(sorted, w)
	}
	slices.Sort(sorted)
	return sorted[int(math.Ceil(0.99*float64(len(sorted))))-1], nil
}

// say appends messages at a rate: each of a key of its own, one in ten of the poisoned one.
// It returns how many there were of others.
func say(ctx context.Context, db *store.DB, perSecond int, d time.Duration) (others int, _ error) {
	gap := time.Second / time.Duration(perSecond)
	tick := time.NewTicker(10 * gap)
	defer tick.Stop()
	for n := 0; time.Duration(n)*gap < d; n += 10 {
		_, err := db.Update(ctx, nil, func(tx *store.Tx) error {
			for i := range 10 {
				key := fmt.Sprint(n + i)
				if i == 0 {
					key = poisoned
				}
				if err := tx.Append(key, happened{N: 1}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return others, err
		}
		others += 9
		select {
		case <-tick.C:
		case <-ctx.Done():
			return others, ctx.Err()
		}
	}
	return others, nil
}
